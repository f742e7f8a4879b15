//! A field is one kind, from the file to the figures.

use crate::support::Folder;
use std::fmt::Write as _;

/// 60 people and 40 things: cheap ones of even years are clicked. `new.csv` is of things that `events.csv` has not.
fn priced() -> Folder {
    let folder = Folder::new();
    let mut things = "item,price,year\n".to_owned();
    let price = |item: u64| 20 + item * item % 83 * 11;
    for item in 0..40 {
        writeln!(things, "{item},{},{}", price(item), 1990 + item % 4).unwrap();
    }
    folder.write("things.csv", &things);
    let mut state = 3u64;
    for (name, items, people) in [("events.csv", 0..30, 0..60), ("new.csv", 30..40, 60..90)] {
        let mut events = "user,item,label,time\n".to_owned();
        for person in people {
            for n in 0..20 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let item = items.start + (person * 7 + n * 3) % (items.end - items.start);
                let odds = 2 * u64::from(price(item) < 400) + u64::from(item % 2 == 0);
                writeln!(events, "p{person},{item},{},{n}", u8::from((state >> 33) % 8 < 1 + 2 * odds)).unwrap();
            }
        }
        folder.write(name, &events);
    }
    folder
}

const TRAIN: &str = "train events.csv --time time --items things.csv --item-fields year --factors 4 --out";

#[test]
fn numbers_tell_of_things_that_the_seed_never_saw() {
    let folder = priced();
    let auc = |flags: &str| {
        folder.stdout(&format!("{TRAIN} s.safetensors {flags}"));
        let replayed = folder.json("replay s.safetensors new.csv --json");
        replayed["buckets"][2]["static"]["auc"].as_f64().unwrap_or_else(|| panic!("{replayed}"))
    };
    for method in ["sgd", "adagrad", "bayes"] {
        let (without, with) = (auc(&format!("--method {method}")), auc(&format!("--method {method} --numeric price")));
        assert!(with > without + 0.05 && with > 0.7, "{method}: {without} without the price, {with} with it");
    }
    // Batches and threads too.
    for flags in ["--batch 8 --rate .02", "--threads 2"] {
        let with = auc(&format!("{flags} --numeric price"));
        assert!(with > 0.7, "{flags}: {with}");
    }
}

#[test]
fn the_seed_says_what_its_fields_are() {
    let folder = priced();
    let said = folder.stdout(&format!("{TRAIN} s.safetensors --numeric price --epochs 2"));
    assert!(said.contains("item categorical, year categorical, price numeric (mean "), "{said}");
    let said = folder.stdout("inspect s.safetensors");
    assert!(said.contains("year categorical, price numeric"), "{said}");
    let shown = folder.json("inspect s.safetensors --json");
    let kinds = &shown["schema"]["kinds"];
    assert_eq!(kinds[1], serde_json::json!({ "field": "year", "kind": "categorical" }));
    let prices: Vec<f64> = (0..40u64).map(|item| (20 + item * item % 83 * 11) as f64).collect();
    let mean = prices.iter().sum::<f64>() / 40.0;
    assert!((kinds[2]["mean"].as_f64().unwrap() - mean).abs() < 1e-3, "{kinds}");
    assert_eq!(shown["fields"]["price"], 1);
}

#[test]
fn what_is_no_number_is_an_error_that_names_it() {
    let folder = priced();
    folder.write("bad.csv", "item,price,year\n0,12,1990\n1,dear,1991\n");
    let train = "train events.csv --time time --out s.safetensors";
    for (flags, told) in [
        ("--items bad.csv --numeric price", "`price` of `1` is `dear`"),
        ("--items things.csv --numeric weight", "`weight`"),
        ("--numeric price", "name it with --items"),
    ] {
        let complaint = folder.complaint(&format!("{train} {flags}"));
        assert!(complaint.contains(told), "{flags}: {complaint}");
        assert!(!folder.path("s.safetensors").exists());
    }
    // A file that says otherwise later is told as well.
    folder.stdout(&format!("{TRAIN} s.safetensors --numeric price --epochs 2"));
    folder.write("bad.csv", "item,price,year\n31,dear,1991\n");
    let complaint = folder.complaint("replay s.safetensors new.csv --items bad.csv");
    assert!(complaint.contains("item `31`") && complaint.contains("`price`"), "{complaint}");
}
