//! Events to judge on: from a pipe, under other names, by another rule of what a click is.

use crate::support::Folder;
use std::process::{Command, Stdio};

const TRAIN: &str = "--label rating --time timestamp --positive 4 --factors 2 --epochs 1";

/// Runs a command line of bash in the folder; `brooklet` is the command.
fn bash(folder: &Folder, line: &str) -> String {
    let line = line.replace("brooklet", env!("CARGO_BIN_EXE_brooklet"));
    let run =
        Command::new("bash").args(["-c", &line]).current_dir(folder.path("")).stdin(Stdio::null()).output().unwrap();
    assert!(run.status.success(), "{line}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[cfg(unix)]
#[test]
fn a_pipe_is_as_good_as_a_file_to_every_subcommand() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("train seed.csv {TRAIN} --keep-users --out known"));
    folder.stdout(&format!("train seed.csv {TRAIN} --out seed"));
    for (line, file) in [
        ("replay seed FILE --json", "replay.csv"),
        ("replay FILE --seed seed --seed known --json", "replay.csv"),
        ("replay seed FILE --delay-column timestamp --json", "replay.csv"),
        ("eval known FILE --json", "seed.csv"),
        ("predict seed FILE", "replay.csv"),
        ("check FILE --json --label rating --time timestamp", "seed.csv"),
        ("topn seed --known FILE --hidden replay.csv --json", "replay.csv"),
    ] {
        let from_file = bash(&folder, &format!("brooklet {}", line.replace("FILE", file)));
        let slow = format!("<(head -n 3 {file}; sleep .2; tail -n +4 {file})");
        let from_pipe = bash(&folder, &format!("brooklet {}", line.replace("FILE", &slow)));
        // The command to run next names the file.
        let same = |text: &str| text.split("\"train\":").next().unwrap().to_owned();
        assert_eq!(same(&from_pipe), same(&from_file), "{line}");
    }
    let stdin = bash(&folder, "gzip -c replay.csv | brooklet replay seed - --json");
    assert_eq!(stdin, bash(&folder, "brooklet replay seed replay.csv --json"));
}

#[test]
fn columns_and_clicks_are_named_anew_where_a_seed_is_judged() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("train seed.csv {TRAIN} --keep-users --out known"));
    folder.stdout(&format!("train seed.csv {TRAIN} --label-map 1=0,2=.1,3=.3,4=.8,5=1 --out seed"));
    let other = |from: &str, to: &str| {
        let text = std::fs::read_to_string(folder.path(from)).unwrap();
        let rows = text.lines().skip(1).map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            format!("{},{},{},{}\n", cells[3], cells[1], u8::from(cells[2] >= "4"), cells[0])
        });
        folder.write(to, &format!("ts,iid,clicked,uid\n{}", rows.collect::<String>()));
    };
    other("seed.csv", "clicks.csv");
    other("replay.csv", "people.csv");
    let flags = "--user uid --item iid --label clicked --time ts --positive 1";
    for (command, file, theirs) in
        [("eval known", "seed.csv", "clicks.csv"), ("replay known", "replay.csv", "people.csv")]
    {
        let usual = folder.json(&format!("{command} {file} --json"));
        assert_eq!(folder.json(&format!("{command} {theirs} {flags} --json")), usual, "{command}");
        let complaint = folder.complaint(&format!("{command} {theirs}"));
        assert!(complaint.contains("name the right one with --user"), "{complaint}");
    }
    folder.json(&format!("tune seed people.csv --out tuned {flags} --json"));
    let complaint = folder.complaint("replay seed people.csv --user uid --item iid --label clicked --time ts");
    assert!(complaint.contains("no target by the seed's rule: say with --positive"), "{complaint}");
    // Without a time the order of the file is the order of time.
    let run = folder
        .command(&format!("replay known people.csv {} --json --time", flags.replace("--time ts ", "")))
        .arg("")
        .output();
    assert!(run.unwrap().status.success());
}

#[test]
fn predictions_come_a_row_an_event_in_the_order_of_the_file() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("train seed.csv {TRAIN} --out seed"));
    let csv = folder.stdout("predict seed replay.csv");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("user,item,rating,timestamp,personal,static,propensity"));
    let replayed = std::fs::read_to_string(folder.path("replay.csv")).unwrap();
    let (mut loss, mut n) = (0.0, 0);
    for (line, event) in lines.zip(replayed.lines().skip(1)) {
        assert!(line.starts_with(&format!("{event},")), "{line} is not of {event}");
        let cells: Vec<&str> = line.split(',').collect();
        let (click, p): (bool, f64) = (cells[2] >= "4", cells[4].parse().unwrap());
        loss -= if click { p.ln() } else { (1.0 - p).ln() };
        n += 1;
        assert!(cells[5].parse::<f64>().is_ok_and(|p| p > 0.0 && p < 1.0) && cells[6].is_empty(), "{line}");
    }
    assert_eq!(n, 60 * 80);
    let told = folder.json("replay seed replay.csv --json")["buckets"][5]["personal"]["log_loss"].as_f64().unwrap();
    assert!((loss / f64::from(n) - told).abs() < 1e-3, "{} and {told}", loss / f64::from(n));

    folder.stdout("predict seed replay.csv --out p.parquet");
    let as_events = "--user user --item item --label personal --time timestamp";
    let survey = folder.json(&format!("check p.parquet {as_events} --json"));
    assert_eq!(survey["rows"], 60 * 80);
    assert_eq!(survey["columns"].as_array().unwrap().len(), 7);
    let complaint = folder.complaint("predict seed replay.csv --out replay.csv");
    assert!(complaint.contains("would be lost"), "{complaint}");
}

#[test]
fn a_check_tells_what_a_file_holds_and_the_command_that_trains_on_it() {
    let folder = Folder::with_ratings();
    let survey = folder.json("check seed.csv --json");
    assert_eq!(
        (&survey["rows"], &survey["users"]["count"], &survey["items"]["count"]),
        (&19200.into(), &240.into(), &100.into())
    );
    assert_eq!(survey["roles"]["label"], "rating");
    assert_eq!(survey["per_person"]["median"], 80);
    assert_eq!(survey["time"], serde_json::json!([1000.0, 1079.0]));
    assert_eq!((&survey["ties"], &survey["duplicates"]), (&0.into(), &0.into()));
    assert_eq!(survey["items"]["numbers"], 100);
    assert_eq!(survey["values"].as_array().unwrap().len(), 5);
    let next = survey["train"].as_str().unwrap().strip_prefix("brooklet ").unwrap();
    assert_eq!(
        next,
        "train seed.csv --user user --item item --label rating --time timestamp --positive 4 --out seed.safetensors"
    );
    folder.stdout(&format!("{next} --factors 2 --epochs 1"));

    folder.write("odd.csv", "user,item,label\nu1,05,1\nu1,6.0,1\nu1,6.0,1\nU1,7,1\n");
    let text = folder.stdout("check odd.csv");
    for told in [
        "every label is the same",
        "begin with a 0",
        "end in .0",
        "1 rows repeat",
        "upper and lower case",
        "--negatives 4",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}
