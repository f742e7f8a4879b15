//! What the command promises: flags, the shapes of its JSON, and errors that say what to do.

use crate::support::{Folder, bytes};
use serde_json::Value;

const ROLES: &str = "--user user --item item --label rating --time timestamp --positive 4";
const GRADED: &str = "--loss logistic --label-map 1=.05,2=.15,3=.35,4=.7,5=.9 --factors 4 --seed 42";

fn is_number(value: &Value) -> bool {
    value.as_f64().is_some_and(f64::is_finite)
}

#[test]
fn a_seed_is_trained_replayed_and_better_than_static() {
    let folder = Folder::with_ratings();
    let trained = folder.json(&format!("train seed.csv --out s.safetensors {ROLES} {GRADED} --json"));
    for key in ["rows", "features", "seconds", "rows_per_s"] {
        assert!(is_number(&trained[key]), "{key} in {trained}");
    }
    for part in ["train", "validation"] {
        for key in ["log_loss", "auc"] {
            assert!(is_number(&trained[part][key]), "{part}.{key} in {trained}");
        }
    }
    assert_eq!(trained["rows"], 240 * 80);
    assert_eq!(trained["features"], 340);

    let replayed = folder.json("replay s.safetensors replay.csv --json");
    assert_eq!((&replayed["events"], &replayed["users"]), (&Value::from(60 * 80), &Value::from(60)));
    let buckets = replayed["buckets"].as_array().unwrap();
    let bounds: Vec<(u64, Option<u64>)> =
        buckets.iter().map(|b| (b["from"].as_u64().unwrap(), b["to"].as_u64())).collect();
    assert_eq!(bounds, [(1, Some(5)), (6, Some(10)), (11, Some(20)), (21, Some(50)), (51, None), (1, None)]);
    assert_eq!(buckets[5]["bucket"], "all");
    let events: Vec<u64> = buckets.iter().map(|b| b["events"].as_u64().unwrap()).collect();
    assert_eq!(events, [300, 300, 600, 1800, 1800, 4800]);
    for bucket in buckets {
        for model in ["personal", "static"] {
            assert!(is_number(&bucket[model]["auc"]) && is_number(&bucket[model]["log_loss"]), "{bucket}");
        }
    }
    let [personal, fixed] = ["personal", "static"].map(|model| buckets[4][model]["log_loss"].as_f64().unwrap());
    assert!(personal < fixed - 0.05, "a taste that 50 events show is learnt: {personal} against {fixed}");

    let frozen = replayed["frozen"].as_array().unwrap();
    let after: Vec<u64> = frozen.iter().map(|f| f["after"].as_u64().unwrap()).collect();
    assert_eq!(after, [0, 5, 10, 20, 50]);
    let within: Vec<f64> = frozen.iter().map(|f| f["within_user_auc"].as_f64().unwrap()).collect();
    assert!(within[4] > within[0] + 0.1, "{within:?}");
    assert!(frozen.iter().all(|f| f["users"] == 60 && is_number(&f["log_loss"])), "{frozen:?}");

    // The same, whatever the number of threads; and as many freezes as asked for.
    let again = folder.json("replay s.safetensors replay.csv --json --threads 3");
    assert_eq!(again, replayed);
    let few = folder.json("replay s.safetensors replay.csv --json --freeze 3");
    assert_eq!(few["frozen"].as_array().unwrap().len(), 1);
    let table = folder.stdout("replay s.safetensors replay.csv");
    assert!(table.contains("51+") && table.contains("within-user AUC"), "{table}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = Folder::with_ratings();
    let train = |out: &str, more: &str| {
        folder.stdout(&format!("train seed.csv --out {out} {ROLES} {GRADED} --epochs 2 {more}"));
        bytes(folder.path(out))
    };
    assert!(train("a.safetensors", "") == train("b.safetensors", ""));
    assert!(train("a.safetensors", "") != train("b.safetensors", "--seed 7"));
}

#[test]
fn known_users_are_evaluated() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("train seed.csv --out s.safetensors {ROLES} --factors 4 --keep-users"));
    let report = folder.json("eval s.safetensors seed.csv --json");
    assert_eq!(report["rows"], 240 * 80);
    for key in ["rmse", "log_loss", "auc"] {
        assert!(is_number(&report[key]), "{key} in {report}");
    }
    assert!(report["auc"].as_f64().unwrap() > 0.8, "{report}");
    assert_eq!(report["users"], 240);
    assert!(report["within_user_auc"].as_f64().unwrap() > 0.8, "{report}");
    assert!(report["calibration"]["error"].as_f64().unwrap() < 0.1, "{report}");
    let bins = report["calibration"]["bins"].as_array().unwrap();
    assert_eq!(bins.iter().map(|bin| bin["events"].as_u64().unwrap()).sum::<u64>(), 240 * 80);
    let table = folder.stdout("eval s.safetensors seed.csv");
    assert!(table.contains("AUC within a user") && table.contains("calibration error"), "{table}");

    folder.stdout("train seed.csv --out r.safetensors --label rating --loss squared --factors 4 --keep-users");
    let report = folder.json("eval r.safetensors seed.csv --json");
    assert!(report["rmse"].as_f64().unwrap() < 1.0, "{report}");
    assert_eq!((&report["log_loss"], &report["auc"]), (&Value::Null, &Value::Null));
    assert_eq!(report["calibration"]["error"], Value::Null);

    let complaint = folder.complaint("eval s.safetensors replay.csv");
    assert!(complaint.contains("knows none of the users in replay.csv"), "{complaint}");
}

