//! What `brooklet tune` promises: it finds what is set badly, leaves alone what is not, and the seed it writes is one.

use crate::support::{Folder, bytes};
use brooklet_core::{Base, Metadata, Precision, Rows, Thresholds, Value, encode_base};
use serde_json::Value as Json;

const TRAIN: &str = "train seed.csv --label rating --time timestamp --positive 4 --factors 2 --epochs 3 \
                     --items items.csv --item-fields genres --out good.safetensors";

fn open(folder: &Folder, name: &str) -> Base {
    Base::decode(bytes(folder.path(name))).unwrap()
}

/// A folder with a seed, and 24 people in `few.csv` whom it never saw.
fn trained() -> Folder {
    let folder = Folder::with_ratings();
    folder.stdout(TRAIN);
    let replay = std::fs::read_to_string(folder.path("replay.csv")).unwrap();
    let few: Vec<&str> = replay.lines().take(1 + 24 * 80).collect();
    folder.write("few.csv", &few.join("\n"));
    folder
}

fn without_training(base: &Base) -> Metadata {
    Metadata { training: Value::Null, ..base.metadata().clone() }
}

/// What a seed with these thresholds has after a tuning that reported this.
fn as_told(report: &Json, given: Thresholds) -> Thresholds {
    let told = &report["thresholds"];
    let number = |told: &Json, otherwise: f64| told["threshold"].as_f64().unwrap_or(otherwise);
    Thresholds {
        gate: if told["gate"]["difference"].is_null() {
            given.gate
        } else {
            told["gate"]["standard_errors"].as_f64().unwrap_or(f64::INFINITY)
        },
        adwin_delta: number(&told["adwin"], given.adwin_delta),
        page_hinkley_threshold: number(&told["page_hinkley"], given.page_hinkley_threshold),
        ..given
    }
}

#[test]
fn what_is_set_badly_is_found() {
    let folder = trained();
    let good = open(&folder, "good.safetensors");
    let mut metadata = good.metadata().clone();
    metadata.prior.scale *= 0.02;
    metadata.calibration.b += 3.0;
    metadata.thresholds =
        Thresholds { gate: 0.0, adwin_delta: 1.0, page_hinkley_tolerance: 0.03, page_hinkley_threshold: 0.0 };
    let bad = encode_base(&metadata, &Rows::of(&good), Precision::Int8).unwrap();
    std::fs::write(folder.path("bad.safetensors"), bad).unwrap();

    let tune = "tune bad.safetensors few.csv --out tuned.safetensors";
    let report = folder.json(&format!("{tune} --json --threads 1"));
    assert_eq!((&report["chosen_on"], &report["judged_on"]), (&12.into(), &12.into()));
    let step = |name: &str| report["steps"].as_array().unwrap().iter().find(|step| step["step"] == name).unwrap();
    assert!(step("prior scale")["chosen"].is_string() || step("prior")["chosen"].is_string(), "{report}");
    assert_eq!(step("calibration")["chosen"], "Platt", "{report}");
    let gain = &report["difference"]["log_loss"];
    assert!(gain["by"].as_f64().unwrap() < -0.05, "{report}");

    let tuned = open(&folder, "tuned.safetensors");
    assert!(tuned.metadata().calibration.b < 1.5, "{:?}", tuned.metadata().calibration);
    assert_eq!(tuned.precision(), Precision::Int8);
    let names = |base: &Base| (0..base.len()).map(|i| base.name(i).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&tuned), names(&good));
    let kept = tuned.metadata().training.field("tuned").unwrap().field("steps").unwrap();
    assert_eq!(kept.field("calibration").and_then(Value::as_str), Some("Platt"));
    let thresholds = tuned.metadata().thresholds;
    assert_eq!(thresholds, as_told(&report, metadata.thresholds));
    assert!(thresholds.adwin_delta <= 0.2 && thresholds.page_hinkley_threshold >= 2.0, "{thresholds:?}");
    let recorded = tuned.metadata().training.field("tuned").and_then(|tuned| tuned.field("thresholds"));
    assert_eq!(recorded.map(Value::to_json), Some(thresholds.to_value().to_json()));
    let shown = folder.json("inspect tuned.safetensors --json");
    assert_eq!(shown["thresholds"]["adwin_delta"], thresholds.adwin_delta);
    assert_eq!(shown["thresholds"]["page_hinkley_tolerance"], 0.03);
    let diff = folder.json("inspect bad.safetensors tuned.safetensors --json")["metadata"].to_string();
    assert!(diff.contains("thresholds.adwin_delta") && diff.contains("thresholds.page_hinkley_threshold"), "{diff}");
    assert!(!diff.contains("thresholds.page_hinkley_tolerance"), "{diff}");

    let replayed = folder.json("replay tuned.safetensors few.csv --json");
    assert_eq!(replayed["users"], 24);
    assert_eq!(folder.json(&format!("{tune} --json --threads 2")), report, "threads change nothing");
    let table = folder.stdout(tune);
    for part in ["chosen on 12 people", "prior scale", "rate of genres", "in all", "Page-Hinkley"] {
        assert!(table.contains(part), "{table} lacks {part}");
    }
}

#[test]
fn what_does_not_pay_is_left_alone() {
    let folder = trained();
    let report = folder.json("tune good.safetensors few.csv --out tuned.safetensors --json");
    let [good, tuned] = ["good", "tuned"].map(|name| open(&folder, &format!("{name}.safetensors")));
    let (mut expected, found) = (without_training(&good), without_training(&tuned));
    expected.thresholds = as_told(&report, expected.thresholds);
    let mut left = 0;
    for step in report["steps"].as_array().unwrap() {
        let kept = step["chosen"].is_string();
        left += usize::from(!kept);
        let number = |key: &str| step["choosing"][key].as_f64().unwrap();
        assert_eq!(kept, number("by") < -2.0 * number("error"), "{step}");
        assert_eq!(kept, step["difference"].is_object(), "{step}");
        match step["step"].as_str().unwrap() {
            "prior scale" | "prior" if kept => expected.prior = found.prior.clone(),
            "shared rate" if kept => expected.rates = found.rates,
            "calibration" if kept => expected.calibration = found.calibration,
            name if kept && name.starts_with("rate of ") => expected.schema.rates = found.schema.rates.clone(),
            "rows" if !kept => assert_eq!(Rows::of(&good), Rows::of(&tuned)),
            _ => {}
        }
    }
    assert!(left > 0, "{report}");
    assert_eq!(found, expected);
}

#[test]
fn too_few_people_and_bad_files_are_said() {
    let folder = trained();
    let few = std::fs::read_to_string(folder.path("few.csv")).unwrap();
    folder.write("handful.csv", &few.lines().take(1 + 19 * 80).collect::<Vec<_>>().join("\n"));
    let complaint = folder.complaint("tune good.safetensors handful.csv --out tuned.safetensors");
    assert!(complaint.contains("handful.csv has 19 people") && complaint.contains("at least 20"), "{complaint}");
    let complaint = folder.complaint("tune good.safetensors users.csv --out tuned.safetensors");
    assert!(complaint.contains("users.csv"), "{complaint}");
    let complaint = folder.complaint("tune few.csv few.csv --out tuned.safetensors");
    assert!(complaint.contains("few.csv is not a seed"), "{complaint}");
    let complaint = folder.complaint("tune good.safetensors few.csv --out nowhere/tuned.safetensors");
    assert!(complaint.contains("make it first"), "{complaint}");
    assert!(!folder.path("tuned.safetensors").exists());
}
