//! What is read is the same whatever it is read from.

use super::store::{Blocks, Shape};
use super::*;
use crate::error::told;
use crate::testing::{columns, temp_file};
use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use brooklet_core::FeatureId;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;

static CLICKS: LabelRule = LabelRule { squared: false, positive: Some(4.0), map: Vec::new() };

const CSV: &str = "user,item,label,time,weight,more\n\
    \"a,b\",x,5,100.5,1,\n\
    ü,7,3,99,0.5,z\n\
    \"a,b\",7,4,98,0,\"two\nlines\"\n\
    007,x,1.25,97,2,\n";

fn weighted() -> Columns {
    Columns { weight: Some("weight".into()), ..columns() }
}

fn impressions() -> Columns {
    let [slate, place, propensity] = ["slate", "place", "propensity"].map(|role| Some(role.to_owned()));
    Columns { slate, place, propensity, ..weighted() }
}

/// Names of users and of items, and the rows.
type Read = (Vec<String>, Vec<String>, Batch);

fn contents(store: &Store) -> Read {
    let names = |interner: &Interner| interner.names().map(str::to_owned).collect();
    let mut batch = Batch::default();
    (0..store.blocks()).for_each(|block| store.read(block, &mut batch).unwrap());
    (names(&store.summary().users), names(&store.summary().items), batch)
}

fn read(files: &[&NamedTempFile], columns: &Columns) -> crate::error::Result<Store> {
    let files: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    Reading::new(&files, columns, &CLICKS, BadRows::Count(0))?.read()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 3).unwrap()
}

