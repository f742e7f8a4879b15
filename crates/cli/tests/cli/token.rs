//! Tokens are made, listed and revoked, and their secrets are told once.

use crate::support::{Folder, bytes, holds};

#[test]
fn a_token_is_made_listed_and_revoked() {
    let folder = Folder::new();
    let secret = folder.stdout("token make --data store --scope operate --name ops");
    assert!(secret.starts_with("brooklet_") && secret.lines().count() == 1, "{secret}");
    let pem = folder.stdout("token make --data store --scope sign");
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{pem}");
    let list = folder.stdout("token list --data store");
    let id = secret.split('_').nth(1).unwrap();
    assert_eq!(list.lines().count(), 2);
    assert!(list.contains(id) && list.contains("operate") && list.contains("ops") && list.contains("sign"), "{list}");
    let part = secret.trim().splitn(3, '_').nth(2).unwrap();
    assert!(!list.contains(part) && !holds(&bytes(folder.path("store/brooklet.sqlite")), part.as_bytes()));
    folder.stdout(&format!("token revoke --data store {id}"));
    assert_eq!(folder.stdout("token list --data store").lines().count(), 1);
    assert!(folder.complaint(&format!("token revoke --data store {id}")).contains("there is no token"));
    assert!(folder.complaint("token list --data nowhere").contains("cannot be reached"));
    assert!(folder.complaint("token make --data store --scope everything").contains("possible values"));
}
