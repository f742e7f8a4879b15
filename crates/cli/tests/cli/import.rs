//! Seeds of models that other programs trained.

use crate::support::{Folder, bytes, holds};

/// Two users and two items; every number has an exact f16.
const MODEL: &str = "#global bias W0\n0.5\n#unary interactions Wj\n1\n-1\n0.25\n2\n\
                     #pairwise interactions Vj,f\n0.5 1\n1 -0.5\n2 1\n-1 0.5\n";
const NAMES: &str = "user=ada\nuser=bob\nitem=x\nitem=y\n";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("model.txt", MODEL);
    folder.write("names.txt", NAMES);
    folder
}

#[test]
fn libfm_models_score_exactly_as_written() {
    let folder = folder();
    folder.json(
        "import --libfm model.txt --features names.txt --out seed.st --loss squared --positive 4 --keep-users --json",
    );
    // w0 + w_u + w_i + <v_u, v_i>
    let scores = [("ada,x", 3.75), ("ada,y", 3.5), ("bob,x", 1.25), ("bob,y", 0.25)];
    for (pair, score) in scores {
        folder.write("one.csv", &format!("user,item,label\n{pair},{}\n", score + 1.0));
        assert_eq!(folder.json("eval seed.st one.csv --json")["rmse"], 1.0, "{pair}");
    }
}

#[test]
fn users_become_the_prior_and_are_dropped() {
    let folder = folder();
    let report = folder.json("import --libfm model.txt --features names.txt --out seed.st --json");
    assert_eq!((&report["rows"], &report["prior_users"]), (&2.into(), &2.into()));
    assert!(!holds(&bytes(folder.path("seed.st")), b"user=ada"));
    let shown = folder.json("inspect seed.st --json");
    assert_eq!(shown["prior"]["mean"], serde_json::json!([0.0, 0.75, 0.25]));
    assert_eq!(shown["private_rows"], false);
    // A visitor starts as the mean of the users: .5 + 0 + .25 + <(.75, .25), (2, 1)> = 2.5 for x.
    folder.write("one.csv", "user,item,label\ncat,x,1\n");
    let replayed = folder.json("replay seed.st one.csv --json");
    let loss = replayed["buckets"][5]["static"]["log_loss"].as_f64().unwrap();
    assert!((loss - (1.0 + (-2.5f64).exp()).ln()).abs() < 1e-6, "{loss}");
}

#[test]
fn private_fields_are_dropped_and_a_model_without_users_has_a_prior() {
    let folder = folder();
    folder.write("names.txt", "town=Ghent\ngenres=War\nitem=x\nitem=y\n");
    let report = folder.json("import --libfm model.txt --features names.txt --out seed.st --private town --json");
    assert_eq!((&report["rows"], &report["prior_users"]), (&3.into(), &0.into()));
    assert!(!holds(&bytes(folder.path("seed.st")), b"town=Ghent"));
    let shown = folder.json("inspect seed.st --json");
    assert_eq!(shown["schema"]["private"], serde_json::json!(["town"]));
    assert_eq!(shown["schema"]["fields"], serde_json::json!(["genres", "item"]));
    // Variances 1, (1 + 4 + 1) / 3 and (.25 + 1 + .25) / 3.
    let deviations = shown["prior"]["deviation"].as_array().unwrap();
    for (found, variance) in deviations.iter().zip([1.0f64, 2.0, 0.5]) {
        assert!((found.as_f64().unwrap().powi(2) - variance).abs() < 1e-6, "{deviations:?}");
    }
}

#[test]
fn what_cannot_be_imported_is_told_with_its_remedy() {
    let folder = folder();
    folder.write("short.txt", "user=ada\n");
    let complaint = folder.complaint("import --libfm model.txt --features short.txt --out seed.st");
    assert!(complaint.contains("has 4 unary interactions, but short.txt names 1 columns"), "{complaint}");
    let complaint = folder.complaint("import --libfm model.txt --features names.txt --out seed.st --item film");
    assert!(complaint.contains("names no feature of the field `film`: say with --item"), "{complaint}");
    folder.write("other.txt", "User=ada\nUser=bob\nitem=x\nitem=y\n");
    let complaint = folder.complaint("import --libfm model.txt --features other.txt --out seed.st");
    assert!(complaint.contains("has features of `User`") && complaint.contains("--user"), "{complaint}");
    folder.write("cut.txt", "#global bias W0\n0.5\n");
    let complaint = folder.complaint("import --libfm cut.txt --features names.txt --out seed.st");
    assert!(complaint.contains("cut.txt has no weight of any column"), "{complaint}");
    assert!(!folder.path("seed.st").exists());
}

#[test]
fn marks_and_spaces_ship_no_user() {
    let folder = folder();
    folder.json("import --libfm model.txt --features names.txt --out plain.st --json");
    folder.write("names.txt", "\u{feff}user=ada \r\nuser= bob\r\nitem=x\t\r\nitem=y\r\n");
    folder.json("import --libfm model.txt --features names.txt --out marked.st --json");
    assert!(bytes(folder.path("plain.st")) == bytes(folder.path("marked.st")));
}

#[test]
fn an_imported_seed_says_what_events_call_label_and_time() {
    let folder = folder();
    folder.json("import --libfm model.txt --features names.txt --out seed.st --label stars --time at --json");
    folder.write("forth.csv", "user,item,stars,at\ncat,x,1,1\ncat,y,0,2\n");
    folder.write("back.csv", "user,item,stars,at\ncat,y,0,2\ncat,x,1,1\n");
    assert_eq!(folder.json("replay seed.st forth.csv --json"), folder.json("replay seed.st back.csv --json"));
}
