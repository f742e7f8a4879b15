//! A seed without events.

use crate::support::{Folder, bytes};
use brooklet_core::{Base, Config, Learner};

#[test]
fn a_catalogue_makes_a_seed_that_everybody_begins_with() {
    let folder = Folder::with_ratings();
    folder.write("things.csv", "item,title,genres,price\n3,Up,Drama|War,10\n1,Down,War,30\nx,Round,,\n");
    let init = "init --items things.csv --item-fields genres --numeric price --factors 4 --out";
    let made = folder.json(&format!("{init} a.safetensors --json"));
    assert_eq!((&made["items"], &made["rows"]), (&3.into(), &6.into()));
    let base = Base::decode(bytes(folder.path("a.safetensors"))).unwrap();
    let mut row = vec![0.0; base.width()];
    for i in 0..base.len() {
        base.row_into(i, &mut row);
        assert!(row[0] == 0.0 && row[1..].iter().any(|x| *x != 0.0) && row.iter().all(|x| x.abs() < 1.0), "{row:?}");
        assert_eq!(base.evidence(i).unwrap().amount(), 0.0);
    }
    let mut names: Vec<&str> = (0..base.len()).map(|i| base.name(i).unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["genres=Drama", "genres=War", "item=1", "item=3", "item=x", "price"]);
    assert!(Learner::new(base, Config::default()).is_ok());

    // The same catalogue in another order, and more of it, begins alike.
    folder
        .write("things.csv", "item,title,genres,price\nnew,New,War,20\nx,Round,,\n1,Down,War,30\n3,Up,Drama|War,10\n");
    folder.stdout(&format!("{init} b.safetensors"));
    folder.stdout(&format!("{init} c.safetensors --seed 7"));
    let row = |seed: &str, name: &str| {
        let base = Base::decode(bytes(folder.path(seed))).unwrap();
        let mut row = vec![0.0; base.width()];
        let at = (0..base.len()).find(|&i| base.name(i) == Some(name)).unwrap();
        base.row_into(at, &mut row);
        row
    };
    assert_eq!(row("a.safetensors", "item=3"), row("b.safetensors", "item=3"));
    assert_ne!(row("a.safetensors", "item=3"), row("c.safetensors", "item=3"));

    // It is a seed like any other: judged, shown, never an item unknown.
    folder.stdout(&format!("{init} s.safetensors"));
    assert!(folder.stdout("inspect s.safetensors").contains("genres multi-hot, price numeric"));
    folder.json("popular s.safetensors --items things.csv --json");
    for (args, told) in [
        ("init --items things.csv --item-fields colour --out x.safetensors", "colour"),
        ("init --items things.csv --numeric title --out x.safetensors", "`title` of `new` is `New`"),
        ("init --items gone.csv --out x.safetensors", "gone.csv"),
        ("init --items things.csv --factors 300 --out x.safetensors", "--factors 300"),
        ("init --items things.csv --out things.csv", "which is read, and would be lost"),
    ] {
        let complaint = folder.complaint(args);
        assert!(complaint.contains(told), "{args}: {complaint}");
        assert!(!folder.path("x.safetensors").exists());
    }
}

#[test]
fn deltas_alone_make_a_good_seed_of_nothing() {
    let folder = Folder::with_ratings();
    let report = folder.json(
        "simulate seed.csv --label rating --time timestamp --positive 4 --factors 2 --epochs 4 --seed-users 0 --client-users .75 \
         --visit 10 --cut 20 --json",
    );
    let number = |who: &str, what: &str| report[who][what].as_f64().unwrap_or_else(|| panic!("{report}"));
    assert!((number("seed", "fixed_auc") - 0.5).abs() < 0.02, "the catalogue alone tells nothing: {report}");
    assert!(number("federated", "auc") > number("seed", "auc") + 0.05, "{report}");
    assert!(report["closed"].as_f64().unwrap() > 0.4, "{report}");
    let versions = report["versions"].as_array().unwrap();
    let visitors: Vec<u64> = versions.iter().map(|version| version["visitors"].as_u64().unwrap()).collect();
    assert!(visitors.is_sorted() && visitors[0] <= 20 && *visitors.last().unwrap() <= 180, "{report}");
    let complaint = folder.complaint("simulate seed.csv --label rating --loss squared --seed-users 0");
    assert!(complaint.contains("learns clicks"), "{complaint}");
}
