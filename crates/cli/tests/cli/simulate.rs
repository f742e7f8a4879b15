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

#[test]
fn hostile_visits_are_bounded() {
    let folder = Folder::with_ratings();
    let report = folder.json(&format!("{SMALL} --stale 2 --drop-out 0 --hostile .05 --json"));
    assert!(report["deltas"].as_u64().unwrap() > 1152, "hostile deltas come on top: {report}");
    let shift = report["target_shift"].as_f64().unwrap();
    // Nobody moves a number farther than the fold's reach.
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
