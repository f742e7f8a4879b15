//! `offpolicy`: what another policy would have earned, and what keeps it from being said.

use crate::support::Folder;
use std::fmt::Write as _;

/// Slates of two things out of three, drawn by chance; the first is clicked by six of ten, the last by one.
fn shown_by_chance() -> Folder {
    let folder = Folder::new();
    let mut rows = "who,what,earned,where,chance\n".to_owned();
    for n in 0..6000u32 {
        let (who, what, draw) = (n / 2, n % 3, n / 3 % 10);
        let click = u32::from(draw < [6, 3, 1][what as usize]);
        writeln!(rows, "v{who},thing-{what},{click},{},0.333333", n / 30 % 2 + 1).unwrap();
    }
    folder.write("log.csv", &rows);
    folder.write("best.csv", "what,probability\nthing-0,1\n");
    folder.write("mixed.csv", "what,where,probability\nthing-0,1,.5\nthing-2,1,.5\nthing-1,2,1\n");
    folder
}

const OFFPOLICY: &str =
    "offpolicy log.csv --user who --item what --label earned --place where --propensity chance --policy";

#[test]
fn it_says_what_another_policy_would_have_earned() {
    let folder = shown_by_chance();
    for (policy, truth) in [("best.csv", 0.6), ("mixed.csv", 0.5 * (0.35 + 0.3))] {
        let report = folder.json(&format!("{OFFPOLICY} {policy} --json"));
        for estimate in ["ips", "snips", "dr"] {
            let value = report[estimate].as_f64().unwrap();
            assert!((value - truth).abs() < 0.005, "{policy}, {estimate}: {value}");
            let [low, high] = [0, 1].map(|end| report["intervals"][estimate][end].as_f64().unwrap());
            assert!(low < value && value < high && high - low < 0.1, "{report}");
            let relative = report["relative"][estimate].as_f64().unwrap();
            assert!((relative - truth / (1.0 / 3.0)).abs() < 0.02, "{report}");
        }
        assert_eq!((report["users"].as_u64(), report["places"].as_u64()), (Some(3000), Some(6000)));
        let told = folder.stdout(&format!("{OFFPOLICY} {policy}"));
        assert!(told.contains("doubly robust") && told.contains("95 %"), "{told}");
    }
}

#[test]
fn it_needs_propensities_and_a_policy_that_is_one() {
    let folder = shown_by_chance();
    let without = OFFPOLICY.replace(" --propensity chance", "");
    assert!(folder.complaint(&format!("{without} best.csv")).contains("--propensity"));
    folder.write("half.csv", "what,probability\nthing-0,.5\n");
    assert!(folder.complaint(&format!("{OFFPOLICY} half.csv")).contains("sum to 0.5"));
}
