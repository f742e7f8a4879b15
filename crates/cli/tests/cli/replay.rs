//! What `brooklet replay` promises beyond one seed: several side by side, labels that come late.

use crate::support::{Folder, bytes};
use brooklet_core::{
    Base, Config, Exploration, FeatureId, Features, Feedback, Learner, Metadata, ModelConfig, Precision, Query, Rows,
    Subject, Thresholds, VisitorStep, encode_base,
};
use serde_json::{Value, json};

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
fn slates_are_judged_as_shown_by_the_seed_and_by_the_learner() {
    let folder = Folder::new();
    folder.impressions();
    let text = std::fs::read_to_string(folder.path("impressions.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    // The last 50 people are kept from the seed; each has five slates of 12.
    let new = |row: &str| row.split(',').next().unwrap().trim_start_matches("person-").parse::<u32>().unwrap() >= 150;
    for (name, wanted) in [("known.csv", false), ("new.csv", true)] {
        let rows: Vec<&str> = rows.lines().filter(|row| new(row) == wanted).collect();
        folder.write(name, &format!("{header}\n{}\n", rows.join("\n")));
    }
    let train =
        "train known.csv --label click --time time --items things.csv --item-fields brand,year --factors 2 --epochs 3";
    folder.stdout(&format!("{train} --slate slate --place place --out s.safetensors"));
    folder.stdout(&format!("{train} --out plain.safetensors"));
    let replayed = folder.json("replay s.safetensors new.csv --json");
    let slates = &replayed["slates"];
    assert_eq!((&slates["count"], &slates["by_slate"][4]["count"]), (&250.into(), &50.into()));
    let ndcg = |order: &Value| number(&order["ndcg"]["10"]);
    let [shown, fixed, personal] = ["shown", "static", "personal"].map(|order| ndcg(&slates[order]));
    // Places are random, and the fields tell a good deal.
    assert!(fixed > shown + 0.1 && personal > shown + 0.1, "{shown} {fixed} {personal}");
    let first = &slates["by_slate"][0];
    assert_eq!(first["personal"]["ndcg"], first["static"]["ndcg"], "a first slate is ordered by whom nobody knows");
    assert!((number(&slates["gain"]["ndcg"]["10"]["by"]) - (personal - fixed)).abs() < 1e-9);
    assert!(number(&slates["personal"]["error"]["ndcg"]["10"]) > 0.0);

    // The seed says which columns tell of slates; flags say it for one that was trained without.
    assert_eq!(folder.json("replay plain.safetensors new.csv --json")["slates"], Value::Null);
    let named = folder.json("replay plain.safetensors new.csv --slate slate --place place --json");
    assert_eq!(ndcg(&named["slates"]["shown"]), shown);
    let text = folder.stdout("replay s.safetensors new.csv");
    for part in ["250 slates", "as shown", "personal", "±"] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
    let both =
        folder.stdout("replay new.csv --seed s.safetensors --seed plain.safetensors --slate slate --place place");
    assert!(both.contains("NDCG@10, by slate") && both.contains("all, as shown"), "{both}");
    folder.stdout("replay s.safetensors new.csv --report page.html");
    let page = std::fs::read_to_string(folder.path("page.html")).unwrap();
    assert!(page.contains("<h2>Slates</h2>") && page.contains("personal over static"));
    let complaint = folder.complaint("replay s.safetensors new.csv --slate screen");
    assert!(complaint.contains("no column `screen`") && complaint.contains("--slate"), "{complaint}");
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

#[test]
fn seeds_are_compared_on_one_event_log() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("{TRAIN} --positive 4 --out a.safetensors"));
    folder.stdout(&format!("{TRAIN} --positive 4 --out b.safetensors --factors 0"));
    // Film after film, shown at even chances beside another; the even ones are clicked.
    let scored = |item: u64, propensity: f64| {
        let id = format!("{:016x}", FeatureId::named(&format!("item={item}")).0);
        json!({"item": item.to_string(), "shared": [[id, 1, 0]], "private": [], "score": 0, "propensity": propensity})
    };
    let mut records =
        vec![json!({"type": "opened", "model": "m", "version": 1, "base": "0".repeat(16), "profile": ""})];
    for slate in 1..=40 {
        let item = slate % 10;
        let (items, pool) = ([scored(item, 0.5)], [scored((item + 1) % 10, 0.0)]);
        records.push(json!({"type": "shown", "slate": slate, "items": items, "pool": pool}));
        let target = u8::from(item % 2 == 0);
        records
            .push(json!({"type": "labelled", "slate": slate, "item": item.to_string(), "target": target, "weight": 1}));
    }
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    folder.write("log.jsonl", &lines.join("\n"));

    let both = folder.json("replay log.jsonl --seed a.safetensors --seed b.safetensors --json");
    for (i, seed) in ["a", "b"].into_iter().enumerate() {
        let alone = folder.json(&format!("replay log.jsonl --seed {seed}.safetensors --json"));
        let of = &both["seeds"][i];
        assert_eq!((&of["off_policy"], &of["log_loss"]), (&alone["off_policy"], &alone["log_loss"]));
        assert_eq!((&of["off_policy"]["places"], &of["off_policy"]["logged"]), (&json!(40), &json!(0.5)));
    }
    let of = |i: usize, key: &str| number(&both["seeds"][i]["off_policy"][key]);
    for key in ["ips", "snips"] {
        let difference = &both["seeds"][1]["difference"][key];
        assert!((number(&difference["by"]) - (of(1, key) - of(0, key))).abs() < 1e-12, "{key}: {difference}");
        assert!(difference["error"].is_number(), "{key}: {difference}");
    }
    let table = folder.stdout("replay log.jsonl --seed a.safetensors --seed b.safetensors");
    for part in ["off-policy click rate", "IPS", "SNIPS", "[2] - [1]", "earned 0.5000 on its 40 labelled places"] {
        assert!(table.contains(part), "{table} lacks {part}");
    }
    let complaint = folder.complaint("replay log.jsonl --seed a.safetensors --delay 3");
    assert!(complaint.contains("log.jsonl is an event log"), "{complaint}");
}

/// The log of a page that clicks what stands first and passes over the rest, under these settings.
fn log_of(folder: &Folder, config: Config) -> String {
    let base = Base::decode(bytes(folder.path("s.safetensors"))).unwrap();
    let mut learner = Learner::new(base, Config { log: true, ..config }).unwrap();
    let features = |learner: &Learner, field: &str, value: u64| {
        let mut features = Features::builder(learner.schema());
        features.text(field, &value.to_string()).unwrap();
        features.finish()
    };
    for item in 0..10 {
        learner.set_item(&item.to_string(), &Features::default()).unwrap();
    }
    learner.open_log();
    for n in 0..60 {
        let context = features(&learner, "hour", n % 24);
        let slate = learner.recommend(&Query { context, k: 3, ..Query::default() });
        for (place, item) in slate.items.iter().enumerate() {
            learner
                .label(
                    &Subject::Item { slate: slate.id, item: item.item.clone() },
                    f32::from(u8::from(place == 0)),
                    1.0,
                )
                .unwrap();
        }
        let (held, _) = learner.hold(&features(&learner, "item", n % 10));
        learner.label(&Subject::Held(held), f32::from(u8::from(n % 3 == 0)), 1.0).unwrap();
    }
    learner.take_log().iter().map(|record| record.to_value().to_json() + "\n").collect()
}

#[test]
fn a_log_replays_bit_for_bit_whatever_the_page_set() {
    // The settings were not in the log: with shadows half of its predictions came out, with other steps hardly any.
    let folder = Folder::with_ratings();
    folder.stdout(&format!("{TRAIN} --positive 4 --out s.safetensors"));
    let by_rate = ModelConfig { visitor: VisitorStep::Rate, rate_factor: 3.0, ..ModelConfig::default() };
    let pairs = ModelConfig { feedback: Feedback::Pairwise, ..ModelConfig::default() };
    let pages = [
        Config { model: by_rate.clone(), gate: Some(f64::INFINITY), ..Config::default() },
        Config { model: pairs.clone(), exploration: Exploration::Thompson, seed: 3, ..Config::default() },
        Config { shadows: vec![by_rate, pairs], gate: Some(1.0), ..Config::default() },
    ];
    for (i, config) in pages.into_iter().enumerate() {
        folder.write(&format!("log{i}.jsonl"), &log_of(&folder, config));
        let report = folder.json(&format!("replay log{i}.jsonl --seed s.safetensors --json"));
        assert_eq!((&report["predictions"], &report["identical"]), (&json!(240), &json!(240)), "log {i}");
    }

    // A flag may say what the log says, and nothing else.
    let agreeing = ["--visitor rate --rate-factor 3", "--gate never", "--forgetting 0.003"];
    for flags in agreeing {
        let report = folder.json(&format!("replay log0.jsonl --seed s.safetensors --json {flags}"));
        assert_eq!(report["identical"], json!(240), "{flags}");
    }
    for (flags, told) in [
        ("--visitor diagonal", "made with model.visitor \"rate\", and --visitor asks for \"diagonal\""),
        ("--visitor closed-form", "--visitor asks for \"closed-form\""),
        ("--rate-factor 1", "made with model.rateFactor 3, and --rate-factor asks for 1"),
        ("--forgetting 0.5", "--forgetting asks for 0.5"),
        ("--pairwise", "made with model.feedback \"pointwise\", and --pairwise asks for \"pairwise\""),
        ("--fixed-calibration", "--fixed-calibration asks for false"),
        ("--gate 2", "made with gate null, and --gate asks for 2"),
        ("--drift adwin", "made with drift.detector unset, and --drift asks for \"adwin\""),
    ] {
        let complaint = folder.complaint(&format!("replay log0.jsonl --seed s.safetensors {flags}"));
        assert!(complaint.contains(told) && complaint.contains("log0.jsonl:1"), "{flags}: {complaint}");
    }
    let complaint = folder.complaint("replay s.safetensors replay.csv --rate-factor 1001");
    assert!(complaint.contains("rateFactor: expected a number from 0 to 1000, found 1001"), "{complaint}");

    // A log of format 1 says nothing of it, and is replayed as it is asked for.
    let log = std::fs::read_to_string(folder.path("log0.jsonl")).unwrap();
    let (opened, rest) = log.split_once('\n').unwrap();
    let mut opened: Value = serde_json::from_str(opened).unwrap();
    opened.as_object_mut().unwrap().retain(|key, _| key != "format" && key != "config");
    folder.write("old.jsonl", &format!("{opened}\n{rest}"));
    let identical = |flags: &str| {
        folder.json(&format!("replay old.jsonl --seed s.safetensors --json {flags}"))["identical"].clone()
    };
    assert_eq!(identical("--visitor rate --rate-factor 3 --gate never"), json!(240));
    assert_ne!(identical(""), json!(240));
}

#[test]
fn a_replay_goes_by_the_thresholds_of_the_seed_unless_told_otherwise() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("{TRAIN} --positive 4 --out s.safetensors"));
    let trained = Base::decode(bytes(folder.path("s.safetensors"))).unwrap();
    let write = |name: &str, thresholds: Thresholds| {
        let metadata = Metadata { thresholds, ..trained.metadata().clone() };
        std::fs::write(folder.path(name), encode_base(&metadata, &Rows::of(&trained), Precision::F16).unwrap())
            .unwrap();
    };
    let usual = Thresholds::default();
    write("never.safetensors", Thresholds { gate: f64::INFINITY, page_hinkley_threshold: 1e6, ..usual });
    write("always.safetensors", Thresholds { gate: 0.0, page_hinkley_threshold: 0.1, ..usual });
    let replay = |args: &str| folder.json(&format!("replay {args} --json"));
    // Learners that take every click for a revelation, so that some people are better off with the seed.
    let reckless = |args: &str| {
        let all = replay(&format!("{args} --rate-factor 300"))["buckets"][5].take();
        [&all["personal"], &all["gated"]].map(|score| number(&score["log_loss"]))
    };
    let [personal, never] = reckless("never.safetensors replay.csv");
    assert_eq!(never, personal, "nobody is served the seed");
    let [_, always] = reckless("always.safetensors replay.csv");
    assert_ne!(always, never, "somebody is");
    assert_eq!(reckless("never.safetensors replay.csv --gate 0"), [personal, always]);
    assert_eq!(reckless("always.safetensors replay.csv --gate never"), [personal, never]);

    let alarms = |args: &str| replay(args)["drifts"].as_u64().unwrap();
    assert_eq!(alarms("always.safetensors replay.csv"), 0, "no detector watches");
    assert_eq!(alarms("never.safetensors replay.csv --drift page-hinkley"), 0);
    let keen = alarms("always.safetensors replay.csv --drift page-hinkley");
    assert!(keen > 0);
    assert_eq!(alarms("never.safetensors replay.csv --drift page-hinkley=0.1"), keen);
    assert_eq!(alarms("always.safetensors replay.csv --drift page-hinkley=1000000"), 0);
    let table = folder.stdout("replay always.safetensors replay.csv --drift page-hinkley --on-drift pull=0.5");
    assert!(table.contains("drift alarms"), "{table}");

    for (flags, told) in [
        ("--gate soon", "`never`"),
        ("--drift kswin", "adwin and page-hinkley"),
        ("--drift adwin=2", "at most 1"),
        ("--drift page-hinkley=-1", "0 or more"),
        ("--drift adwin --on-drift pull=2", "from 0 to 1"),
        ("--drift adwin --on-drift boost=0.1", "boost=SHARE,EVENTS"),
        ("--on-drift pull=0.5", "--drift"),
    ] {
        let complaint = folder.complaint(&format!("replay always.safetensors replay.csv {flags}"));
        assert!(complaint.contains(told), "{flags}: {complaint}");
    }
}
