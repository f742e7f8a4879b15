//! What `train` reads: wherever it is and however it is packed, the seed is the same.

use crate::support::{Folder, bytes, holds};
use serde_json::Value;

/// Everything but the names of the columns.
const TRAIN: &str = "--positive 4 --factors 4 --epochs 2 --json";
const ROLES: &str = "--label rating --time timestamp";

/// The figures that depend on what was read and in which order, and on nothing else.
fn figures(trained: &Value) -> Vec<Value> {
    ["rows", "users", "items", "train", "validation", "calibration", "tuning"].map(|key| trained[key].clone()).to_vec()
}

#[test]
fn parts_of_a_file_a_pipe_and_a_folder_give_the_same_seed() {
    let folder = Folder::with_ratings();
    let whole = folder.json(&format!("train seed.csv --out s.safetensors {ROLES} {TRAIN}"));
    let seed = bytes(folder.path("s.safetensors"));

    let text = String::from_utf8(bytes(folder.path("seed.csv"))).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    std::fs::create_dir(folder.path("parts")).unwrap();
    for (n, rows) in rows.chunks(7000).enumerate() {
        folder.write(&format!("parts/{n}.csv"), &format!("{header}\n{}\n", rows.join("\n")));
    }
    for events in ["parts/*.csv", "parts/0.csv parts/1.csv parts/2.csv"] {
        let parts = folder.json(&format!("train {events} --out s.safetensors {ROLES} {TRAIN}"));
        assert_eq!(figures(&parts), figures(&whole), "{events}");
    }

    let piped = folder.pipe("seed.csv", &format!("train - --out piped.safetensors {ROLES} {TRAIN}"));
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    assert_eq!(figures(&serde_json::from_slice(&piped.stdout).unwrap()), figures(&whole));

    // Bit for bit where the name is the same: kept, and read back.
    for _ in 0..2 {
        folder.json(&format!("train seed.csv --out s.safetensors {ROLES} {TRAIN} --cache kept"));
        assert!(bytes(folder.path("s.safetensors")) == seed);
    }
    assert_eq!(std::fs::read_dir(folder.path("kept")).unwrap().count(), 1);

    for (events, complaint) in [
        ("parts/*.tsv", "no file matches parts/*.tsv"),
        ("seed.csv seed.csv", "seed.csv is named twice"),
        ("gone.csv", "cannot open gone.csv"),
    ] {
        let said = folder.complaint(&format!("train {events} --out x.safetensors {ROLES} {TRAIN}"));
        assert!(said.contains(complaint), "{said}");
    }
}

#[test]
fn names_of_files_that_may_be_names_of_people_are_not_shipped() {
    let folder = Folder::new();
    for who in ["ann", "bob"] {
        let rows: String = (0..30).map(|n| format!("{who},{},{}\n", n % 7, n % 2)).collect();
        folder.write(&format!("{who}.csv"), &format!("user,item,label\n{rows}"));
    }
    folder.stdout("train ann.csv bob.csv --out s.safetensors --factors 2 --epochs 1");
    let seed = bytes(folder.path("s.safetensors"));
    assert!(holds(&seed, b"2 files") && !holds(&seed, b"ann") && !holds(&seed, b"bob"));
}

#[test]
fn roles_are_read_from_beside_the_data_and_flags_come_first() {
    let folder = Folder::with_ratings();
    let expected = folder.json(&format!("train seed.csv --out s.safetensors {ROLES} {TRAIN}"));
    folder.write("seed.toml", "label = \"rating\"\ntime = \"timestamp\"\n");
    let found = folder.json(&format!("train seed.csv --out s.safetensors {TRAIN}"));
    assert_eq!(figures(&found), figures(&expected));

    folder.write("other.toml", "label = \"stars\"\ntime = \"timestamp\"\n");
    let complaint = folder.complaint(&format!("train seed.csv --out x --roles other.toml {TRAIN}"));
    assert!(complaint.contains("there is no column `stars`"), "{complaint}");
    let named = folder.json(&format!("train seed.csv --out s.safetensors --roles other.toml --label rating {TRAIN}"));
    assert_eq!(figures(&named), figures(&expected));

    folder.write("other.toml", "lable = \"stars\"\n");
    let complaint = folder.complaint(&format!("train seed.csv --out x --roles other.toml {TRAIN}"));
    assert!(complaint.contains("other.toml") && complaint.contains("lable"), "{complaint}");
}

#[test]
fn a_run_that_fails_leaves_nothing_behind() {
    let folder = Folder::with_ratings();
    let text = String::from_utf8(bytes(folder.path("seed.csv"))).unwrap();
    folder.write("late.csv", &format!("{text}a,1,five,2\n"));
    std::fs::create_dir(folder.path("kept")).unwrap();
    let before = folder.list();
    for more in ["", "--memory 10K", "--cache kept", "--bad-rows 0%"] {
        let complaint = folder.complaint(&format!("train late.csv --out s.safetensors {ROLES} {TRAIN} {more}"));
        assert!(complaint.contains("late.csv:19202: column `rating`: `five`"), "{more}: {complaint}");
        assert_eq!(folder.list(), before, "{more}");
        assert_eq!(std::fs::read_dir(folder.path("kept")).unwrap().count(), 0);
    }
    let output = folder.brooklet(&format!("train late.csv --out s.safetensors {ROLES} {TRAIN} --bad-rows 1"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 bad rows left out\n  late.csv:19202"), "{said}");
}

#[test]
fn what_does_not_fit_in_memory_is_learnt_as_well() {
    let folder = Folder::with_ratings();
    let train = |more: &str| {
        let trained = folder.json(&format!(
            "train seed.csv --out s.safetensors {ROLES} --positive 4 --factors 4 --epochs 10 --json {more}"
        ));
        (trained["validation"]["auc"].as_f64().unwrap(), bytes(folder.path("s.safetensors")))
    };
    let ((held, _), (streamed, seed)) = (train(""), train("--memory 100K"));
    assert!(held > 0.8 && (streamed - held).abs() < 0.02, "{streamed} for {held}");
    assert!(train("--memory 100K --cache kept").1 == seed, "the file is another, the events are the same");
    assert_eq!(folder.list(), ["items.csv", "kept", "replay.csv", "s.safetensors", "seed.csv", "users.csv"]);
}

#[test]
fn packed_files_are_judged_and_replayed_too() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!(
        "train seed.csv --out s.safetensors {ROLES} --positive 4 --factors 2 --epochs 1 --keep-users"
    ));
    let pack = |name: &str| {
        let packed = zstd::encode_all(&*bytes(folder.path(name)), 1).unwrap();
        std::fs::write(folder.path(&format!("{name}.zst")), packed).unwrap();
    };
    ["seed.csv", "replay.csv"].iter().for_each(|name| pack(name));
    for command in ["eval s.safetensors seed.csv", "replay s.safetensors replay.csv"] {
        assert_eq!(folder.json(&format!("{command}.zst --json")), folder.json(&format!("{command} --json")));
    }
}
