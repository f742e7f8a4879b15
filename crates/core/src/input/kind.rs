//! What the values of a field are, and how its numbers are scaled: a seed says it, and the page's values are read by it.

use alloc::string::String;

/// Beyond so many deviations a value counts as that many.
const BOUND: f64 = 10.0;

/// What the values of a field are. A field has one kind, in the training data and on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// One category: a text, or what a number or a boolean is as a text.
    Categorical,
    /// Any number of categories.
    MultiHot,
    /// A number, or the text of one.
    Numeric(Scale),
}

impl Kind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Categorical => CATEGORICAL,
            Kind::MultiHot => MULTI_HOT,
            Kind::Numeric(_) => NUMERIC,
        }
    }
}

pub(crate) const CATEGORICAL: &str = "categorical";
pub(crate) const MULTI_HOT: &str = "multi-hot";
pub(crate) const NUMERIC: &str = "numeric";

/// A field, and what its values are.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldKind {
    /// The field, a dotted path.
    pub field: String,
    /// Its kind.
    pub kind: Kind,
}

/// How a number is scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// What becomes 0.
    pub mean: f32,
    /// What becomes 1 more; above 0.
    pub deviation: f32,
}

impl Scale {
    /// (x - mean) / deviation, at most 10 in magnitude.
    pub fn apply(&self, x: f32) -> f32 {
        scaled(x.into(), self.mean.into(), self.deviation.into())
    }
}

pub(crate) fn scaled(x: f64, mean: f64, deviation: f64) -> f32 {
    ((x - mean) / deviation).clamp(-BOUND, BOUND) as f32
}
