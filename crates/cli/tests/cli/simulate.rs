//! A population against the aggregation code.

use crate::support::Folder;

const SMALL: &str = "simulate seed.csv --label rating --time timestamp --positive 4 --factors 2 --epochs 4 \
                     --seed-users .15 --client-users .6 --visit 10 --cut 20";

#[test]
fn deltas_of_clients_teach_the_seed_what_they_know() {
    let folder = Folder::with_ratings();
    let report = folder.json(&format!("{SMALL} --json"));
    let loss = |who: &str| report[who]["log_loss"].as_f64().unwrap();
    assert!(loss("federated") < loss("seed"), "{report}");
    // 144 clients of 80 events make 8 visits each; a tenth ends before its delta is posted.
    let (rounds, deltas) = (report["rounds"].as_u64().unwrap(), report["deltas"].as_u64().unwrap());
    assert!((950..1152).contains(&deltas), "{report}");
    assert_eq!(rounds, deltas.div_ceil(20));
    assert_eq!(report["target_shift"], 0.0);
    assert!(report["bytes_up_per_user"].as_f64().unwrap() > 100.0, "{report}");
    assert!(report["bytes_down_per_user"].as_f64().unwrap() > 1000.0, "{report}");
    assert_eq!(report, folder.json(&format!("{SMALL} --json")), "the same seed gives the same figures");
}

/// Every look at a version on the way, none of which may be worse than the seed, and the share of the gap that is closed.
fn looked_at(report: &serde_json::Value) -> (Vec<f64>, f64) {
    let looks = report["versions"].as_array().unwrap();
    (looks.iter().map(|look| look["log_loss"].as_f64().unwrap()).collect(), report["closed"].as_f64().unwrap())
}

#[test]
fn films_with_genres_are_better_known_at_every_tenth_of_the_way() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/ml-latest-small");
    let of = |name: &str| data.join(name).display().to_string();
    let folder = Folder::new();
    let report = folder.json(&format!(
        "simulate {} --items {} --item-fields genres --label rating --time timestamp --positive 4 --factors 4 --json",
        of("ratings.csv"),
        of("movies.csv")
    ));
    let (looks, closed) = looked_at(&report);
    let mut last = report["seed"]["log_loss"].as_f64().unwrap();
    for loss in looks {
        assert!(loss < last + 0.0005, "{report}");
        last = loss;
    }
    assert!(closed > 0.6, "{report}");
}

#[test]
fn impressions_with_four_fields_teach_the_base() {
    let folder = Folder::new();
    folder.impressions();
    let flags = "simulate impressions.csv --items things.csv --item-fields brand,colours,size,year --label click --time time \
                 --positive 1 --factors 2 --visit 12 --cut 25 --json";
    let report = folder.json(flags);
    let (looks, closed) = looked_at(&report);
    let seed = report["seed"]["log_loss"].as_f64().unwrap();
    assert!(looks.iter().all(|loss| *loss < seed + 0.001), "{report}");
    // 120 people of 60 impressions each.
    assert!(closed > 0.35, "{report}");
    // The same where the operator judges every candidate on people of his own.
    let judged = folder.json(&format!("{flags} --judge-users .1"));
    let (looks, _) = looked_at(&judged);
    let seed = judged["seed"]["log_loss"].as_f64().unwrap();
    assert!(looks.last().unwrap() < &seed, "{judged}");
}

#[test]
fn a_base_does_not_run_away_where_an_event_has_twenty_rows() {
    let folder = Folder::new();
    folder.impressions();
    let report = folder.json(
        "simulate impressions.csv --items things.csv --item-fields brand,colours,size,year,tags --label click --time time \
         --positive 1 --factors 8 --visit 12 --cut 10 --json",
    );
    let (looks, closed) = looked_at(&report);
    let seed = report["seed"]["log_loss"].as_f64().unwrap();
    assert!(looks.iter().all(|loss| *loss < seed + 0.001), "{report}");
    assert!(closed > 0.3, "{report}");
}

#[test]
fn with_slates_a_visit_is_a_slate() {
    let folder = Folder::new();
    folder.impressions();
    let flags = "simulate impressions.csv --items things.csv --item-fields brand,colours,size,year --label click --time time \
                 --positive 1 --factors 2 --cut 25 --drop-out 0 --json --slate slate";
    let report = folder.json(flags);
    // 120 clients of five slates; by events there would be 12 visits each.
    assert_eq!(report["deltas"], 600, "{report}");
    let (_, closed) = looked_at(&report);
    assert!(closed > 0.35, "{report}");
    // Where the place is known, a skip weighs as much as it was likely to be looked at.
    let places = folder.json(&format!("{flags} --place place"));
    assert_ne!(places["federated"], report["federated"]);
}

#[test]
fn a_crowd_of_hostile_keys_costs_others_little_and_goes_no_farther_for_being_ten_times_as_large() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/ml-latest-small");
    let of = |name: &str| data.join(name).display().to_string();
    let folder = Folder::new();
    let report = |hostile: &str| {
        folder.json(&format!(
            "simulate {} --items {} --item-fields genres --label rating --time timestamp --positive 4 --factors 4 \
             --visit 20 --cut 25 --hostile {hostile} --json",
            of("ratings.csv"),
            of("movies.csv")
        ))
    };
    let [few, many] = [".01", ".1"].map(report);
    let number = |report: &serde_json::Value, key: &str| report[key].as_f64().unwrap();
    assert!(number(&few, "log_loss_shift") < 0.0005, "{few}");
    assert!(number(&many, "log_loss_shift") < 0.001, "{many}");
    // One in a hundred is enough to bring every target as far as the reach lets it go, and ten bring it no farther.
    assert!(number(&few, "target_shift") < 1.2 && number(&many, "target_shift") < 1.2, "{few} {many}");
    let share = |report: &serde_json::Value| report["target_share"][1].as_f64().unwrap();
    assert!(share(&few) < 0.2 && share(&many) < 0.35, "{few} {many}");
}

#[test]
fn hostile_visits_are_bounded() {
    let folder = Folder::with_ratings();
    let report = folder.json(&format!("{SMALL} --stale 2 --drop-out 0 --hostile .05 --json"));
    assert!(report["deltas"].as_u64().unwrap() > 1152, "hostile deltas come on top: {report}");
    let shift = report["target_shift"].as_f64().unwrap();
    // Nobody moves a weight farther than the reach, which for an item of these is below 1.
    assert!(shift > 0.05 && shift < 1.0, "{report}");
}

#[test]
fn shares_must_leave_somebody_for_each_part() {
    let folder = Folder::with_ratings();
    let complaint = folder.complaint("simulate seed.csv --label rating --positive 4 --seed-users .5 --client-users .5");
    assert!(complaint.contains("--seed-users 0.5 and --client-users 0.5 of 240 users must each leave"), "{complaint}");
    let complaint = folder.complaint("simulate seed.csv --label rating --positive 4 --hostile 1");
    assert!(complaint.contains("--hostile 1 is not a share"), "{complaint}");
}