#[test]
fn side_features_come_from_their_files() {
    let folder = Folder::with_ratings();
    let sides = "--items items.csv --item-fields genres --users users.csv --user-fields age";
    let trained =
        folder.json(&format!("train seed.csv --out s.safetensors {ROLES} {GRADED} {sides} --keep-users --json"));
    assert_eq!(trained["features"], 240 + 100 + 3 + 7);
    let report = folder.json("eval s.safetensors seed.csv --json");
    assert_eq!(report["rows"], 240 * 80);
    folder.json("replay s.safetensors replay.csv --json");

    let shown = folder.json("inspect s.safetensors --json");
    assert_eq!(shown["private_rows"], true);
    assert_eq!(shown["schema"]["private"][0], "age");
    assert_eq!(shown["fields"]["genres"], 7);
    assert_eq!(shown["tensors"]["ids"]["dtype"], "U64");
    assert_eq!(shown["training"]["columns"]["label"], "rating");
    assert_eq!(shown["top"]["weight"].as_array().unwrap().len(), 10);
    let text = folder.stdout("inspect s.safetensors --top 400");
    assert!(text.contains("HOLDS PRIVATE ROWS") && text.contains("genres=Drama"), "{text}");
    assert!(text.contains("Film, 17"), "the other columns are for people to read: {text}");

    // Where the items were is on record; if they are gone, the complaint says what to do.
    std::fs::rename(folder.path("items.csv"), folder.path("moved.csv")).unwrap();
    let complaint = folder.complaint("replay s.safetensors replay.csv");
    assert!(complaint.contains("items.csv") && complaint.contains("--items"), "{complaint}");
    folder.json("replay s.safetensors replay.csv --items moved.csv --json");
}

#[test]
fn a_complaint_names_the_place_and_the_remedy() {
    let folder = Folder::with_ratings();
    folder.write("bad.csv", "user,item,rating,timestamp\na,1,5,1\nb,1,five,2\n");
    folder.write("empty.csv", "");
    folder.write("header.csv", "user,item,rating,timestamp\n");
    let cases = [
        ("bad.csv --out x --label rating --positive 4", "bad.csv:3: column `rating`: `five` is not a finite number"),
        (
            "bad.csv --out x --label stars",
            "bad.csv:1: there is no column `stars`; the columns are user, item, rating, timestamp",
        ),
        ("gone.csv --out x --label rating", "cannot open gone.csv"),
        ("seed.csv --out x --label rating", "seed.csv:2: column `rating`"),
        ("seed.csv --out x --label rating", "--positive"),
        ("seed.csv --out x --label rating --label-map 1=.1,2=.2", "to --label-map"),
        ("seed.csv --out x --label rating --label-map 1=7", "`1=7` is not LABEL=TARGET"),
        ("seed.csv --out x --label rating --loss squared --label-map 1=.1", "leave it out"),
        ("seed.csv --out x --label rating --positive 4 --factors 5000", "--factors 5000 is too many"),
        ("seed.csv --out x --label rating --positive 4 --epochs 0", "--epochs 0 trains nothing"),
        ("seed.csv --out x --label rating --positive 4 --item-fields genres", "name it with --items"),
        (
            "seed.csv --out x --label rating --positive 4 --items items.csv --item-fields genre",
            "name the right one with --item-fields",
        ),
        ("seed.csv --out x --label rating --positive 4 --item user", "`user` is named for two roles"),
        (
            "seed.csv --out no/such/folder/x --label rating",
            "cannot write no/such/folder/x: there is no folder no/such/folder",
        ),
        ("seed.csv --out . --label rating", "cannot write .: it is a folder"),
        (
            "seed.csv --out x --label rating --positive 4 --report no/r.html",
            "cannot write no/r.html: there is no folder no",
        ),
        ("empty.csv --out x", "empty.csv is empty: a header line with the names of the columns is needed"),
        ("header.csv --out x --label rating", "header.csv has a header and no rows"),
        ("seed.csv --out x --label rating --positive 9", "seed.csv: every label becomes the same target, 0"),
        (
            "seed.csv --out x --label rating --positive nan",
            "invalid value 'nan' for '--positive <LABEL>': give a number",
        ),
        (
            "seed.csv --out x --label rating --rate -1",
            "invalid value '-1' for '--rate <RATE>': give a number of 0 or more",
        ),
        ("seed.csv --out x --label rating --loss squared --rate 1000 --epochs 3", "lower --rate"),
    ];
    for (args, expected) in cases {
        let complaint = folder.complaint(&format!("train {args}"));
        assert!(complaint.contains(expected), "train {args}: {complaint:?} lacks {expected:?}");
        assert!(!folder.path("x").exists(), "train {args} left a file");
    }
}

