//! Files as people have them: read as they are meant, or refused by name with a remedy.

use crate::support::{Folder, bytes};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;

const TRAIN: &str = "--factors 2 --epochs 1 --out s --json";

/// 12 users with 10 events each upon 15 items, as rows of cells behind a header.
fn rows() -> Vec<[String; 4]> {
    let mut state = 11u32;
    let mut coin = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 31
    };
    let row =
        |n: u32| [format!("p{}", n / 10), format!("f{}", n * 7 % 15), coin().to_string(), (1_000 + n).to_string()];
    let header = ["user", "item", "label", "time"].map(str::to_owned);
    std::iter::once(header).chain((0..120).map(row)).collect()
}

fn table(separator: &str, cell: impl Fn(usize, usize, &str) -> String) -> String {
    let mut text = String::new();
    for (line, cells) in rows().iter().enumerate() {
        let cells: Vec<String> = cells.iter().enumerate().map(|(column, text)| cell(line, column, text)).collect();
        writeln!(text, "{}", cells.join(separator)).unwrap();
    }
    text
}

fn plain(_: usize, _: usize, cell: &str) -> String {
    cell.to_owned()
}

/// The figures that depend on what was read and in which order, and on nothing else; and what was said.
fn train(folder: &Folder, args: &str) -> (Vec<Value>, String) {
    let run = folder.brooklet(&format!("train {args} {TRAIN}"));
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "{args}: {said}");
    let told: Value = serde_json::from_slice(&run.stdout).unwrap();
    (["rows", "users", "items", "train", "validation"].map(|key| told[key].clone()).to_vec(), said)
}

fn folder() -> (Folder, Vec<Value>) {
    let folder = Folder::new();
    folder.write("plain.csv", &table(",", plain));
    let (figures, said) = train(&folder, "plain.csv --time time");
    assert_eq!(said, "", "nothing is worth a word");
    (folder, figures)
}

#[test]
fn tables_are_read_however_they_are_written() {
    let (folder, figures) = folder();
    let words = |line: usize, column: usize, cell: &str| match (line, column, cell) {
        (1.., 2, "1") => "Yes".to_owned(),
        (1.., 2, _) => "no".to_owned(),
        _ => cell.to_owned(),
    };
    let dates = |line: usize, column: usize, cell: &str| match (line, column) {
        (1.., 3) => format!(
            "1970-01-01 {:02}:{:02}:{:02}+00:00",
            (999 + line) / 3600,
            (999 + line) / 60 % 60,
            (999 + line) % 60
        ),
        _ => cell.to_owned(),
    };
    let rows = table(",", plain);
    for (name, text, told) in [
        ("semicolons", table(";", plain), "cells are separated by `;`"),
        ("bars", table("|", plain), "cells are separated by `|`"),
        ("spaces", table(", ", plain), "spaces around cells are left out"),
        ("comments", format!("# made by hand, twice\n#\n\n{rows}"), "2 lines that begin with # are passed over"),
        ("words", table(",", words), ""),
        ("dates", table(",", dates), "times are dates"),
        ("mac", rows.replace('\n', "\r"), ""),
        ("quoted", table(",", |_, _, cell| format!("\"{cell}\"")), ""),
    ] {
        let file = format!("{name}.txt");
        folder.write(&file, &text);
        let (found, said) = train(&folder, &format!("{file} --time time"));
        assert_eq!(found, figures, "{name}: {said}");
        assert!(said.contains(told) && said.is_empty() == told.is_empty(), "{name}: {said}");
    }
}

#[test]
fn text_in_another_encoding_is_read_or_its_name_is_asked_for() {
    let (folder, _) = folder();
    let text = table(",", plain).replace(",f3,", ",caf\u{e9},");
    let path = folder.write("utf8.csv", &text);
    let (figures, _) = train(&folder, "utf8.csv --time time");
    let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    std::fs::write(path.with_file_name("marked.csv"), &utf16).unwrap();
    std::fs::write(path.with_file_name("unmarked.csv"), &utf16[2..]).unwrap();
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    std::fs::write(path.with_file_name("latin.csv"), latin).unwrap();
    for args in ["marked.csv", "unmarked.csv --encoding utf-16be", "latin.csv --encoding latin1"] {
        assert_eq!(train(&folder, &format!("{args} --time time")).0, figures, "{args}");
    }
    for (file, remedy) in [("unmarked.csv", "--encoding utf-16le"), ("latin.csv", "--encoding latin1")] {
        let complaint = folder.complaint(&format!("train {file} --time time {TRAIN}"));
        assert!(complaint.contains(file) && complaint.contains(remedy), "{complaint}");
    }
    let complaint = folder.complaint(&format!("train utf8.csv --encoding klingon {TRAIN}"));
    assert!(complaint.contains("`klingon` is no encoding"), "{complaint}");
}

