//! What the values of fields are, in words.

use brooklet_core::{FieldKind, Kind, Scale};

/// `genres multi-hot, year numeric (mean 1986.2, deviation 14.3)`.
pub(crate) fn kinds(kinds: &[FieldKind]) -> String {
    let told = |FieldKind { field, kind }: &FieldKind| match kind {
        Kind::Numeric(Scale { mean, deviation }) => {
            format!("{field} {} (mean {mean}, deviation {deviation})", kind.as_str())
        }
        Kind::Categorical | Kind::MultiHot => format!("{field} {}", kind.as_str()),
    };
    kinds.iter().map(told).collect::<Vec<_>>().join(", ")
}