/// The same events as [`CSV`], the items as texts, the labels as floats, a column that may be null in between.
fn parquet() -> Vec<u8> {
    let schema =
        "message events { required binary user (UTF8); optional binary more (UTF8); optional binary item (UTF8);
        required float label; required int64 time; optional double weight; }";
    let schema = Arc::new(parse_message_type(&schema.replace("int64 time", "double time")).unwrap());
    let properties = WriterProperties::builder().set_compression(::parquet::basic::Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let text = |texts: &[&str]| texts.iter().map(|text| ByteArray::from(*text)).collect::<Vec<_>>();
    // Two row groups.
    for rows in [0..1, 1..4] {
        let mut group = writer.next_row_group().unwrap();
        let n = rows.len();
        let mut column = group.next_column().unwrap().unwrap();
        let users = text(&["a,b", "ü", "a,b", "007"][rows.clone()]);
        column.typed::<ByteArrayType>().write_batch(&users, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[], Some(&vec![0; n]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let items = text(&["x", "7", "7", "x"][rows.clone()]);
        column.typed::<ByteArrayType>().write_batch(&items, Some(&vec![1; n]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<FloatType>().write_batch(&[5.0, 3.0, 4.0, 1.25][rows.clone()], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[100.5, 99.0, 98.0, 97.0][rows.clone()], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[1.0, 0.5, 0.0, 2.0][rows], Some(&vec![1; n]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn every_format_gives_the_very_same_events() {
    let expected = contents(&read(&[&temp_file(CSV)], &weighted()).unwrap());
    assert_eq!(expected.0, ["a,b", "ü", "007"]);
    assert_eq!(expected.1, ["x", "7"]);
    assert_eq!(expected.2.time, [100.5, 99.0, 98.0, 97.0]);
    assert_eq!((&*expected.2.target, &*expected.2.weight), (&[1.0, 0.0, 1.0, 0.0][..], &[1.0, 0.5, 0.0, 2.0][..]));

    let tsv =
        "user\titem\tlabel\ttime\tweight\na,b\tx\t5\t100.5\t1\nü\t7\t3\t99\t0.5\na,b\t7\t4\t98\t0\n007\tx\t1.25\t97\t2";
    let windows = format!("\u{feff}{}", CSV.replace('\n', "\r\n"));
    let json = r#"
        {"user":"a,b","item":"x","label":5,"time":100.5,"weight":1,"more":{"deep":[1]}}
        {"label":3.0,"user":"ü","item":7,"time":99,"weight":0.5}

        {"user":"a,b","item":7,"label":"4","time":98,"weight":0}
        {"user":"007","item":"x","label":1.25,"time":97,"weight":2}
    "#;
    for (name, text) in [("csv", CSV), ("windows", &windows), ("tsv", tsv), ("json", json)] {
        let bytes = text.as_bytes();
        for (how, bytes) in [("plain", bytes.to_vec()), ("gzip", gzip(bytes)), ("zstd", zstd(bytes))] {
            let store = read(&[&temp_file(&bytes)], &weighted()).unwrap();
            assert_eq!(contents(&store), expected, "{name}, {how}");
        }
    }
    assert_eq!(contents(&read(&[&temp_file(&parquet())], &weighted()).unwrap()), expected, "parquet");

    // As several files, of several formats, the second of two gzip members.
    let lines: Vec<&str> = CSV.split_inclusive('\n').collect();
    let first = temp_file(&format!("{}{}", lines[0], lines[1]));
    let members = [gzip(lines[0].as_bytes()), gzip(lines[2..5].concat().as_bytes())].concat();
    let second = temp_file(&members);
    let third = temp_file(json.lines().nth(5).unwrap());
    assert_eq!(contents(&read(&[&first, &second, &third], &weighted()).unwrap()), expected);
}

#[test]
fn numbers_are_ids_in_parquet_too() {
    let schema = "message e { required int64 user (INTEGER(64,false)); required int64 item; required boolean label; }";
    let mut writer =
        SerializedFileWriter::new(Vec::new(), Arc::new(parse_message_type(schema).unwrap()), Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for ids in [[-1, 2], [3, -4]] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<::parquet::data_type::BoolType>().write_batch(&[true, false], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    let file = temp_file(&writer.into_inner().unwrap());
    let columns = Columns { time: None, ..columns() };
    let rule = LabelRule { positive: None, ..CLICKS.clone() };
    let events = read_events(file.path(), &columns, &rule, &()).unwrap();
    assert_eq!(events.users.names().collect::<Vec<_>>(), [u64::MAX.to_string(), "2".into()]);
    assert_eq!(events.items.names().collect::<Vec<_>>(), ["3", "-4"]);
    assert_eq!(events.target, [1.0, 0.0]);
    let error = read_events(file.path(), &Columns { label: "stars".into(), ..columns }, &rule, &()).unwrap_err();
    assert!(
        error.to_string().contains("the columns are user, item, label: name the right one with --label"),
        "{error}"
    );
}

/// A visitor who was shown films 1 and 2, clicked the second, asked for one, and learnt one at once.
fn log() -> String {
    let id = |name: &str| format!("{:016x}", FeatureId::named(name).0);
    let named = |name: &str| format!("{{\"type\":\"named\",\"id\":\"{}\",\"name\":\"{name}\"}}\n", id(name));
    let scored = |names: &[&str]| {
        let triples: Vec<String> = names.iter().map(|name| format!("[\"{}\",1,0]", id(name))).collect();
        format!("\"shared\":[{}],\"private\":[],\"score\":0.5", triples.join(","))
    };
    let shown = |item: u32, genre: &str| {
        let names = [&*format!("item={item}"), genre, "device=phone"];
        format!("{{\"item\":\"{item}\",{},\"propensity\":1}}", scored(&names))
    };
    let names = ["item=1", "item=2", "item=3", "genres=War", "genres=Drama", "device=phone"];
    [
        "{\"type\":\"opened\",\"model\":\"m\",\"version\":1,\"base\":\"0000000000000001\",\"profile\":\"\"}\n".into(),
        names.map(named).concat(),
        format!(
            "{{\"type\":\"shown\",\"slate\":9,\"items\":[{},{}],\"pool\":[]}}\n",
            shown(1, "genres=War"),
            shown(2, "genres=Drama")
        ),
        "{\"type\":\"labelled\",\"slate\":9,\"item\":\"2\",\"target\":1,\"weight\":2}\n".into(),
        format!("{{\"type\":\"held\",\"id\":10,{}}}\n", scored(&["item=3", "genres=War"])),
        "{\"type\":\"labelled\",\"slate\":8,\"item\":\"2\",\"target\":1,\"weight\":1}\n".into(),
        "{\"type\":\"labelled\",\"slate\":9,\"item\":\"1\",\"target\":0,\"weight\":1}\n".into(),
        "{\"type\":\"labelled\",\"slate\":10,\"item\":\"\",\"target\":1,\"weight\":1}\n".into(),
        format!("{{\"type\":\"learnt\",{},\"target\":0.5,\"weight\":1}}\n", scored(&["item=1", "genres=Drama"])),
    ]
    .concat()
}

#[test]
fn a_log_is_one_visitor_and_each_label_an_event() {
    // In format 1 a held prediction is the item "" of a slate.
    let newer = log().replace("\"slate\":10,\"item\":\"\"", "\"held\":10");
    let (one, other) = (temp_file(&format!("\n{}", log())), temp_file(&gzip(newer.as_bytes())));
    let (columns, fields) = (Columns { time: Some("any".into()), ..columns() }, ["genres".to_owned()]);
    let rule = LabelRule { positive: None, ..CLICKS.clone() };
    let files = [one.path().to_owned(), other.path().to_owned()];
    let reading = Reading::new(&files, &columns, &rule, BadRows::Count(0)).unwrap();
    let store = Reading { item_fields: &fields, ..reading }.read().unwrap();
    let (users, items, batch) = contents(&store);
    assert_eq!(users, files.map(|file| file.display().to_string()));
    assert_eq!(items, ["2", "1", "3"]);
    assert_eq!(batch.item, [0, 1, 2, 1, 0, 1, 2, 1]);
    assert_eq!(batch.user, [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(batch.target[..4], [1.0, 0.0, 1.0, 0.5]);
    assert_eq!(batch.weight[..4], [2.0, 1.0, 1.0, 1.0]);
    assert!(batch.time[..4].is_sorted(), "the order of the log is the order of time");
    let told = &store.summary().item_fields;
    assert_eq!(told.of("1").collect::<Vec<_>>(), [("genres", "War"), ("genres", "Drama")]);
    assert_eq!(told.of("2").collect::<Vec<_>>(), [("genres", "Drama")]);

    let wrong = ["genre".to_owned()];
    let reading = Reading::new(&[one.path().to_owned()], &columns, &rule, BadRows::Count(0)).unwrap();
    let error = Reading { item_fields: &wrong, ..reading }.read().unwrap_err().to_string();
    assert!(error.contains("names `genre`, but no feature"), "{error}");
}

#[test]
fn impressions_are_the_same_in_every_format() {
    // A slate is its user's: p of a and p of b are two.
    let csv = "user,item,label,time,weight,slate,place,propensity\n\
        a,x,5,1,1,p,1,0.5\nb,x,3,1,1,p,2,1\na,y,4,1,1,p,2,0.25\na,y,1,2,2,7,1,1\n";
    let rows = csv.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let [user, item, label, time, weight, slate, place, propensity] = cells[..] else { panic!("{line}") };
        format!(
            "{{\"user\":\"{user}\",\"item\":\"{item}\",\"label\":{label},\"time\":{time},\"weight\":{weight},\
             \"slate\":\"{slate}\",\"place\":{place},\"propensity\":{propensity}}}\n"
        )
    });
    let json = rows.collect::<String>().replace("\"7\"", "7");
    let schema = "message events { required binary user (UTF8); required binary item (UTF8); required double label;
        required double time; required double weight; required binary slate (UTF8); required int64 place;
        required double propensity; }";
    let mut parquet = Vec::new();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(&mut parquet, schema, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (at, text) in [true, true, false, false, false, true, false, false].into_iter().enumerate() {
        let cells = csv.lines().skip(1).map(|line| line.split(',').nth(at).unwrap());
        let mut column = group.next_column().unwrap().unwrap();
        if text {
            let values: Vec<ByteArray> = cells.map(ByteArray::from).collect();
            column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        } else if at == 6 {
            let values: Vec<i64> = cells.map(|cell| cell.parse().unwrap()).collect();
            column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
        } else {
            let values: Vec<f64> = cells.map(|cell| cell.parse().unwrap()).collect();
            column.typed::<DoubleType>().write_batch(&values, None, None).unwrap();
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    let of = |bytes: &[u8]| contents(&read(&[&temp_file(bytes)], &impressions()).unwrap());
    let (users, items, batch) = of(csv.as_bytes());
    assert_eq!((batch.slate.as_slice(), batch.place.as_slice()), (&[0, 1, 0, 2][..], &[1, 2, 2, 1][..]));
    assert_eq!(batch.propensity, [0.5, 1.0, 0.25, 1.0]);
    for (name, bytes) in
        [("tsv", csv.replace(',', "\t").into_bytes()), ("json", json.into_bytes()), ("parquet", parquet)]
    {
        assert_eq!(of(&bytes), (users.clone(), items.clone(), batch.clone()), "{name}");
    }

    // Of a log: the slate's own number, the place in it, the chance with which it was drawn; what stood alone is a slate of one.
    let file = temp_file(&log().replace("\"propensity\":1", "\"propensity\":0.25"));
    let rule = LabelRule { positive: None, ..CLICKS.clone() };
    let columns = Columns { weight: None, ..impressions() };
    let events = read_events(file.path(), &columns, &rule, &()).unwrap();
    assert_eq!((&events.slate[..], &events.place[..]), (&[0, 0, 1, 2][..], &[2, 1, 1, 1][..]));
    assert_eq!(events.propensity, [0.25, 0.25, 1.0, 1.0]);

    for (cells, expected) in [
        ("p,0,1", "column `place`: `0` is no place: they are counted 1, 2, 3 from the top"),
        ("p,1.5,1", "column `place`: `1.5` is no place"),
        ("p,1,0", "column `propensity`: `0` is no propensity"),
        ("p,1,1.5", "column `propensity`: `1.5` is no propensity"),
        (",1,1", "column `slate`: `` is empty"),
    ] {
        let file = temp_file(&format!("user,item,label,time,weight,slate,place,propensity\na,x,5,1,1,{cells}\n"));
        let error = told(&read(&[&file], &impressions()).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn logs_gathered_into_one_file_tell_their_visitors_apart() {
    let of = |user: &str| log().replace("\"type\":", &format!("\"user\":\"{user}\",\"type\":"));
    // The same slate ids, record by record in turn.
    let (ann, bob) = (of("ann"), of("bob"));
    let turns: Vec<&str> = ann.lines().zip(bob.lines()).flat_map(|(a, b)| [a, b]).collect();
    let rule = LabelRule { positive: None, ..CLICKS.clone() };
    let file = temp_file(&turns.join("\n"));
    let events = read_events(file.path(), &columns(), &rule, &()).unwrap();
    assert_eq!(events.users.names().collect::<Vec<_>>(), ["ann", "bob"]);
    assert_eq!(events.by_user().iter().map(Vec::len).collect::<Vec<_>>(), [4, 4]);
}

#[test]
fn bad_rows_are_left_out_up_to_a_limit() {
    let mut text = "user,item,label,time\n".to_owned();
    for row in 0..100 {
        text += match row {
            10 => "a,x,?,1\n",
            20 => "a,x\n",
            30 => "\n\n,x,1,1\n",
            _ => "a,x,5,1\n",
        };
    }
    for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
        let file = temp_file(&bytes);
        let (columns, files) = (columns(), [file.path().to_owned()]);
        let read = |limit: &str| Reading::new(&files, &columns, &CLICKS, limit.parse().unwrap()).unwrap().read();
        for enough in ["3", "3%"] {
            let store = read(enough).unwrap();
            assert_eq!((store.len(), store.summary().bad), (97, 3));
        }
        let name = file.path().display();
        let error = read("2").unwrap_err().to_string();
        assert!(error.contains(&format!("{name}:12: column `label`: `?`")), "{error}");
        assert!(error.contains(&format!("{name}:22: the row has 2 cells")), "{error}");
        assert!(error.contains(&format!("{name}:34: column `user`")) && error.contains("--bad-rows"), "{error}");
        assert!(read("2.9%").unwrap_err().to_string().starts_with("3 of 100 bad rows"));
    }
    let json = temp_file("{\"user\":\"a\",\"item\":\"x\",\"label\":1,\"time\":0}\n\n{\"user\":\"a\"}\nnonsense\n");
    let error = read(&[&json], &columns()).unwrap_err().to_string();
    assert!(error.contains(":3: there is no key `item`; the keys are user: name the right one with --item"), "{error}");
}

#[test]
fn what_breaks_off_is_an_error_and_no_bad_row() {
    let whole = gzip(CSV.repeat(50).as_bytes());
    let file = temp_file(&whole[..whole.len() / 2]);
    let (columns, files) = (columns(), [file.path().to_owned()]);
    let limit = BadRows::Share(0.99);
    let error = Reading::new(&files, &columns, &CLICKS, limit).unwrap().read().unwrap_err();
    assert!(told(&error).contains(&file.path().display().to_string()), "{}", told(&error));
    let file = temp_file(&parquet()[..200]);
    let error = read(&[&file], &columns).unwrap_err();
    assert!(error.to_string().contains("cannot read"), "{}", told(&error));
}

/// A folder for a cache, the file it is of, and whether the next reading took it from the cache.
struct Cached {
    folder: tempfile::TempDir,
    file: NamedTempFile,
}

const BEFORE: &str = "user,item,label,time\na,x,5,1\nb,x,1,1\n";
/// As long as the other, so that only its time tells.
const AFTER: &str = "user,item,label,time\na,x,1,1\nb,x,5,1\n";

impl Cached {
    fn new() -> Cached {
        let cached = Cached { folder: tempfile::tempdir().unwrap(), file: temp_file(BEFORE) };
        cached.date(1);
        assert_eq!(cached.labels(&columns(), 0), [5.0, 1.0]);
        cached
    }

    fn date(&self, seconds: u64) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        File::options().append(true).open(self.file.path()).unwrap().set_modified(time).unwrap();
    }

    /// Overwrites the file. What keeps its time is not seen to have changed.
    fn write(&self, text: &str, seconds: u64) {
        std::fs::write(self.file.path(), text).unwrap();
        self.date(seconds);
    }

    fn labels(&self, columns: &Columns, bad: u64) -> Vec<f32> {
        let files = [self.file.path().to_owned()];
        let reading = Reading::new(&files, columns, &CLICKS, BadRows::Count(bad)).unwrap();
        let store = Reading { cache: Some(self.folder.path()), ..reading }.read().unwrap();
        assert!(matches!(store.blocks, Blocks::File(..)));
        store.events().unwrap().label
    }

    fn caches(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn a_cache_is_used_until_its_file_or_its_roles_change() {
    let cached = Cached::new();
    cached.write(AFTER, 1);
    assert_eq!(cached.labels(&columns(), 0), [5.0, 1.0], "nothing seems to have changed");
    assert_eq!(cached.labels(&Columns { time: None, ..columns() }, 0), [1.0, 5.0], "other roles are another cache");
    assert_eq!(cached.caches().len(), 2);
    cached.date(2);
    assert_eq!(cached.labels(&columns(), 0), [1.0, 5.0], "it is newer");
    assert_eq!(cached.caches().len(), 2, "what is stale is replaced");
    cached.write(&format!("{BEFORE}b,y,4,2\n"), 2);
    assert_eq!(cached.labels(&columns(), 0), [5.0, 1.0, 4.0], "it is longer");
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let cached = Cached::new();
    let [path] = &cached.caches()[..] else { panic!("one cache") };
    let whole = std::fs::read(path).unwrap();
    cached.write(AFTER, 1);
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(path, damaged).unwrap();
        assert_eq!(cached.labels(&columns(), 0), [1.0, 5.0], "byte {at} of {}", whole.len());
        std::fs::write(path, &whole[..at]).unwrap();
        assert_eq!(cached.labels(&columns(), 0), [1.0, 5.0], "cut at {at}");
        assert_eq!(cached.caches().len(), 1);
    }
    std::fs::write(path, &whole).unwrap();
    assert_eq!(cached.labels(&columns(), 0), [5.0, 1.0], "it was whole");
}

#[test]
fn a_cache_remembers_bad_rows() {
    let cached = Cached::new();
    cached.write("user,item,label,time\na,x,5,1\nb,x,?,1\n", 3);
    assert_eq!(cached.labels(&columns(), 1), [5.0]);
    assert_eq!(cached.labels(&columns(), 1), [5.0], "from the cache");
    let files = [cached.file.path().to_owned()];
    let columns = columns();
    let reading = Reading::new(&files, &columns, &CLICKS, BadRows::Count(0)).unwrap();
    let error = Reading { cache: Some(cached.folder.path()), ..reading }.read().unwrap_err().to_string();
    assert!(error.contains(":3: column `label`"), "{error}");
    assert_eq!(cached.caches().len(), 1, "what failed left nothing");
}

#[test]
fn blocks_are_the_same_in_memory_and_in_a_file() {
    let mut text = "user,item,label,time,weight,slate,place,propensity\n".to_owned();
    for row in 0..3 * BLOCK + 17 {
        let (slate, place, propensity) = (row / 97 / 4, row / 97 % 4 + 1, 0.25 + 0.5 * (row % 2) as f32);
        text += &format!("u{},i{},{},{row},{}", row % 97, row % 89, row % 6, row % 3);
        text += &format!(",{slate},{place},{propensity}\n");
    }
    let file = temp_file(&text);
    let placed = Columns { place: Some("place".into()), ..columns() };
    for columns in [columns(), weighted(), impressions(), placed, Columns { time: None, ..columns() }] {
        let files = [file.path().to_owned()];
        let read = |memory| {
            let reading = Reading::new(&files, &columns, &CLICKS, BadRows::Count(0)).unwrap();
            Reading { memory, ..reading }.read().unwrap()
        };
        let (held, spilled) = (read(usize::MAX), read(BLOCK * 30));
        assert!(matches!((&held.blocks, &spilled.blocks), (Blocks::Memory(_), Blocks::File(..))));
        assert_eq!(held.summary.shape, Shape::of(&columns));
        assert_eq!(contents(&held), contents(&spilled));
        let mut learnt = Batch::default();
        (0..spilled.blocks()).rev().for_each(|block| spilled.read_learnt(block, &mut learnt).unwrap());
        assert_eq!((learnt.len(), learnt.label.len(), learnt.time.len()), (held.len(), 0, 0));
    }
}
