//! A seed without events, of a file of items.

use super::files::{check_names, with_numeric};
use crate::data::kinds;
use crate::error::Result;
use crate::input::{Columns, Dialect, SideTable};
use crate::seed::{Beginning, Sources};
use crate::trainer::MAX_FACTORS;
use crate::watch::Watch;
use brooklet_core::{Labels, Precision};
use std::path::PathBuf;

/// What a seed without events is made of.
#[derive(Debug, Clone)]
pub struct Init {
    /// A CSV or TSV file of items.
    pub items: PathBuf,
    /// Its columns that become features.
    pub item_fields: Vec<String>,
    /// Its columns that hold numbers, named as features or not.
    pub numeric: Vec<String>,
    /// How events will call their columns; the items' file has that of the item.
    pub columns: Columns,
    /// How the file is written.
    pub dialect: Dialect,
    /// Factors of a row; without one, nothing can be told apart for one visitor and another.
    pub factors: usize,
    /// Of the factors that rows begin with.
    pub seed: u64,
    /// How factors are stored.
    pub precision: Precision,
    /// Name of the model.
    pub model: String,
}

/// A seed of no event, and how many items it has.
pub fn init(init: &Init, watch: &dyn Watch) -> Result<(Vec<u8>, usize)> {
    let most = MAX_FACTORS.min(brooklet_core::MAX_FACTORS);
    ensure!(init.factors <= most, Setting, "--factors {} is too many: at most {most}", init.factors);
    let item_fields = with_numeric(&init.item_fields, &[], &init.numeric);
    check_names(&init.columns, &item_fields, &[])?;
    let sources = Sources {
        events: String::new(),
        items: Some(init.items.clone()),
        users: None,
        item_fields,
        user_fields: Vec::new(),
        columns: init.columns.clone(),
        dialect: init.dialect,
        of_seed: false,
    };
    let listed = sources.list_items(&init.items, watch)?;
    let kinds = kinds(&init.columns, &listed, &SideTable::default(), &SideTable::default(), &init.numeric)?;
    let count = listed.ids().count();
    ensure!(count > 0, Setting, "{} lists no item: there is nothing to begin with", init.items.display());
    let beginning = Beginning {
        sources: &sources,
        kinds: &kinds,
        labels: Labels::default(),
        factors: init.factors,
        seed: init.seed,
        precision: init.precision,
        model: &init.model,
    };
    Ok((beginning.encode(listed.ids(), &listed)?, count))
}
