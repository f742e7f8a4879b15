//! The HTML report: one file that needs nothing else, with what it promises to show.

use crate::support::Folder;

const TRAIN: &str = "train seed.csv --label rating --time timestamp --positive 4 --factors 4 --epochs 3 \
    --items items.csv --item-fields genres";

/// A page that loads nothing and runs nothing.
fn stands_alone(page: &str) {
    for loads in ["<script", "<link", "<img", "<iframe", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(loads), "the page has `{loads}`");
    }
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
}

fn shows(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "the page does not show {part:?}");
    }
}

#[test]
fn training_is_reported_on_one_page() {
    let folder = Folder::with_ratings();
    let items = std::fs::read_to_string(folder.path("items.csv")).unwrap();
    folder.write("items.csv", &items.replace("\"Film, ", "\"<script>alert(1)</script> & Film, "));
    folder.stdout(&format!("{TRAIN} --out s.safetensors --report out.html"));
    let page = std::fs::read_to_string(folder.path("out.html")).unwrap();
    stands_alone(&page);
    let sections = ["Learning curves", "Personalisation", "Ranking, frozen", "Calibration", "Largest features"];
    shows(&page, &sections.map(|title| format!("<h2>{title}</h2>")).each_ref().map(String::as_str));
    // Loss, log-loss and AUC by event, frozen AUC, reliability.
    assert_eq!(page.matches("<svg").count(), 5);
    shows(&page, &["--item-fields", "out.html", "19200", "genres=Drama", "prefers-color-scheme: dark", "@media print"]);
    shows(&page, &["&lt;script&gt;alert(1)&lt;/script&gt; &amp; Film"]);
    // The seed is the one that is made without a report.
    folder.stdout(&format!("{TRAIN} --out t.safetensors"));
    assert!(crate::support::bytes(folder.path("s.safetensors")) == crate::support::bytes(folder.path("t.safetensors")));

    folder.stdout("replay replay.csv --seed s.safetensors --seed t.safetensors --report both.html");
    let page = std::fs::read_to_string(folder.path("both.html")).unwrap();
    stands_alone(&page);
    shows(&page, &["s.safetensors", "t.safetensors, less s.safetensors", "over the first", "±", "60", "genres=War"]);
    assert_eq!(page.matches("<svg").count(), 4);
}

#[test]
fn a_report_names_nobody() {
    let folder = Folder::with_ratings();
    let users = "--users users.csv --user-fields age";
    folder.stdout(&format!("{TRAIN} {users} --out s.safetensors --keep-users --report out.html"));
    let page = std::fs::read_to_string(folder.path("out.html")).unwrap();
    assert!(page.contains("item=") && !page.contains("visitor-") && !page.contains("age=age"));
}

#[test]
fn a_regression_is_reported_without_clicks() {
    let folder = Folder::with_ratings();
    folder.stdout(
        "train seed.csv --label rating --time timestamp --loss squared --factors 4 --epochs 3 --out s.safetensors",
    );
    folder.stdout("replay s.safetensors replay.csv --report out.html");
    let page = std::fs::read_to_string(folder.path("out.html")).unwrap();
    stands_alone(&page);
    shows(&page, &["RMSE"]);
    assert!(!page.contains("<h2>Calibration</h2>"), "there are no clicks to be calibrated to");
    let complaint = folder.complaint("replay s.safetensors replay.csv --report no/such/folder/out.html");
    assert!(complaint.contains("cannot write no/such/folder/out.html"), "{complaint}");
}