#[test]
fn json_is_read_by_lines_in_arrays_and_indented_with_every_digit_of_an_id() {
    let (folder, figures) = folder();
    let object = |cells: &[String; 4], user: &str| {
        let [_, item, label, time] = cells;
        format!("{{\"user\": {user}, \"item\": \"{item}\", \"label\": {}, \"time\": {time}}}", *label == "1")
    };
    let objects = |id: &dyn Fn(&str) -> String| -> Vec<String> {
        rows()[1..].iter().map(|cells| object(cells, &id(&cells[0]))).collect()
    };
    let texts = objects(&|user| format!("\"{user}\""));
    let long = objects(&|user| format!("98765432109876543210{:02}", user[1..].parse::<u32>().unwrap()));
    for (name, text) in [
        ("lines", texts.join("\n")),
        ("array", format!("[{}]", texts.join(","))),
        ("indented", format!("[\n  {}\n]\n", texts.join(",\n").replace(", ", ",\n  "))),
        ("stream", texts.join("\n").replace(", ", ",\n")),
        ("long", long.join("\n")),
    ] {
        folder.write("e.json", &text);
        assert_eq!(train(&folder, "e.json --time time").0, figures, "{name}");
    }
    folder.write("e.json", &format!("[{},\n{{\"user\": \"a\"", texts[0]));
    let complaint = folder.complaint(&format!("train e.json --time time {TRAIN}"));
    assert!(complaint.contains("e.json:2: the object that begins here breaks off"), "{complaint}");
    folder.write("e.json", "{\"user\": \"a\", \"item\": \"x\", \"label\": 1, \"label\": 0, \"time\": 3}\n");
    let complaint = folder.complaint(&format!("train e.json --time time {TRAIN}"));
    assert!(complaint.contains("e.json:1: the key `label` is there twice"), "{complaint}");
}

