//! A seed that is shipped holds nothing of any user: no row, no name, no id.

use crate::support::{Folder, bytes, holds};
use brooklet_core::{Base, FeatureId};

const TRAIN: &str = "train seed.csv --label rating --time timestamp --positive 4 --factors 4 --epochs 2 \
    --users users.csv --user-fields age --items items.csv --item-fields genres";

/// Every private feature of the generated ratings, by name.
fn private() -> impl Iterator<Item = String> {
    (0..240).map(|user| format!("user=visitor-{user}")).chain((0..3).map(|age| format!("age=age{age}")))
}

#[test]
fn a_shipped_seed_holds_no_private_row() {
    let folder = Folder::with_ratings();
    for precision in ["f16", "int8"] {
        folder.stdout(&format!("{TRAIN} --out s.safetensors --precision {precision}"));
        let bytes = bytes(folder.path("s.safetensors"));
        assert!(!holds(&bytes, b"visitor-"), "a user's id is in the file");
        for name in private() {
            let id = FeatureId::named(&name).0.to_le_bytes();
            assert!(!holds(&bytes, &id) && !holds(&bytes, name.as_bytes()), "{name} is in the file");
        }
        let base = Base::read(bytes).unwrap();
        assert!(!base.metadata().private_rows);
        assert_eq!(base.len(), 107, "items and genres, and nothing else");
        // What it does hold of users is how they differ.
        let prior = &base.metadata().prior;
        assert!((0..5).all(|i| prior.covariance[i * 5 + i] > 0.0));
    }
}

#[test]
fn keep_users_keeps_them_and_says_so() {
    let folder = Folder::with_ratings();
    folder.stdout(&format!("{TRAIN} --out s.safetensors --keep-users"));
    let base = Base::read(bytes(folder.path("s.safetensors"))).unwrap();
    assert!(base.metadata().private_rows);
    assert_eq!(base.len(), 107 + 243);
    assert!(private().all(|name| base.find(FeatureId::named(&name)).is_some()));
}
