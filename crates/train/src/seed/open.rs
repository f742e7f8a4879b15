//! Seed files that are opened, and what they say of labels.

use crate::error::{Context, Result};
use crate::input::LabelRule;
use brooklet_core::{BASE_FORMAT, Base, Metadata};
use std::path::Path;

/// A seed file, opened.
pub fn open(path: &Path) -> Result<Base> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the seed {}", path.display()))?;
    if let Some(format) = format(&bytes).filter(|format| *format > BASE_FORMAT) {
        bail!(
            Seed,
            "{} is a seed of format {format}, made by a newer brooklet; this one ({}) reads format {BASE_FORMAT}: update it",
            path.display(),
            env!("CARGO_PKG_VERSION")
        );
    }
    Base::decode(bytes).with_context(|| format!("{} is not a seed, as `brooklet train` writes one", path.display()))
}

/// The format that a file says it has, if it is a seed at all.
fn format(bytes: &[u8]) -> Option<u64> {
    let length = usize::try_from(u64::from_le_bytes(*bytes.first_chunk::<8>()?)).ok()?;
    let header: serde_json::Value = serde_json::from_slice(bytes.get(8..)?.get(..length)?).ok()?;
    let metadata: serde_json::Value = serde_json::from_str(header["__metadata__"]["brooklet"].as_str()?).ok()?;
    metadata["format"].as_u64()
}

/// The rule that turns labels into targets and clicks, as the seed records it.
pub fn rule(metadata: &Metadata) -> LabelRule {
    LabelRule::of(metadata.loss, &metadata.labels)
}

/// The items of a seed, by the names that it keeps.
pub(crate) fn items(base: &Base) -> impl Iterator<Item = &str> {
    let field = &base.metadata().schema.item;
    (0..base.len()).filter_map(move |at| base.name(at)?.strip_prefix(field.as_str())?.strip_prefix('='))
}
