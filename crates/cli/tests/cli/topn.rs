//! `train --method implicit` and `topn`: the whole catalogue is ranked, and never worse than by popularity.

use crate::support::{Folder, brooklet};
use std::fmt::Write as _;

/// Clicks of 300 people on 40 things of two kinds, some more popular than others; of the last 40 a fifth is hidden.
fn clicks() -> Folder {
    let folder = Folder::new();
    let mut state = 11u64;
    let mut random = move |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let header = "user,item,label,time\n";
    let [mut seed, mut known, mut hidden] = [0; 3].map(|_| header.to_owned());
    for user in 0..300u64 {
        let mut met = Vec::new();
        while met.len() < 10 {
            let thing = random(20).min(random(20));
            let item = if random(10) < 9 { 2 * thing + user % 2 } else { 2 * thing + (user + 1) % 2 };
            if !met.contains(&item) {
                met.push(item);
            }
        }
        for (n, item) in met.iter().enumerate() {
            let rows = if user < 260 { &mut seed } else if n % 5 == 4 { &mut hidden } else { &mut known };
            writeln!(rows, "person-{user},{item},1,{n}").unwrap();
        }
    }
    folder.write("seed.csv", &seed);
    folder.write("known.csv", &known);
    folder.write("hidden.csv", &hidden);
    folder
}

fn train(folder: &Folder, out: &str, threads: &str) -> Vec<u8> {
    let [events, seed] = ["seed.csv", out].map(|name| folder.path(name).display().to_string());
    let columns = ["--user", "user", "--item", "item", "--label", "label", "--time", "time"];
    let flags = ["train", &events, "--out", &seed, "--method", "implicit", "--factors", "8", "--threads", threads];
    let output = brooklet(flags.iter().chain(&columns));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(seed).unwrap()
}

#[test]
fn strangers_see_what_is_popular_and_clicks_make_it_better() {
    let folder = clicks();
    train(&folder, "s.safetensors", "1");
    let [seed, known, hidden] =
        ["s.safetensors", "known.csv", "hidden.csv"].map(|name| folder.path(name).display().to_string());
    let output = brooklet(["topn", &seed, "--known", &known, "--hidden", &hidden, "--after", "0,3", "--json"].iter());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["users"].as_u64(), report["items"].as_u64()), (Some(40), Some(40)));
    let ndcg = |at: &serde_json::Value| at["ndcg"]["10"].as_f64().unwrap();
    let (popular, none, three) = (ndcg(&report["popularity"]), ndcg(&report["after"][0]), ndcg(&report["after"][1]));
    assert_eq!(report["after"][1]["clicks"], 3);
    // The popularity of the report is rounded to a step of 9 %.
    assert!((none - popular).abs() < 0.03, "{popular} {none}");
    assert!(three > none + 0.02 && ndcg(&report["all"]) > three, "{report}");
    assert!(report["all"]["recall"]["20"].as_f64().unwrap() > report["popularity"]["recall"]["20"].as_f64().unwrap());
}

#[test]
fn threads_make_the_same_seed_but_for_their_number() {
    let folder = clicks();
    let rows = |bytes: Vec<u8>| {
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert_eq!(rows(train(&folder, "a.safetensors", "1")), rows(train(&folder, "b.safetensors", "2")));
}

#[test]
fn what_has_no_meaning_for_all_pairs_is_refused() {
    let folder = clicks();
    let events = folder.path("seed.csv").display().to_string();
    for flags in [["--negatives", "4"], ["--rate", ".1"], ["--epochs", "3"], ["--item-fields", "genres"]] {
        let base = ["train", &events, "--out", "/dev/null", "--method", "implicit", "--user", "user", "--item", "item"];
        let output = brooklet(base.iter().chain(&["--label", "label"]).chain(&flags));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(flags[0]), "{error}");
    }
}
