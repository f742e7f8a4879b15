//! What is read is never written over, and whoever writes at the same time does no harm.

use crate::support::{Folder, bytes};

const TRAIN: &str = "--label rating --time timestamp --positive 4 --factors 2 --epochs 1";

#[test]
fn no_output_replaces_an_input_by_whatever_name() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("train seed.csv {TRAIN} --out s"));
    folder.write("seed.toml", "time = \"timestamp\"\n");
    std::fs::hard_link(folder.path("users.csv"), folder.path("people.csv")).unwrap();
    std::fs::create_dir(folder.path("sub")).unwrap();
    let sides = "--items items.csv --item-fields genres --users users.csv --user-fields age";
    for (input, args) in [
        ("seed.csv", format!("train seed.csv {TRAIN} --out ./sub/../seed.csv")),
        ("seed.csv", format!("train se*.csv {TRAIN} --out seed.csv")),
        ("users.csv", format!("train seed.csv {TRAIN} {sides} --out people.csv")),
        ("items.csv", format!("train seed.csv {TRAIN} {sides} --out new --report items.csv")),
        ("seed.toml", format!("train seed.csv {TRAIN} --out seed.toml")),
        ("s", "tune s replay.csv --out s".into()),
        ("items.csv", "init --items items.csv --out items.csv".into()),
        ("replay.csv", "replay replay.csv --seed s --seed s --report replay.csv".into()),
    ] {
        let before = bytes(folder.path(input));
        let complaint = folder.complaint(&args);
        assert!(complaint.contains("which is read, and would be lost: name another file"), "{args}: {complaint}");
        assert!(bytes(folder.path(input)) == before, "{args}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path("seed.csv"), folder.path("link")).unwrap();
        let complaint = folder.complaint(&format!("train seed.csv {TRAIN} --out link"));
        assert!(complaint.contains("--out link is the file seed.csv, which is read"), "{complaint}");
    }
    for args in ["--out new --report new", "--out sub/x --report ./sub/x"] {
        let complaint = folder.complaint(&format!("train seed.csv {TRAIN} {args}"));
        assert!(complaint.contains("--out and --report are one file"), "{complaint}");
    }
}

#[test]
fn a_file_that_is_named_twice_is_refused_whatever_it_is_called() {
    let folder = Folder::with_ratings();
    std::fs::copy(folder.path("seed.csv"), folder.path("copy.csv")).unwrap();
    for (events, said) in [
        ("seed.csv ./seed.csv", "./seed.csv is named twice, also as seed.csv"),
        ("seed.csv copy.csv", "copy.csv is named twice, also as seed.csv"),
    ] {
        let complaint = folder.complaint(&format!("train {events} {TRAIN} --out s"));
        assert!(complaint.contains(said), "{complaint}");
    }
}

#[test]
fn trainings_into_one_file_at_the_same_time_leave_one_of_them_whole() {
    let folder = Folder::with_ratings();
    let train = |name: &str| folder.command(&format!("train seed.csv {TRAIN} --model {name} --out s")).spawn().unwrap();
    let running = ["one", "two", "three"].map(train);
    for mut one in running {
        assert!(one.wait().unwrap().success());
    }
    let model = folder.json("inspect s --json")["model"].as_str().unwrap().to_owned();
    assert!(["one", "two", "three"].contains(&model.as_str()), "{model}");
    assert_eq!(folder.list(), ["items.csv", "replay.csv", "s", "seed.csv", "users.csv"]);
}
