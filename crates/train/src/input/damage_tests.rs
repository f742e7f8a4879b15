//! Whatever is in a file, it is read or refused, and never ends the process.

use super::*;
use crate::maths::Rng;
use crate::testing::{columns, temp_file};
use std::io::Write as _;

const ROUNDS: u64 = 600;

/// The same events in several formats.
fn wholes() -> Vec<Vec<u8>> {
    let rows = || (0..40).map(|n| (n % 7, n * 5 % 9, n % 2, 1000 + n));
    let csv: String =
        rows().map(|(user, item, label, time)| format!("u{user},\"i \"\"{item}\",{label},{time}\n")).collect();
    let csv = format!("# made up\nuser,item,label,time\n{csv}");
    let object = |(user, item, label, time)| {
        format!(
            "{{\"user\":{user},\"item\":\"i{item}\",\"label\":{label},\"time\":\"2024-05-01T00:00:{:02}Z\"}}",
            time % 60
        )
    };
    let objects: Vec<String> = rows().map(object).collect();
    let utf16 = "\u{feff}".encode_utf16().chain(csv.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(csv.as_bytes()).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(csv.as_bytes()).unwrap();
    let [parquet, arrow] = columnar_tests::events();
    vec![
        csv.replace(',', ";").into(),
        csv.replace('\n', "\r").into(),
        objects.join("\n").into(),
        format!("[{}]", objects.join(",\n")).into(),
        utf16,
        gzip.finish().unwrap(),
        bzip2.finish().unwrap(),
        parquet,
        arrow,
        csv.into(),
    ]
}

#[test]
fn damaged_files_are_read_or_refused() {
    let wholes = wholes();
    let rule = LabelRule { squared: true, positive: None, map: Vec::new() };
    for whole in &wholes {
        read_events(temp_file(whole).path(), &columns(), &rule, &()).unwrap();
    }
    for round in 0..ROUNDS {
        let mut rng = Rng::new(round, 9);
        let mut bytes = wholes[rng.below(wholes.len())].clone();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len().max(1)).min(bytes.len());
            match rng.below(4) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..bytes.len().min(at + 9))),
                2 => bytes.insert(at, b"\"\r\n\0#{[],;\xff"[rng.below(11)]),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.next() as u8),
            }
        }
        let file = temp_file(&bytes);
        let read =
            std::panic::catch_unwind(|| read_events(file.path(), &columns(), &rule, &()).map(|events| events.len()));
        assert!(read.is_ok(), "round {round} ends the process");
    }
}
