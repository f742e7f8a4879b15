//! What teaches nothing is an error with a remedy, and leaves no seed.

use crate::support::Folder;
use std::fmt::Write as _;

/// Events of 40 users upon 30 items: `label` and more columns by user, the number of the event and a coin.
fn events(header: &str, row: impl Fn(u32, u32, u32) -> String) -> String {
    let (mut text, mut state) = (format!("{header}\n"), 5u32);
    for user in 0..40 {
        for n in 0..10 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            writeln!(text, "u{user},i{},{}", (user * 3 + n) % 30, row(user, n, state >> 31)).unwrap();
        }
    }
    text
}

#[test]
fn events_that_teach_nothing_leave_no_seed() {
    let folder = Folder::new();
    folder.write("weightless.csv", &events("user,item,label,w", |_, _, coin| format!("{coin},0")));
    folder.write("likes.csv", &events("user,item,label,w", |_, n, _| format!("{},{}", n % 2, n % 2)));
    folder.write("apart.csv", &events("user,item,label", |user, _, _| format!("{}", user % 2)));
    let everything: String = (0..300).map(|n| format!("u{},i{},1\n", n / 5, n % 5)).collect();
    folder.write("met.csv", &format!("user,item,label\n{everything}"));
    folder.write("stars.csv", &events("user,item,label", |_, n, _| format!("{}", 1 + n % 5)));
    for (args, what, remedy) in [
        ("weightless.csv --weight w", "every weight is 0", "--weight"),
        ("likes.csv --weight w", "of one kind, clicks", "--positive"),
        ("apart.csv --loss bpr", "no user has both", "leave out --loss"),
        ("met.csv --negatives 2", "no skip to add", "nothing to tell apart"),
        ("stars.csv --label-map 1=0,2=0,3=0,4=0,5=0", "of one kind, skips", "--label-map"),
    ] {
        let complaint = folder.complaint(&format!("train {args} --out s --factors 2"));
        assert!(complaint.contains(what) && complaint.contains(remedy), "{args}: {complaint}");
        assert!(!folder.path("s").exists(), "{args}");
    }
}

#[test]
fn a_model_that_is_worse_than_a_constant_is_no_seed() {
    let folder = Folder::new();
    folder.write("coins.csv", &events("user,item,label", |_, _, coin| format!("{coin}")));
    let complaint = folder.complaint("train coins.csv --rate 3000 --factors 2 --out s");
    assert!(
        complaint.contains("worse than a constant") && complaint.contains("lower --rate (now 3000)"),
        "{complaint}"
    );
    assert!(!folder.path("s").exists());
    folder.stdout("train coins.csv --factors 2 --out s");
}

#[test]
fn nothing_is_tuned_on_events_of_one_kind() {
    let folder = Folder::with_ratings();
    folder.stdout("train seed.csv --label rating --time timestamp --positive 4 --factors 2 --epochs 1 --out s");
    let likes: String = (0..600).map(|n| format!("v{},{},5,{n}\n", n / 20, n % 20)).collect();
    folder.write("likes.csv", &format!("user,item,rating,timestamp\n{likes}"));
    let complaint = folder.complaint("tune s likes.csv --out tuned");
    assert!(complaint.contains("likes.csv: every event is a click"), "{complaint}");
    assert!(!folder.path("tuned").exists());
}

#[test]
fn copies_of_an_event_are_told_and_not_learnt_by_heart() {
    let folder = Folder::new();
    let coins = events("user,item,label,time", |user, n, coin| format!("{coin},{}", user * 10 + n));
    folder.write("twice.csv", &format!("{coins}{}", coins.split_once('\n').unwrap().1));
    let run = folder.brooklet("train twice.csv --time time --factors 16 --l2 .0001 --out s --json");
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("twice.csv: 400 of 800 rows repeat an earlier one (the same user, item and time)"), "{said}");
    let told: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let auc = told["validation"]["auc"].as_f64().unwrap();
    assert!(auc < 0.8, "coins that are known by heart: {auc}");
}