#[test]
fn what_is_not_a_seed_is_refused() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("train seed.csv --out s.safetensors {ROLES} --factors 2 --epochs 1"));
    let complaint = folder.complaint("replay s.safetensors replay.csv --freeze 0,60");
    assert!(complaint.contains("at most 50"), "{complaint}");
    let complaint = folder.complaint("eval s.safetensors seed.csv");
    assert!(complaint.contains("--keep-users"), "{complaint}");
    for command in ["replay seed.csv replay.csv", "eval seed.csv seed.csv", "inspect seed.csv"] {
        let complaint = folder.complaint(command);
        assert!(complaint.contains("seed.csv is not a seed"), "{command}: {complaint}");
    }
    let complaint = folder.complaint("inspect s.safetensors seed.csv");
    assert!(complaint.contains("seed.csv is not a seed, as `brooklet train` writes one"), "{complaint}");

    // The header's length and the header; the format stands in a string within it.
    let newer = |mut bytes: Vec<u8>| {
        let format = br#"\"format\":1"#;
        let at = bytes.windows(format.len()).position(|part| part == format).unwrap();
        bytes[at + format.len() - 1] = b'2';
        bytes
    };
    std::fs::write(folder.path("newer"), newer(bytes(folder.path("s.safetensors")))).unwrap();
    let complaint = folder.complaint("replay newer replay.csv");
    assert!(complaint.contains("newer is a seed of format 2") && complaint.contains("update it"), "{complaint}");
    let complaint = folder.complaint("inspect gone.safetensors");
    assert!(complaint.contains("cannot read the seed gone.safetensors"), "{complaint}");
}

#[test]
fn what_changed_between_seeds_is_shown() {
    let folder = Folder::with_ratings();
    let train = |out: &str, more: &str| {
        folder.stdout(&format!("train seed.csv --out {out} {ROLES} --factors 2 --epochs 1 {more}"));
    };
    train("a.safetensors", "");
    train("b.safetensors", "--items items.csv --item-fields genres --seed 7");
    let diff = folder.json("inspect a.safetensors b.safetensors --json --top 3");
    let changed: Vec<&str> = diff["metadata"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap()).collect();
    assert!(changed.contains(&"training.seed") && changed.contains(&"schema.fields"), "{changed:?}");
    assert_eq!((&diff["rows"]["added"], &diff["rows"]["removed"]), (&Value::from(7), &Value::from(0)));
    assert_eq!(diff["moved"].as_array().unwrap().len(), 3);
    assert!(diff["moved"][0]["note"].as_str().unwrap().starts_with("Film, "), "{diff}");
    assert!(is_number(&diff["prior"]["variance"]) && is_number(&diff["calibration"]["after"][0]), "{diff}");
    let text = folder.stdout("inspect a.safetensors b.safetensors");
    assert!(text.contains("training.seed: 42 -> 7") && text.contains("genres=Drama"), "{text}");

    let same = folder.json("inspect a.safetensors a.safetensors --json");
    assert_eq!((&same["rows"]["unchanged"], &same["rows"]["changed"]), (&Value::from(100), &Value::from(0)));
    let bounds = &folder.json("inspect a.safetensors --json")["bounds"];
    assert!(bounds["w"][0].as_f64() < bounds["w"][1].as_f64() && is_number(&bounds["norm"]), "{bounds}");
}

