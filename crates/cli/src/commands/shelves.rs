//! Shelves that are for no visitor in particular: what is like an item, and what is popular.

use crate::args::DialectArgs;
use crate::term::Bars;
use anyhow::{Context, Result};
use brooklet_core::{Learner, Popular, Query, Similar};
use brooklet_train::input::read_side;
use brooklet_train::seed;
use brooklet_train::shelves::stocked;
use serde_json::json;
use std::path::PathBuf;

/// Which items, and how they are shown.
#[derive(Debug, clap::Args)]
struct Shelf {
    /// The seed.
    seed: PathBuf,
    /// How many items.
    #[arg(short, default_value_t = 10)]
    k: usize,
    /// File of items with the fields of the seed: those that the seed does not know are items too, by their features.
    /// Without it items are those of the seed, by their own rows.
    #[arg(long)]
    items: Option<PathBuf>,
    #[command(flatten)]
    dialect: DialectArgs,
    /// Print one JSON array on stdout.
    #[arg(long)]
    json: bool,
}

impl Shelf {
    fn learner(&self) -> Result<Learner> {
        let base = seed::open(&self.seed)?;
        let schema = &base.metadata().schema;
        let fields: Vec<String> = schema.fields.iter().filter(|field| **field != schema.item).cloned().collect();
        let listed = self.items.as_deref().map(|path| {
            // A seed from elsewhere may call its item another name than the file does; the file goes by the seed's.
            read_side(
                path,
                self.dialect.dialect(),
                [&schema.item, "the name that the seed has"],
                &fields,
                "the name that the seed has",
                &Bars,
            )
        });
        Ok(stocked(&base, &listed.transpose()?.unwrap_or_default())?)
    }
}

const SIMILAR: &str = "\
Examples:
  brooklet similar seed.safetensors --item 31 -k 8
  brooklet similar seed.safetensors --item new --items items.csv";

#[derive(Debug, clap::Args)]
#[command(after_help = SIMILAR)]
pub(crate) struct SimilarArgs {
    #[command(flatten)]
    shelf: Shelf,
    /// The item that others are to be like.
    #[arg(long)]
    item: String,
}

const POPULAR: &str = "\
Examples:
  brooklet popular seed.safetensors -k 12";

#[derive(Debug, clap::Args)]
#[command(after_help = POPULAR)]
pub(crate) struct PopularArgs {
    #[command(flatten)]
    shelf: Shelf,
}

pub(crate) fn similar(SimilarArgs { shelf, item }: &SimilarArgs) -> Result<()> {
    let learner = shelf.learner()?;
    let similar = learner.similar(item, shelf.k).with_context(|| format!("--item {item}"))?;
    if shelf.json {
        let item = |like: &Similar| json!({ "item": like.item, "similarity": like.similarity });
        println!("{}", serde_json::Value::from_iter(similar.iter().map(item)));
        return Ok(());
    }
    similar.iter().for_each(|like| println!("{:<24} {:>7.4}", like.item, like.similarity));
    Ok(())
}

pub(crate) fn popular(PopularArgs { shelf }: &PopularArgs) -> Result<()> {
    let popular = shelf.learner()?.popular(&Query { k: shelf.k, ..Query::default() });
    if shelf.json {
        let item = |item: &Popular| json!({ "item": item.item, "score": item.score, "probability": item.probability });
        println!("{}", serde_json::Value::from_iter(popular.iter().map(item)));
        return Ok(());
    }
    println!("{:<24} {:>9} {:>11}", "", "score", "probability");
    popular.iter().for_each(|of| println!("{:<24} {:>9.4} {:>11.4}", of.item, of.score, of.probability));
    Ok(())
}