#[test]
fn packed_files_are_unpacked_or_called_by_their_names() {
    let (folder, figures) = folder();
    let text = bytes(folder.path("plain.csv"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).unwrap();
    let mut padded = gzip.finish().unwrap();
    padded.extend([0; 700]);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&text).unwrap();
    let bzip2 = bzip2.finish().unwrap();
    let frame = zstd::encode_all(&*text, 1).unwrap();
    let skippable = [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &*frame].concat();
    for (name, packed) in [("padded gzip", padded), ("bzip2", bzip2), ("skippable zstd", skippable)] {
        std::fs::write(folder.path("packed"), packed).unwrap();
        assert_eq!(train(&folder, "packed --time time").0, figures, "{name}");
    }
    for (magic, told) in
        [(&b"PK\x03\x04sheet"[..], "a ZIP archive"), (b"Obj\x01....", "Avro"), (b"SQLite format 3", "SQLite")]
    {
        std::fs::write(folder.path("packed"), magic).unwrap();
        let complaint = folder.complaint(&format!("train packed {TRAIN}"));
        assert!(complaint.contains("packed is ") && complaint.contains(told), "{complaint}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_its_remedy() {
    let (folder, _) = folder();
    let with = |line: usize, column: usize, new: &str| {
        let new = new.to_owned();
        table(",", move |at, of, cell| if (at, of) == (line, column) { new.clone() } else { cell.to_owned() })
    };
    let noted = |line: usize, note: &str| {
        let text = table(",", plain);
        let mut lines = text.lines().enumerate();
        let tail = |at: usize| {
            if at == 0 {
                "note"
            } else if at == line {
                note
            } else {
                "ok"
            }
        };
        lines.try_fold(String::new(), |text, (at, row)| Some(text + row + "," + tail(at) + "\n")).unwrap()
    };
    for (text, told) in [
        (noted(40, "\"27 inch"), "e.csv:41: a quote begins a cell here, and the lines behind it are rows"),
        (noted(120, "\"27 inch"), "e.csv:121: a quote begins a cell here, and none closes it"),
        (noted(50, "\"a\"b"), "e.csv:51: a quote begins a cell here, and something follows the quote that closes it"),
        (with(30, 2, "1e39"), "e.csv:31: column `label`: `1000000000000000000000000000000000000000` is too large"),
        (with(30, 2, ""), "e.csv:31: column `label`: `` is empty: a number is needed"),
        (with(30, 3, "noon"), "e.csv:31: column `time`: `noon` is no time"),
        (with(30, 3, "2024-05-01"), "is a date, and the times before are each a number: one unit is kept"),
        (
            table(",", plain).replacen("user,item,label,time\n", "", 1),
            "the first line seems to be a row: put a header line",
        ),
        (with(0, 3, "label"), "two columns are called `label`: rename one of them"),
        (
            table(";", |line, column, cell| if (line, column) == (9, 2) { "4,5".into() } else { cell.into() }),
            "write it with a point",
        ),
        (table(",", plain).replace('\n', "\r").replace("p3,f0,", "p3,f0,oops"), "is not a finite number"),
    ] {
        folder.write("e.csv", &text);
        let complaint = folder.complaint(&format!("train e.csv --item item --time time {TRAIN}"));
        assert!(complaint.contains(told), "{told}: {complaint}");
    }
    // Quotes that are characters.
    folder.write("e.csv", &noted(40, "\"27 inch"));
    let (figures, _) = train(&folder, "e.csv --time time --quoting none");
    assert_eq!(figures[0], 120);
}

#[test]
fn columns_are_guessed_by_their_names_unless_two_fit() {
    let (folder, figures) = folder();
    let named = |header: [&'static str; 4]| {
        table(",", move |line, column, cell| if line == 0 { header[column].into() } else { cell.into() })
    };
    folder.write("e.csv", &named(["userId", "movie_id", "Clicked", "timestamp"]));
    let (found, said) = train(&folder, "e.csv");
    assert_eq!(found, figures);
    assert!(
        said.contains("e.csv: taken `userId` for the user (--user), `movie_id` for the item (--item), `Clicked` for the label (--label), `timestamp` for the time (--time)"),
        "{said}"
    );
    // What was guessed is on record.
    folder.json("replay s e.csv --json");
    folder.write("e.csv", &named(["user", "item", "rating", "clicked"]));
    let complaint = folder.complaint(&format!("train e.csv {TRAIN}"));
    assert!(complaint.contains("each of rating, clicked could be it: name the right one with --label"), "{complaint}");
    // Flags, and no time at all, come before a guess.
    folder.write("e.csv", &named(["user", "item", "label", "timestamp"]));
    let run = folder.command("train e.csv --factors 2 --epochs 1 --out s --time").arg("").output().unwrap();
    assert!(run.status.success() && run.stderr.is_empty());
    assert_eq!(folder.json("inspect s --json")["training"]["columns"]["time"], Value::Null);
    let (found, said) = train(&folder, "e.csv");
    assert_eq!((found, said.contains("`timestamp` for the time")), (figures, true));
}

#[test]
fn a_unit_of_time_is_told_and_two_are_not_passed_over() {
    let (folder, figures) = folder();
    let times = |parts: u64, odd: u64| {
        table(",", move |line, column, cell| match (line, column) {
            (1.., 3) => ((1_700_000_000 + line as u64) * if line == 60 { odd } else { parts }).to_string(),
            _ => cell.to_owned(),
        })
    };
    folder.write("e.csv", &times(1000, 1000));
    let (found, said) = train(&folder, "e.csv --time time");
    assert!(found == figures && said.contains("times look like milliseconds since 1970"), "{said}");
    folder.write("dates.csv", "user,item,label,time\na,b,1,2024-05-01\n");
    let complaint = folder.complaint(&format!("train e.csv dates.csv --time time {TRAIN}"));
    assert!(
        complaint.contains("dates.csv has dates as times and e.csv has numbers: one unit is needed"),
        "{complaint}"
    );
    folder.write("e.csv", &times(1000, 1));
    let (_, said) = train(&folder, "e.csv --time time");
    assert!(
        said.contains("e.csv:61: the time 1700000060 looks like seconds, and those before like milliseconds"),
        "{said}"
    );
}

#[test]
fn a_list_that_matches_few_ids_says_so_and_one_that_matches_none_is_refused() {
    let (folder, _) = folder();
    let list = |listed: &dyn Fn(usize) -> Option<String>| {
        let rows = (0..15).filter_map(|n| Some(format!("{},g{}\n", listed(n)?, n % 2)));
        folder.write("list.csv", &format!("item,genre\n{}", rows.collect::<String>()));
    };
    let items = "plain.csv --time time --items list.csv --item-fields genre";
    list(&|n| Some(format!("f{n}")));
    assert_eq!(train(&folder, items).1, "");
    list(&|n| (n < 9).then(|| format!("f{n}")));
    let (_, said) = train(&folder, items);
    assert!(said.contains("list.csv: 9 of the 15 items of the events are listed; not listed are `f"), "{said}");
    for (name, write) in [("case", "F"), ("zeros", "f0"), ("spaces", " f")] {
        list(&|n| Some(format!("\"{write}{n}\"")));
        let complaint = folder.complaint(&format!("train {items} {TRAIN}"));
        assert!(complaint.contains("0 of the 15 items"), "{name}: {complaint}");
        assert!(
            complaint.contains("listed but in no event") && complaint.contains("with --items"),
            "{name}: {complaint}"
        );
    }
    // The same where a seed is judged, which can name another file and no other field.
    list(&|n| Some(format!("f{n}")));
    train(&folder, items);
    list(&|n| Some(format!("f{n}.0")));
    let complaint = folder.complaint("replay s plain.csv");
    assert!(complaint.contains("0 of the 15 items"), "{complaint}");
    folder.write("list.csv", "item,kind\nf1,g1\n");
    let complaint = folder.complaint("replay s plain.csv");
    assert!(
        complaint.contains("no column `genre`") && complaint.contains("a file that has it by --items"),
        "{complaint}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_with_the_path_that_it_is_full_at() {
    let (folder, _) = folder();
    for args in
        ["train plain.csv --time time --factors 2 --epochs 1 --out /dev/full", "predict s plain.csv --out /dev/full"]
    {
        train(&folder, "plain.csv --time time");
        let complaint = folder.complaint(args);
        assert!(complaint.contains("cannot write /dev/full"), "{args}: {complaint}");
    }
}