#[test]
fn the_command_says_its_own_name_and_version() {
    assert_eq!(Folder::new().stdout("--version"), format!("brooklet {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_parse_and_know_every_subcommand() {
    let folder = Folder::new();
    let help = folder.stdout("help");
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 6 && commands.contains(&"completions"), "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = folder.stdout(&format!("completions {shell}"));
        for command in &commands {
            assert!(script.contains(command), "the completions for {shell} do not know {command}");
        }
        folder.write(shell, &script);
    }
    // Bash itself says whether it can be read, and what it would offer.
    let complete =
        "source ./bash; COMP_WORDS=(brooklet ''); COMP_CWORD=1; _brooklet brooklet '' brooklet; echo ${COMPREPLY[@]}";
    for args in [["-n", "bash"], ["-c", complete]] {
        let bash = std::process::Command::new("bash").args(args).current_dir(folder.path("")).output().unwrap();
        assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
        let offered = String::from_utf8(bash.stdout).unwrap();
        let offered: Vec<&str> = offered.split_whitespace().collect();
        assert!(args[0] == "-n" || commands.iter().all(|command| offered.contains(command)), "{offered:?}");
    }
}

#[test]
fn programs_see_no_progress() {
    let folder = Folder::with_ratings();
    for args in [
        format!("train seed.csv --out s.safetensors {ROLES} --factors 2 --epochs 2 --keep-users --json"),
        "replay s.safetensors replay.csv --json".into(),
        "eval s.safetensors seed.csv --json".into(),
        "inspect s.safetensors --json".into(),
        "inspect s.safetensors s.safetensors --json".into(),
    ] {
        let output = folder.brooklet(&args);
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{args}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(stdout.lines().count(), 1, "{args} prints one line: {stdout}");
        assert!(serde_json::from_str::<Value>(&stdout).unwrap().is_object());
    }
}

#[test]
fn a_regression_is_replayed_too() {
    let folder = Folder::with_ratings();
    let train = "train seed.csv --label rating --time timestamp --loss squared --factors 4 --json";
    let trained = folder.json(&format!("{train} --out s.safetensors"));
    assert!(is_number(&trained["tuning"]["loss"]) && trained["train"]["log_loss"].is_null(), "{trained}");
    let replayed = folder.json("replay s.safetensors replay.csv --json");
    let last = &replayed["buckets"][4];
    let [personal, fixed] = ["personal", "static"].map(|model| last[model]["rmse"].as_f64().unwrap());
    assert!(personal < fixed - 0.1, "{last}");
    assert!(last["personal"]["auc"].is_null() && last["personal"]["log_loss"].is_null());

    folder.json(&format!("{train} --out s.safetensors --positive 4"));
    let replayed = folder.json("replay s.safetensors replay.csv --json");
    let last = &replayed["buckets"][4];
    let [personal, fixed] = ["personal", "static"].map(|model| last[model]["log_loss"].as_f64().unwrap());
    assert!(personal < fixed, "{last}");
    assert!(folder.stdout("replay s.safetensors replay.csv").contains("RMSE"));
}

/// Compose files pass every variable on, and those that nobody set are empty: each used to be read as a value.
#[test]
fn an_empty_variable_of_the_environment_is_as_good_as_none() {
    let folder = Folder::new();
    let serve = |name: &str, value: &str| {
        let (store, seed) = (folder.path("store"), folder.path("no-such-seed"));
        let command = ["serve".as_ref(), "--data".as_ref(), store.as_os_str(), "--seed".as_ref(), seed.as_os_str()];
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_brooklet")).args(command).env(name, value).output();
        String::from_utf8(run.unwrap().stderr).unwrap()
    };
    for name in ["BROOKLET_FOLD_SECONDS", "BROOKLET_FILES", "BROOKLET_PRECISION", "BROOKLET_PKG", "BROOKLET_REACH"] {
        // It gets as far as the seed, which is not there.
        let said = serve(name, "");
        assert!(said.contains("no-such-seed"), "{name}: {said}");
        let said = serve(name, "wrong");
        assert!(!said.contains("cannot read the seed"), "{name}: {said}");
    }
}
