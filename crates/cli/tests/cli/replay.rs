//! What `brooklet replay` promises beyond one seed: several side by side, labels that come late.

use crate::support::Folder;
use serde_json::Value;

const TRAIN: &str = "train seed.csv --label rating --time timestamp --factors 4 --epochs 3";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn seeds_are_compared_on_the_same_people() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("{TRAIN} --positive 4 --out a.safetensors"));
    folder.stdout(&format!("{TRAIN} --positive 4 --label-map 1=.05,2=.15,3=.35,4=.7,5=.9 --out b.safetensors"));
    let alone = ["a", "b"].map(|seed| folder.json(&format!("replay {seed}.safetensors replay.csv --json")));
    let both = folder.json("replay replay.csv --seed a.safetensors --seed b.safetensors --json");
    assert_eq!((&both["events"], &both["users"]), (&alone[0]["events"], &alone[0]["users"]));
    let seeds = both["seeds"].as_array().unwrap();
    for (seed, alone) in seeds.iter().zip(&alone) {
        for key in ["buckets", "frozen", "calibration", "gain"] {
            assert_eq!(seed[key], alone[key], "{key}");
        }
    }
    assert_eq!((&seeds[0]["seed"], &seeds[0]["difference"]), (&Value::from("a.safetensors"), &Value::Null));
    for (of, key) in [("buckets", "log_loss"), ("buckets", "auc"), ("frozen", "within_user_auc")] {
        let figure =
            |x: &Value| if of == "buckets" { x[of][4]["personal"][key].clone() } else { x[of][4][key].clone() };
        let difference = figure(&seeds[1]["difference"]);
        let by = number(&figure(&alone[1])) - number(&figure(&alone[0]));
        assert!((number(&difference["by"]) - by).abs() < 1e-9, "{key}: {difference}, not {by}");
        assert!(number(&difference["error"]) > 0.0, "{key}: {difference}");
    }
    // A seed is no better than itself, and no noise says otherwise.
    let same = folder.json("replay a.safetensors replay.csv --seed a.safetensors --json");
    let difference = &same["seeds"][1]["difference"]["buckets"][5]["personal"]["auc"];
    assert_eq!((number(&difference["by"]), number(&difference["error"])), (0.0, 0.0));

    let table = folder.stdout("replay replay.csv --seed a.safetensors --seed b.safetensors --seed a.safetensors");
    for part in ["[1] a.safetensors", "[2] b.safetensors", "[3] - [1]", "within-user AUC", "±"] {
        assert!(table.contains(part), "{table} lacks {part}");
    }

    folder.stdout(&format!("{TRAIN} --positive 5 --out c.safetensors"));
    let complaint = folder.complaint("replay replay.csv --seed a.safetensors --seed c.safetensors");
    assert!(complaint.contains("c.safetensors") && complaint.contains("one at a time"), "{complaint}");
}

#[test]
fn late_labels_teach_less() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("{TRAIN} --positive 4 --out s.safetensors"));
    let loss = |args: &str| {
        let replayed = folder.json(&format!("replay s.safetensors replay.csv --json {args}"));
        let all = &replayed["buckets"][5];
        [number(&all["personal"]["log_loss"]), number(&all["static"]["log_loss"])]
    };
    // Everybody's events are one unit of time apart.
    let (at_once, later, never) = (loss(""), loss("--delay 20"), loss("--delay 1000"));
    assert!(at_once[0] < later[0] && later[0] < never[0], "{at_once:?} {later:?} {never:?}");
    assert!(at_once[1] == later[1] && later[1] == never[1], "the static seed does not learn");

    let replay = std::fs::read_to_string(folder.path("replay.csv")).unwrap();
    let mut lines = replay.lines();
    let header = lines.next().unwrap();
    let delayed: String = lines.map(|line| format!("{line},20\n")).collect();
    folder.write("delayed.csv", &format!("{header},late\n{delayed}"));
    let by_column = folder.json("replay s.safetensors delayed.csv --delay-column late --json");
    assert_eq!(by_column, folder.json("replay s.safetensors replay.csv --delay 20 --json"));

    let complaint = folder.complaint("replay s.safetensors replay.csv --delay -1");
    assert!(complaint.contains("give a number of 0 or more"), "{complaint}");
}
