//! Columns of the moment: a page gives them as the context, by the names that they have in the events.

use crate::support::Folder;
use brooklet_core::{Base, Config, Features, Learner, Query, Value};
use std::fmt::Write as _;

/// On a phone things of even number are clicked, at a desk those of odd number; nobody has a taste of their own.
fn by_device() -> Folder {
    let folder = Folder::new();
    let mut state = 17u64;
    let mut random = move |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for (name, people) in [("events.csv", 0..200), ("new.csv", 200..260)] {
        let mut rows = "user,item,label,time,device,hour\n".to_owned();
        for person in people {
            for n in 0..30 {
                let (item, phone, hour) = (random(24), random(2), random(3));
                let click = u8::from(random(10) < if item % 2 == phone { 1 } else { 8 });
                let device = ["desk", "phone"][phone as usize];
                writeln!(rows, "p{person},{item},{click},{n},{device},{hour}").unwrap();
            }
        }
        folder.write(name, &rows);
    }
    folder
}

const TRAIN: &str = "train events.csv --time time --factors 4 --out s.safetensors";

fn seed(folder: &Folder) -> Base {
    Base::decode(std::fs::read(folder.path("s.safetensors")).unwrap()).unwrap()
}

#[test]
fn every_method_learns_that_the_moment_decides() {
    let folder = by_device();
    let static_auc = || {
        let replayed = folder.json("replay s.safetensors new.csv --json");
        let all = replayed["buckets"].as_array().unwrap().last().unwrap()["static"]["auc"].as_f64();
        all.unwrap_or_else(|| panic!("{replayed}"))
    };
    for flags in
        ["--method sgd", "--method adagrad", "--method bayes", "--method sgd --threads 2", "--batch 8 --rate .05"]
    {
        folder.stdout(&format!("{TRAIN} {flags} --context-fields device,hour"));
        let with = static_auc();
        assert!(with > 0.8, "{flags}: {with}");
    }
    folder.stdout(&format!("{TRAIN} --method sgd"));
    assert!(static_auc() < 0.6);
}

#[test]
fn a_page_gives_it_by_the_same_name() {
    let folder = by_device();
    for method in ["bayes", "implicit"] {
        folder.stdout(&format!("{TRAIN} --method {method} --context-fields device,hour"));
        ranks_by_the_device(seed(&folder));
    }
}

/// By what was shown, or with a seed that ranks the whole catalogue by that.
fn ranks_by_the_device(base: Base) {
    let schema = base.metadata().schema.clone();
    assert_eq!(
        (&schema.context[..], &schema.fields[1..]),
        (&["device".into(), "hour".into()][..], &schema.context[..])
    );
    let mut learner = Learner::new(base, Config::default()).unwrap();
    for item in 0..24 {
        learner.set_item(&item.to_string(), &Features::default()).unwrap();
    }
    for (device, parity) in [("phone", 0), ("desk", 1)] {
        let context = Value::parse(&format!("{{\"device\":\"{device}\",\"hour\":2}}")).unwrap();
        let context = Features::from_value(&schema, &context).unwrap();
        let slate = learner.recommend(&Query { context, k: 6, ..Query::default() });
        let right = slate.items.iter().filter(|of| of.item.parse::<u32>().unwrap() % 2 == parity).count();
        assert!(right >= 5, "{device}: {slate:?}");
    }
}

#[test]
fn deltas_and_tuning_go_by_it_too() {
    let folder = by_device();
    let simulate = "simulate events.csv --time time --factors 4 --seed-users .2 --client-users .6 --visit 10 --cut 10 \
                    --json --context-fields device --method sgd";
    let report = folder.json(simulate);
    let loss = |who: &str| report[who]["log_loss"].as_f64().unwrap();
    assert!(loss("federated") < loss("seed") && loss("federated") < 0.6, "{report}");
    folder.stdout(&format!("{TRAIN} --method sgd --context-fields device"));
    folder.stdout("tune s.safetensors new.csv --out t.safetensors");
    folder.stdout("topn s.safetensors --known new.csv --hidden events.csv --after 1");
    let predicted = folder.stdout("predict s.safetensors new.csv");
    assert_eq!(predicted.lines().count(), 1 + 60 * 30);
}

#[test]
fn it_is_read_from_json_too_and_named_once() {
    let folder = by_device();
    let csv = std::fs::read_to_string(folder.path("events.csv")).unwrap();
    let json: String = csv
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let [user, item, label, time, device, hour] = cells[..] else { panic!("{line}") };
            format!(
                "{{\"user\":\"{user}\",\"item\":\"{item}\",\"label\":{label},\"time\":{time},\"device\":\"{device}\",\"hour\":{hour}}}\n"
            )
        })
        .collect();
    folder.write("events.jsonl", &json);
    let rows = |events: &str| {
        folder.stdout(&format!("{} --method sgd --context-fields device,hour", TRAIN.replace("events.csv", events)));
        let seed = seed(&folder);
        (0..seed.len())
            .flat_map(|row| {
                let mut numbers = vec![0.0; seed.width()];
                seed.row_into(row, &mut numbers);
                numbers
            })
            .collect::<Vec<f32>>()
    };
    assert_eq!(rows("events.csv"), rows("events.jsonl"));
    for (flags, told) in
        [("--context-fields place", "--context-fields"), ("--context-fields item", "is named for two roles")]
    {
        let complaint = folder.complaint(&format!("{TRAIN} {flags}"));
        assert!(complaint.contains(told), "{complaint}");
    }
}
