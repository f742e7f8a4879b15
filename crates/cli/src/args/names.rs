//! Options that take one of the core's own names, so that each name stands in the core alone.

use brooklet_core::Fault;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::str::FromStr;

/// Takes the name of one of these; `help` says of each what it is.
pub(crate) fn named<T>(
    all: &[T],
    name: fn(T) -> &'static str,
    help: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Fault> + Copy + Send + Sync + 'static,
{
    let possible = all.iter().map(|of| PossibleValue::new(name(*of)).help(help(*of)));
    PossibleValuesParser::new(possible).try_map(|text| text.parse::<T>())
}
