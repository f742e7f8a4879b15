//! An operator looks after a running endpoint by commands.

use crate::support::{Folder, bytes};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// A server that is ended with the test.
struct Serving(Child, String);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(folder: &Folder) -> Serving {
    let args = "serve --data store --seed seed --model films --listen 127.0.0.1:0 --precision f16";
    let mut child = folder.command(args).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let address = log.find_map(|line| Some(line.split_once("listening on ")?.1.trim_end_matches('/').to_owned()));
    let serving = Serving(child, address.unwrap());
    // Somebody reads what else it says.
    std::thread::spawn(move || log.for_each(drop));
    serving
}

#[test]
fn versions_and_models_of_a_running_endpoint_are_looked_after() {
    let folder = Folder::with_ratings();
    folder.stdout("train seed.csv --label rating --time timestamp --positive 4 --factors 2 --epochs 1 --out seed");
    let serving = serve(&folder);
    let at = |args: &str| format!("{args} --server {}", serving.1);
    let films = |args: &str| at(&format!("{args} --model films"));

    assert_eq!(folder.stdout(&films("model rollback 1")), "version 2\n");
    let listed = folder.stdout(&films("model versions"));
    assert!(listed.starts_with("films: version 2\n") && listed.contains("rollback"), "{listed}");
    assert_eq!(folder.json(&films("model versions --json"))["versions"][0]["made"]["parent"], 1);
    let rebuilt = folder.stdout(&films("fold --from 1 --to 2 --out again"));
    assert!(rebuilt.starts_with("version 2 comes of version 1 with the bytes that were published"), "{rebuilt}");
    folder.stdout(&films("model download --out current"));
    assert_eq!(bytes(folder.path("again")), bytes(folder.path("current")));

    assert_eq!(folder.stdout(&films("model pin 2")), "pinned true, version 2\n");
    assert_eq!(folder.stdout(&films("model fold")), "outcome pinned, version 2\n");
    assert_eq!(folder.stdout(&films("model unpin")), "done\n");
    assert!(folder.complaint(&films("model delete 2")).contains("(in_use)"));
    assert!(folder.complaint(&films("model publish 4")).contains("there is no candidate 4 (unknown_candidate)"));

    let books = |args: &str| at(&format!("{args} --model books"));
    assert_eq!(folder.stdout(&books("model upload seed")), "added true, set_aside 0, version 1\n");
    assert_eq!(folder.stdout(&at("model list")).lines().count(), 2);
    assert!(folder.stdout(&films("model challenge books --share .2")).contains("model books"));
    assert!(folder.complaint(&books("model remove")).contains("is the challenger of `films` (in_use)"));
    folder.stdout(&films("model end-challenge"));
    assert_eq!(folder.stdout(&books("model remove")), "done\n");
    assert!(folder.complaint(&books("model versions")).contains("there is no model `books` here"));
    assert!(folder.complaint("model versions --server http://127.0.0.1:1").contains("does not answer"));
}
