//! The sample of the Open Bandit Dataset (Saito, Aihara, Matsutani and Narita 2020; CC BY 4.0) as plain CSV: what a shop showed in three places of its page, by
//! chance ("random") and by Thompson sampling ("bts"), in three campaigns, 10,000 impressions each. The package on PyPI that carries it is
//! `obp`, under the Apache licence.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use zip::ZipArchive;

/// Writes `campaign/policy.csv`, six files, of the package.
pub(crate) fn unpack(wheel: &mut ZipArchive<File>, out: &Path) -> Result<()> {
    for campaign in ["all", "men", "women"] {
        for policy in ["random", "bts"] {
            let name = format!("obp/dataset/obd/{policy}/{campaign}/{campaign}.csv");
            let mut text = String::new();
            wheel.by_name(&name)?.read_to_string(&mut text)?;
            let folder = out.join(campaign);
            std::fs::create_dir_all(&folder)?;
            let path = folder.join(policy).with_extension("csv");
            let rows = write(&text, &path).with_context(|| name)?;
            println!("{rows:>9} rows  {}", path.display());
        }
    }
    Ok(())
}

/// Each impression is a user of its own, for nothing says who came twice; what is said of them are four fields of categories.
fn write(text: &str, path: &Path) -> Result<usize> {
    const FROM: [&str; 9] = [
        "item_id",
        "click",
        "timestamp",
        "position",
        "propensity_score",
        "user_feature_0",
        "user_feature_1",
        "user_feature_2",
        "user_feature_3",
    ];
    let mut from = csv::Reader::from_reader(text.as_bytes());
    let head = from.headers()?.clone();
    let place = |name: &&str| head.iter().position(|column| column == *name).with_context(|| format!("no {name}"));
    let columns: Vec<usize> = FROM.iter().map(place).collect::<Result<_>>()?;
    let mut to = csv::Writer::from_path(path)?;
    to.write_record(["user", "item", "label", "time", "place", "propensity", "a", "b", "c", "d"])?;
    let mut rows = 0;
    for record in from.records() {
        let record = record?;
        rows += 1;
        let cells = columns.iter().map(|&column| record.get(column).unwrap_or_default());
        to.write_record(std::iter::once(rows.to_string().as_str()).chain(cells))?;
    }
    to.flush()?;
    Ok(rows)
}
