//! A seed without events.

use crate::args::{DialectArgs, named};
use crate::files::{ensure_outputs, write_whole};
use crate::term::{Bars, kinds};
use anyhow::Result;
use brooklet_core::{Base, Precision};
use brooklet_train::input::Columns;
use brooklet_train::training::{Init, init};
use serde_json::json;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brooklet init --items items.csv --item-fields genres,tags --numeric price --out seed.safetensors";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// File of items: CSV, JSON, Parquet or Arrow.
    #[arg(long)]
    items: PathBuf,
    /// Columns of it that become features; a `|` inside a cell separates several values.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    item_fields: Vec<String>,
    /// Columns of it that hold numbers: each is one feature, scaled by its own mean and deviation.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    numeric: Vec<String>,
    /// Column that holds the item, in this file and in events.
    #[arg(long, default_value = "item", value_name = "COLUMN")]
    item: String,
    /// What events call the user.
    #[arg(long, default_value = "user", value_name = "COLUMN")]
    user: String,
    /// Factors of a row.
    #[arg(long, default_value_t = 16)]
    factors: usize,
    /// What the factors that rows begin with are drawn from.
    #[arg(long, alias = "seed", default_value_t = 42, value_name = "NUMBER")]
    random: u64,
    #[command(flatten)]
    dialect: DialectArgs,
    /// How factors are stored.
    #[arg(long, default_value = "f16", value_parser = named(Precision::ALL, Precision::as_str, crate::args::stored))]
    precision: Precision,
    /// Name of the model.
    #[arg(long, default_value = "model", value_name = "NAME")]
    model: String,
    /// Where to write the seed.
    #[arg(long)]
    out: PathBuf,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure_outputs(&[("--out", Some(&args.out))], [args.items.clone()])?;
    let of = Init {
        items: args.items.clone(),
        item_fields: args.item_fields.clone(),
        numeric: args.numeric.clone(),
        columns: Columns { user: args.user.clone(), item: args.item.clone(), ..Columns::default() },
        dialect: args.dialect.dialect(),
        factors: args.factors,
        seed: args.random,
        precision: args.precision,
        model: args.model.clone(),
    };
    let (bytes, items) = init(&of, &Bars)?;
    write_whole(&args.out, &bytes)?;
    let base = Base::decode(bytes)?;
    let (rows, bytes, out) = (base.len(), base.bytes().len(), args.out.display().to_string());
    if args.json {
        println!("{}", json!({ "items": items, "rows": rows, "bytes": bytes, "out": out }));
        return Ok(());
    }
    println!("{items} items, {rows} rows that were learnt from nothing");
    println!("fields: {}", kinds(&base.metadata().schema.kinds));
    println!("{bytes} bytes in {out}");
    Ok(())
}
