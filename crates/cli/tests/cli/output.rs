//! What the command promises of its standard output: a reader may go when they have seen enough, and what cannot be written is
//! said.

use crate::support::Folder;
use std::fs::File;
use std::io::{Read, pipe};
use std::process::Stdio;

fn seeds() -> Folder {
    let folder = Folder::with_ratings();
    for seed in ["a", "b"] {
        folder.stdout(&format!(
            "train seed.csv --label rating --positive 4 --epochs 2 --factors 2 --keep-users --out {seed}"
        ));
    }
    folder
}

#[test]
fn a_reader_who_has_seen_enough_ends_it_quietly() {
    let folder = seeds();
    // A few people, whom the seeds know.
    let events = std::fs::read_to_string(folder.path("seed.csv")).unwrap();
    folder.write("few.csv", &events.lines().take(1 + 3 * 80).collect::<Vec<_>>().join("\n"));
    folder.write("libfm.txt", "#global bias W0\n0\n#unary interactions Wj\n1\n#pairwise interactions Vj,f\n1\n");
    folder.write("names.txt", "item=1\n");
    for args in [
        "inspect a",
        "inspect a --json",
        "inspect a b",
        "replay a few.csv",
        "replay few.csv --seed a --seed b",
        "replay a few.csv --json",
        "eval a few.csv",
        "predict a few.csv",
        "check few.csv --label rating --time timestamp",
        "train seed.csv --label rating --time timestamp --positive 4 --epochs 1 --factors 2 --out t",
        "import --libfm libfm.txt --features names.txt --out t",
        "completions bash",
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = folder.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaint.is_empty(), "brooklet {args}: {complaint}");
    }
}

#[test]
fn a_reader_of_the_first_line_gets_it() {
    let folder = seeds();
    let mut child = folder.command("completions bash").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"_brooklet(");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said() {
    let folder = seeds();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = folder.command("inspect a").stdout(full).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(complaint.starts_with("brooklet: cannot write to standard output: "), "{complaint}");
}
