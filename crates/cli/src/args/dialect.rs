//! How text files are written.

use super::names::named;
use brooklet_train::input::{Dialect, Quoting, parse_encoding};

const WRITTEN: &str = "How files are written";

/// How text files are written, as far as it does not show.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DialectArgs {
    /// What quotes are in tables.
    #[arg(long, default_value = "cells", value_parser = named(Quoting::ALL, Quoting::as_str, told), help_heading = WRITTEN)]
    quoting: Quoting,
    /// Encoding of text files, as latin1, windows-1252, utf-16le or shift_jis [default: UTF-8, or UTF-16 if it begins with its mark].
    #[arg(long, value_name = "NAME", value_parser = encoding, help_heading = WRITTEN)]
    encoding: Option<Encoding>,
}

/// One that the command line names.
#[derive(Debug, Clone, Copy)]
struct Encoding(Dialect);

impl DialectArgs {
    pub(crate) fn dialect(&self) -> Dialect {
        let encoding = self.encoding.and_then(|encoding| encoding.0.encoding);
        Dialect { quoting: self.quoting, encoding }
    }
}

fn told(quoting: Quoting) -> &'static str {
    match quoting {
        Quoting::Cells => "Around cells that hold separators, line ends or quotes",
        Quoting::None => "Characters like any other",
    }
}

fn encoding(name: &str) -> Result<Encoding, String> {
    let encoding = parse_encoding(name).map_err(|error| error.to_string())?;
    Ok(Encoding(Dialect { encoding: Some(encoding), ..Dialect::default() }))
}
