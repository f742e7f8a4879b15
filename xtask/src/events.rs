//! Clicks that nobody made, as many as wanted, to see how training bears their number.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// People and items are of one of so many tastes.
const TASTES: u64 = 8;
const MOST: u64 = 1_000_000_000;

/// How many events, and of whom.
#[derive(clap::Args)]
pub(crate) struct Size {
    /// How many: a hundred million are 2 GB
    rows: u64,
    /// People, each with as many events [default: one for a hundred events]
    #[arg(long)]
    users: Option<u64>,
    /// Items [default: one for a thousand events, at most 100,000]
    #[arg(long)]
    items: Option<u64>,
}

/// Writes clicks and skips, one user after the other: the order that is worst for whoever learns from them in order. An item of one's own
/// taste is clicked with probability .6, another with .2, an item's appeal adds or takes up to .2: the best that a model can
/// do is to find that.
pub(crate) fn run(size: &Size, out: &Path, seed: u64) -> Result<()> {
    let rows = size.rows;
    ensure!((1..=MOST).contains(&rows), "{rows} rows are too few or more than {MOST}");
    let items = size.items.unwrap_or((rows / 1000).min(100_000)).max(TASTES);
    let each = rows.div_ceil(size.users.unwrap_or(rows.div_ceil(100)).max(1));
    let file = File::create(out).with_context(|| format!("cannot write {}", out.display()))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    writeln!(file, "user,item,label,time")?;
    for row in 0..rows {
        let user = row / each;
        let item = random(seed, row) % items;
        let alike = random(seed, user << 1) % TASTES == item % TASTES;
        let appeal = 0.4 * share(random(seed, item << 1 | 1)) - 0.2;
        let click = share(random(!seed, row)) < appeal + if alike { 0.6 } else { 0.2 };
        writeln!(file, "u{user},i{item},{},{}", u8::from(click), row % each)?;
    }
    file.flush()?;
    Ok(())
}

/// SplitMix64 (Steele, Lea, Flood 2014), as a function of its place in the sequence.
fn random(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// In [0, 1).
fn share(random: u64) -> f64 {
    (random >> 11) as f64 / (1u64 << 53) as f64
}
