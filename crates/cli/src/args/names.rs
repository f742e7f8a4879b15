//! Options that take a name of the library or the core, so that each name stands there alone.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Takes the name of one of these; `help` says of each what it is.
pub(crate) fn named<T>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    help: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    let possible = all.iter().map(|of| PossibleValue::new(name(*of)).help(help(*of)));
    PossibleValuesParser::new(possible)
        .try_map(move |text| all.iter().find(|of| name(**of) == text).copied().ok_or("no such name"))
}
