//! Why a score: the machine is a sum, so every feature and every pair of features has its share (`debug_one` of River).

use crate::input::feature::FeatureId;
use crate::maths::order::ordered;
use crate::model::gathered::Gathered;
use crate::model::prediction::Prediction;
use alloc::vec::Vec;

/// What a term of a score stems from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The global bias.
    Bias,
    /// The visitor row.
    Visitor,
    /// A feature.
    Feature(FeatureId),
}

/// One term of a score: a weight, or a pair's inner product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// Whose it is.
    pub source: Source,
    /// The other one of a pair.
    pub with: Option<Source>,
    /// Its share of the score.
    pub share: f64,
}

/// A score and the terms that it is the sum of.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What is explained.
    pub prediction: Prediction,
    /// The largest share first. Added up from the last to the first they are `sum`.
    pub terms: Vec<Term>,
    /// The sum of the terms, in f64; `prediction.score` is the same number, added up in another order in f32.
    pub sum: f64,
}

/// Every weight and every pair of the active rows and the visitor row.
pub(crate) fn terms(gathered: &Gathered, w0: f32, visitor: &[f64]) -> Vec<Term> {
    let mut terms = Vec::from([
        Term { source: Source::Bias, with: None, share: f64::from(w0) },
        Term { source: Source::Visitor, with: None, share: visitor[0] },
    ]);
    let rows: Vec<_> = gathered.terms().collect();
    for (at, (id, x, row)) in rows.iter().enumerate() {
        let source = Source::Feature(*id);
        let x = f64::from(*x);
        terms.push(Term { source, with: None, share: f64::from(row[0]) * x });
        let with_visitor = row[1..].iter().zip(&visitor[1..]).fold(0.0, |sum, (v, u)| sum + f64::from(*v) * u);
        terms.push(Term { source: Source::Visitor, with: Some(source), share: with_visitor * x });
        for (other, y, others) in &rows[at + 1..] {
            let pair = row[1..].iter().zip(&others[1..]).fold(0.0, |sum, (a, b)| sum + f64::from(*a) * f64::from(*b));
            terms.push(Term { source, with: Some(Source::Feature(*other)), share: pair * x * f64::from(*y) });
        }
    }
    ordered(&terms, |a, b| b.share.abs().total_cmp(&a.share.abs()))
}
