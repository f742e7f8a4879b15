//! `train --method implicit` and `topn`: the whole catalogue is ranked, and never worse than by popularity.

use crate::support::{Folder, bytes};
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
            let rows = if user < 260 {
                &mut seed
            } else if n % 5 == 4 {
                &mut hidden
            } else {
                &mut known
            };
            writeln!(rows, "person-{user},{item},1,{n}").unwrap();
        }
    }
    folder.write("seed.csv", &seed);
    folder.write("known.csv", &known);
    folder.write("hidden.csv", &hidden);
    folder
}

const TRAIN: &str = "train seed.csv --method implicit --factors 8 --user user --item item --label label --time time";

#[test]
fn strangers_see_what_is_popular_and_clicks_make_it_better() {
    let folder = clicks();
    folder.stdout(&format!("{TRAIN} --out s.safetensors"));
    let report = folder.json("topn s.safetensors --known known.csv --hidden hidden.csv --after 0,3 --json");
    assert_eq!((report["users"].as_u64(), report["items"].as_u64()), (Some(40), Some(40)));
    let ndcg = |at: &serde_json::Value| at["ndcg"]["10"].as_f64().unwrap();
    let (popular, none, three) = (ndcg(&report["popularity"]), ndcg(&report["after"][0]), ndcg(&report["after"][1]));
    assert_eq!(report["after"][1]["clicks"], 3);
    assert!((none - popular).abs() < 1e-9, "{popular} {none}");
    assert!(three > none + 0.02 && ndcg(&report["all"]) > three, "{report}");
    assert!(report["all"]["recall"]["20"].as_f64().unwrap() > report["popularity"]["recall"]["20"].as_f64().unwrap());
}

#[test]
fn threads_make_the_same_rows() {
    let folder = clicks();
    let rows = |threads: u32| {
        folder.stdout(&format!("{TRAIN} --out s.safetensors --threads {threads}"));
        let seed = bytes(folder.path("s.safetensors"));
        // The header says how many threads there were.
        let header = u64::from_le_bytes(seed[..8].try_into().unwrap()) as usize;
        seed[8 + header..].to_vec()
    };
    assert_eq!(rows(1), rows(2));
}

#[test]
fn what_has_no_meaning_for_all_pairs_is_refused() {
    let folder = clicks();
    for flag in ["--rate .1", "--l2 .1", "--loss squared", "--loss bpr"] {
        let complaint = folder.complaint(&format!("{TRAIN} --out s.safetensors {flag}"));
        assert!(complaint.contains(flag.split(' ').next().unwrap()), "{complaint}");
    }
}
