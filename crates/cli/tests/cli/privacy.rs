//! A seed that is shipped holds nothing of any user: no row, no name, no id.

use crate::support::{Folder, bytes, holds};
use brooklet_core::{Base, FeatureId};

const TRAIN: &str = "train seed.csv --label rating --time timestamp --positive 4 --factors 4 --epochs 2 \
    --users users.csv --user-fields age --items items.csv --item-fields genres";

/// Every private feature of the generated ratings, by name.
fn private() -> impl Iterator<Item = String> {
    users().chain(ages())
}

fn users() -> impl Iterator<Item = String> {
    (0..240).map(|user| format!("user=visitor-{user}"))
}

fn ages() -> impl Iterator<Item = String> {
    (0..3).map(|age| format!("age=age{age}"))
}

#[test]
fn a_shipped_seed_holds_what_many_users_share_and_nothing_of_one() {
    let folder = Folder::with_ratings();
    // Towns of 19 users each, and the last one of 12.
    let listed = String::from_utf8(bytes(folder.path("users.csv"))).unwrap();
    let with_town = |(n, line): (usize, &str)| match n {
        0 => format!("{line},town\n"),
        n => format!("{line},town{}\n", (n - 1) / 19),
    };
    folder.write("users.csv", &listed.lines().enumerate().map(with_town).collect::<String>());
    let train = TRAIN.replace("--user-fields age", "--user-fields age,town");
    for precision in ["f16", "int8"] {
        folder.stdout(&format!("{train} --out s.safetensors --precision {precision}"));
        let bytes = bytes(folder.path("s.safetensors"));
        assert!(!holds(&bytes, b"visitor-"), "a user's id is in the file");
        for name in users().chain((0..13).map(|town| format!("town=town{town}"))) {
            let id = FeatureId::named(&name).0.to_le_bytes();
            assert!(!holds(&bytes, &id) && !holds(&bytes, name.as_bytes()), "{name} is in the file");
        }
        let base = Base::decode(bytes).unwrap();
        assert!(!base.metadata().private_rows);
        assert!(ages().all(|name| base.find(FeatureId::named(&name)).is_some()));
        assert_eq!(base.len(), 107 + 3, "items, genres and ages, and nothing else");
        assert_eq!(base.metadata().schema.private, ["age", "town"]);
        // What it does hold of users themselves is how they differ.
        let prior = &base.metadata().prior;
        assert!((0..5).all(|i| prior.covariance[i * 5 + i] > 0.0));
    }
}

#[test]
fn keep_users_keeps_them_and_says_so() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("{TRAIN} --out s.safetensors --keep-users"));
    let base = Base::decode(bytes(folder.path("s.safetensors"))).unwrap();
    assert!(base.metadata().private_rows);
    assert_eq!(base.len(), 107 + 243);
    assert!(private().all(|name| base.find(FeatureId::named(&name)).is_some()));
}
