//! `train --method implicit` and `topn`: the whole catalogue is ranked, and never worse than by popularity.

use crate::support::{Folder, bytes};
use brooklet_core::{Base, FeatureId};
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
    let kinds: String = (0..40).map(|item| format!("{item},{}\n", ["even", "odd"][item % 2])).collect();
    folder.write("items.csv", &format!("item,kind\n{kinds}"));
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
    let report = folder.json("topn s.safetensors --known known.csv --hidden hidden.csv --after 0,3,1,2,5 --json");
    assert_eq!((report["users"].as_u64(), report["items"].as_u64()), (Some(40), Some(40)));
    let ndcg = |at: &serde_json::Value| at["ndcg"]["10"].as_f64().unwrap();
    let (popular, none, three) = (ndcg(&report["popularity"]), ndcg(&report["after"][0]), ndcg(&report["after"][1]));
    assert_eq!(report["after"][1]["clicks"], 3);
    assert!((none - popular).abs() < 1e-9, "{popular} {none}");
    for after in report["after"].as_array().unwrap() {
        assert!(ndcg(after) > popular - 1e-9, "{after}");
    }
    assert!(three > none + 0.02 && ndcg(&report["all"]) > three, "{report}");
    assert!(report["all"]["recall"]["20"].as_f64().unwrap() > report["popularity"]["recall"]["20"].as_f64().unwrap());
}

#[test]
fn the_seed_shows_what_ranks_the_catalogue_before_the_first_click() {
    let folder = clicks();
    folder.stdout(&format!("{TRAIN} --out s.safetensors"));
    let shown = folder.json("inspect s.safetensors --json");
    let [mean, deviation] = ["mean", "deviation"].map(|key| shown["catalogue"][key].as_array().unwrap().len());
    assert_eq!((mean, deviation), (7, 7));
    assert!(shown["catalogue"]["click"].as_f64().unwrap() > 1.0, "{shown}");
    assert!(folder.stdout("inspect s.safetensors").contains("popularity counts half after"));
}

#[test]
fn clicks_are_learnt_for_the_whole_catalogue_unless_somebody_says_otherwise() {
    let folder = clicks();
    let rated = Folder::with_ratings();
    let plain = TRAIN.replace(" --method implicit", "");
    let method = |folder: &Folder, flags: &str| {
        folder.json(&format!("{flags} --out s.safetensors --epochs 2 --json"))["method"].as_str().unwrap().to_owned()
    };
    assert_eq!(method(&folder, &plain), "implicit");
    assert_eq!(method(&folder, &format!("{plain} --negatives 1 --rate .1")), "sgd");
    assert_eq!(method(&folder, &format!("{plain} --method bayes --negatives 1")), "bayes");
    assert_eq!(method(&rated, "train seed.csv --label rating --time timestamp --positive 4"), "sgd");
    // Two labels are clicks and skips.
    let two = "user,item,label\n".to_owned()
        + &(0..600).map(|n| format!("u{},i{},{}\n", n / 20, n % 20, n * 7 % 3 / 2)).collect::<String>();
    folder.write("two.csv", &two);
    let told = folder.stdout("train two.csv --factors 4 --epochs 2 --out s.safetensors");
    assert!(told.contains("learnt by implicit") && told.contains("the whole catalogue, chosen on"), "{told}");
}

#[test]
fn fields_of_items_rank_the_catalogue_too() {
    let folder = clicks();
    folder.stdout(&format!("{TRAIN} --items items.csv --item-fields kind --out s.safetensors"));
    let base = Base::decode(bytes(folder.path("s.safetensors"))).unwrap();
    let row = |name: &str| {
        let mut row = vec![0.0; base.catalogue_width()];
        base.catalogue_into(base.find(FeatureId::named(name)).unwrap(), &mut row);
        row
    };
    let [even, odd] = ["kind=even", "kind=odd"].map(row);
    let own = |item: u32| row(&format!("item={item}"));
    // A kind's row is of its kind: an item of it, the row of its own taken along, is nearer to it than to the other.
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let whole: Vec<f32> = own(2).iter().zip(&even).map(|(own, kind)| own + kind).collect();
    assert!(dot(&whole[..7], &even[..7]) > 2.0 * dot(&whole[..7], &odd[..7]), "{even:?} {odd:?}");
    assert_eq!([even[7], odd[7]], [0.0; 2]);
    let report = folder.json("topn s.safetensors --known known.csv --hidden hidden.csv --after 3 --json");
    let ndcg = |at: &serde_json::Value| at["ndcg"]["10"].as_f64().unwrap();
    assert!(ndcg(&report["after"][0]) > ndcg(&report["popularity"]) + 0.02, "{report}");
}

#[test]
fn deltas_teach_a_seed_that_ranks_the_catalogue_too() {
    let folder = Folder::with_ratings();
    let report = folder.json(
        "simulate seed.csv --label rating --time timestamp --positive 4 --factors 4 --method implicit --seed-users .15 \
         --client-users .6 --visit 10 --cut 20 --json",
    );
    let loss = |who: &str| report[who]["log_loss"].as_f64().unwrap();
    assert!(loss("federated") < loss("seed"), "{report}");
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
