//! Replays an event log, and compares seeds upon it.

use crate::args::Learning;
use crate::term::{SideBySide, figure, off_policy};
use anyhow::Result;
use brooklet_core::Config;
use brooklet_train::evaluate::{Estimate, LogDifferences, LogReport, OffPolicy, replay_log};
use brooklet_train::input::{Dialect, InputFile};
use brooklet_train::seed;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What `--json` prints of several.
#[derive(Debug, Serialize)]
struct Comparison {
    seeds: Vec<Compared>,
}

#[derive(Debug, Serialize)]
struct Compared {
    seed: PathBuf,
    #[serde(flatten)]
    report: LogReport,
    /// From the first seed, with the standard error over slates; null of the first itself.
    difference: Option<LogDifferences>,
}

pub(crate) fn run(log: &InputFile, dialect: Dialect, seeds: &[&Path], learning: &Learning, json: bool) -> Result<()> {
    let settings = |logged: Option<&Config>| learning.of_log(logged);
    let replayed = seeds
        .iter()
        .map(|seed| Ok(replay_log(log, dialect, &seed::open(seed)?, &settings)?))
        .collect::<Result<Vec<LogReport>>>()?;
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
    let differences: Vec<Option<LogDifferences>> =
        replayed.iter().enumerate().map(|(i, report)| (i > 0).then(|| report.minus(&replayed[0]))).collect();
    let compared = seeds.iter().zip(replayed).zip(differences);
    let seeds = compared.map(|((seed, report), difference)| Compared { seed: seed.to_path_buf(), report, difference });
    println!("{}", serde_json::to_string(&Comparison { seeds: seeds.collect() })?);
    Ok(())
}

fn print(report: &LogReport) {
    println!("{} records, {} predictions", report.records, report.predictions);
    if report.same_seed {
        println!("{} of them bit for bit as logged", report.identical);
    } else {
        println!("another seed than the log was made with; the scores differ by up to {}", report.largest_difference);
    }
    let (loss, auc) = (figure(&report.log_loss), figure(&report.auc));
    println!("{} labelled inputs: log-loss {loss}, AUC {auc}", report.labelled);
    if let Some(of) = &report.off_policy {
        println!(
            "off-policy, {} labelled places, {} of them as this learner would have filled them:",
            of.places, of.agreed
        );
        off_policy(of);
    }
}

fn compare(seeds: &[&Path], replayed: &[LogReport]) {
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
        let each = |figure: fn(&OffPolicy) -> &Option<Estimate>| {
            replayed.iter().map(move |report| figure(report.off_policy.as_ref()?).as_ref())
        };
        table.row("IPS", each(|o| &o.ips));
        table.row("SNIPS", each(|o| &o.snips));
        table.row("doubly robust", each(|o| &o.dr));
        println!("the log itself earned {logged:.4} on its {places} labelled places");
    }
    table.footnote("slates");
}
