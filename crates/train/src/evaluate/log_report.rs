//! Replays an event log as the browser exports it: the same inputs in the same order, with the labels as late as they came.
//! Over the seed that the log was made with, every prediction must come out bit for bit; over another seed it is judged by
//! what really happened, and by what a greedy ranking with it would have earned (off-policy).

mod replayed;

use super::replay::figure;
use super::side_by_side::SideBySide;
use crate::estimate::{Difference, Estimate};
use crate::judge::minus;
use crate::learning::Learning;
use crate::seed;
use anyhow::Result;
use brooklet_core::{Record, Value};
use replayed::replay;
use serde::Serialize;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// What `--json` prints of one seed.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Report {
    records: usize,
    /// Whether the log was made with this very seed.
    same_seed: bool,
    predictions: usize,
    /// Those whose score has the very bits that the log has.
    identical: usize,
    largest_difference: f32,
    /// Inputs that were labelled, and how they were predicted when they were shown.
    labelled: usize,
    log_loss: Option<Estimate>,
    auc: Option<Estimate>,
    off_policy: Option<OffPolicy>,
}

/// The click rate that a greedy ranking by the replayed learner would have had on the labelled places of the log's slates.
#[derive(Debug, PartialEq, Serialize)]
struct OffPolicy {
    places: usize,
    /// Places at which it would have shown what was shown.
    agreed: usize,
    /// What the log itself earned.
    logged: f64,
    /// Inverse propensity scoring (Horvitz and Thompson 1952).
    ips: Option<Estimate>,
    /// The same, normalised by its own weights (Swaminathan and Joachims 2015).
    snips: Option<Estimate>,
}

/// What `--json` prints of several.
#[derive(Debug, Serialize)]
struct Comparison {
    seeds: Vec<Compared>,
}

#[derive(Debug, Serialize)]
struct Compared {
    seed: PathBuf,
    #[serde(flatten)]
    report: Report,
    /// From the first seed, with the standard error over slates; null of the first itself.
    difference: Option<Differences>,
}

#[derive(Debug, Serialize)]
struct Differences {
    log_loss: Option<Difference>,
    auc: Option<Difference>,
    ips: Option<Difference>,
    snips: Option<Difference>,
}

/// Whether a file is an event log and no file of events: its first line is a record.
pub(crate) fn is_log(path: &Path) -> bool {
    // Where there is no file to read, whoever reads it will say so.
    let Ok(file) = std::fs::File::open(path) else { return false };
    let mut lines = BufReader::new(file.take(LONGEST_LINE)).split(b'\n').map_while(Result::ok);
    let first = lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let Ok(first) = std::str::from_utf8(&first) else { return false };
    match Value::parse(first) {
        Ok(value) => Record::from_value(&value).is_ok(),
        // A log that is broken from its first line on; its reader will name the line.
        Err(_) => first.trim_start().starts_with("{\"type\""),
    }
}

/// The first record carries a profile, which is long.
const LONGEST_LINE: u64 = 16 << 20;

pub(crate) fn run(log: &Path, seeds: &[&Path], learning: &Learning, json: bool) -> Result<()> {
    let replayed =
        seeds.iter().map(|seed| replay(log, &seed::open(seed)?, learning)).collect::<Result<Vec<Report>>>()?;
    if let [report] = &replayed[..] {
        if json {
            println!("{}", serde_json::to_string(report)?);
        } else {
            print(report);
        }
        return Ok(());
    }
    if !json {
        compare(seeds, &replayed);
        return Ok(());
    }
    let differences: Vec<Option<Differences>> =
        replayed.iter().enumerate().map(|(i, report)| (i > 0).then(|| report.minus(&replayed[0]))).collect();
    let compared = seeds.iter().zip(replayed).zip(differences);
    let seeds = compared.map(|((seed, report), difference)| Compared { seed: seed.to_path_buf(), report, difference });
    println!("{}", serde_json::to_string(&Comparison { seeds: seeds.collect() })?);
    Ok(())
}

impl Report {
    fn minus(&self, other: &Report) -> Differences {
        let off_policy = |figure: fn(&OffPolicy) -> &Option<Estimate>| {
            minus(figure(self.off_policy.as_ref()?), figure(other.off_policy.as_ref()?))
        };
        Differences {
            log_loss: minus(&self.log_loss, &other.log_loss),
            auc: minus(&self.auc, &other.auc),
            ips: off_policy(|o| &o.ips),
            snips: off_policy(|o| &o.snips),
        }
    }
}

fn print(report: &Report) {
    println!("{} records, {} predictions", report.records, report.predictions);
    if report.same_seed {
        println!("{} of them bit for bit as logged", report.identical);
    } else {
        println!("another seed than the log was made with; the scores differ by up to {}", report.largest_difference);
    }
    let (loss, auc) = (figure(&report.log_loss), figure(&report.auc));
    println!("{} labelled inputs: log-loss {loss}, AUC {auc}", report.labelled);
    if let Some(OffPolicy { places, agreed, logged, ips, snips }) = &report.off_policy {
        println!("off-policy, {places} labelled places, {agreed} of them as this learner would have filled them:");
        println!("click rate logged {logged:.4}, IPS {}, SNIPS {}", figure(ips), figure(snips));
    }
}

fn compare(seeds: &[&Path], replayed: &[Report]) {
    let first = &replayed[0];
    println!("{} records, {} labelled inputs", first.records, first.labelled);
    let table = SideBySide::new(seeds);
    for (i, _) in replayed.iter().enumerate().filter(|(_, report)| report.same_seed) {
        println!("the log was made with [{}]", i + 1);
    }
    table.title("");
    table.row("log-loss", replayed.iter().map(|report| report.log_loss.as_ref()));
    table.row("AUC", replayed.iter().map(|report| report.auc.as_ref()));
    if let Some(OffPolicy { places, logged, .. }) = &first.off_policy {
        table.title("off-policy click rate");
        let off_policy = |figure: fn(&OffPolicy) -> &Option<Estimate>| {
            replayed.iter().map(move |report| figure(report.off_policy.as_ref()?).as_ref())
        };
        table.row("IPS", off_policy(|o| &o.ips));
        table.row("SNIPS", off_policy(|o| &o.snips));
        println!("the log itself earned {logged:.4} on its {places} labelled places");
    }
    table.footnote("slates");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_log_is_told_from_events_by_its_first_line() {
        for (text, expected) in [
            ("\n {\"type\":\"opened\"\n", true),
            ("{\"name\":\"x\",\"type\":\"named\",\"id\":\"279a8b0c2f1d6733\"}\n", true),
            ("user,item,label\n", false),
            ("{\"user\":\"a\",\"type\":1}\n", false),
            ("", false),
        ] {
            assert_eq!(is_log(testing::temp_file(text).path()), expected, "{text}");
        }
    }
}
