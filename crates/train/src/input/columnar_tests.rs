//! Files by column are read by their types, as Parquet and as Arrow alike.

use super::*;
use crate::error::told;
use crate::testing::{columns, temp_file};
use ::parquet::arrow::ArrowWriter;
use ::parquet::data_type::{ByteArray, ByteArrayType, Int96, Int96Type};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::*;
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;

static CLICKS: LabelRule = LabelRule { squared: false, positive: None, map: Vec::new() };

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The same columns as Parquet and as an Arrow IPC file.
fn files(named: &[(&str, ArrayRef)]) -> [Vec<u8>; 2] {
    let batch = RecordBatch::try_from_iter(named.iter().cloned()).unwrap();
    let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    let mut arrow = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    arrow.write(&batch).unwrap();
    arrow.write(&batch.slice(0, 0)).unwrap();
    [parquet.into_inner().unwrap(), arrow.into_inner().unwrap()]
}

/// 40 events in both.
pub(super) fn events() -> [Vec<u8>; 2] {
    let numbers = |of: fn(i64) -> i64| -> ArrayRef { Arc::new((0..40).map(of).collect::<Int64Array>()) };
    files(&[
        ("user", numbers(|n| n % 7)),
        ("item", numbers(|n| n * 5 % 9)),
        ("label", numbers(|n| n % 2)),
        ("time", numbers(|n| 1000 + n)),
    ])
}

fn read(bytes: &[u8]) -> crate::error::Result<Events> {
    read_events(temp_file(bytes).path(), &columns(), &CLICKS, &())
}

#[test]
fn columns_are_read_by_their_types() {
    let moment = |parts: i64| Int64Array::from(vec![Some(parts), Some(3 * parts)]);
    let timestamp = |unit, parts| cast(&moment(parts), &DataType::Timestamp(unit, None)).unwrap();
    let labels: [ArrayRef; 4] = [
        Arc::new(BooleanArray::from(vec![true, false])),
        texts(&["True", "no"]),
        Arc::new(UInt8Array::from(vec![1, 0])),
        cast(&Float64Array::from(vec![1.0, 0.0]), &DataType::Decimal128(9, 2)).unwrap(),
    ];
    let times: [ArrayRef; 7] = [
        Arc::new(UInt32Array::from(vec![86_400, 259_200])),
        Arc::new(Date32Array::from(vec![1, 3])),
        timestamp(TimeUnit::Second, 86_400),
        timestamp(TimeUnit::Millisecond, 86_400_000),
        timestamp(TimeUnit::Microsecond, 86_400_000_000),
        timestamp(TimeUnit::Nanosecond, 86_400_000_000_000),
        texts(&["1970-01-02", "1970-01-04T00:00:00Z"]),
    ];
    let users = cast(&texts(&["a", "b"]), &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)));
    let users: [ArrayRef; 3] = [texts(&["a", "b"]), users.unwrap(), Arc::new(BinaryArray::from(vec![&b"a"[..], b"b"]))];
    let items: ArrayRef = Arc::new(UInt32Array::from(vec![4_000_000_000, 7]));
    for (n, time) in times.iter().enumerate() {
        let (user, label) = (&users[n % users.len()], &labels[n % labels.len()]);
        let named = [("user", user), ("item", &items), ("label", label), ("time", time)];
        for bytes in files(&named.map(|(name, column)| (name, column.clone()))) {
            let events = read(&bytes).unwrap_or_else(|error| panic!("{:?}: {}", time.data_type(), told(&error)));
            assert_eq!(events.users.names().collect::<Vec<_>>(), ["a", "b"]);
            assert_eq!(events.items.names().collect::<Vec<_>>(), ["4000000000", "7"]);
            assert_eq!((&events.target[..], &events.time[..]), (&[1.0, 0.0][..], &[86_400.0, 259_200.0][..]));
        }
    }
}

#[test]
fn moments_of_96_bits_are_moments() {
    let schema = "message e { required binary user (UTF8); required binary item (UTF8); required binary label (UTF8);
        required int96 time; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for text in ["a", "x", "1"] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[ByteArray::from(text)], None, None).unwrap();
        column.close().unwrap();
    }
    // Nanoseconds of the day, then the Julian day: half past midnight of the second day of 1970.
    let (nanoseconds, day) = (1_800_000_000_000u64, 2_440_589u32);
    let mut time = Int96::new();
    time.set_data(nanoseconds as u32, (nanoseconds >> 32) as u32, day);
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&[time], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    assert_eq!(read(&writer.into_inner().unwrap()).unwrap().time, [86_400.0 + 1800.0]);
}

#[test]
fn what_no_row_can_be_is_told_with_its_column() {
    let numbers = |value: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("x")]);
    let lists: ArrayRef = Arc::new(lists.finish());
    let null: ArrayRef = Arc::new(Float64Array::from(vec![None]));
    let moment = cast(&Int64Array::from(vec![1]), &DataType::Timestamp(TimeUnit::Second, None)).unwrap();
    let (a, one) = (texts(&["a"]), numbers(1.0));
    for (named, expected) in [
        (
            [numbers(5.0), a.clone(), one.clone(), one.clone()],
            "column `user` is of Float64: an id is a text or a whole",
        ),
        ([a.clone(), lists, one.clone(), one.clone()], "column `item` is of List"),
        ([a.clone(), a.clone(), moment, one.clone()], "column `label` is of Timestamp(s): a moment is no number"),
        ([a.clone(), texts(&[""]), one.clone(), one.clone()], ": row 1: column `item`: is empty"),
        ([a.clone(), a.clone(), null, one.clone()], ": row 1: column `label`: `null` is no number"),
        ([a.clone(), a.clone(), numbers(f64::NAN), one], ": row 1: column `label`: `NaN` is not a finite number"),
    ] {
        let named: Vec<(&str, ArrayRef)> = ["user", "item", "label", "time"].into_iter().zip(named).collect();
        for bytes in files(&named) {
            let error = told(&read(&bytes).unwrap_err());
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}

#[test]
fn lists_are_several_values_of_a_field_in_every_format() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("Drama"), Some("War")]);
    lists.append_null();
    lists.append_value([Some("War")]);
    let items: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let years: ArrayRef = Arc::new(Float64Array::from(vec![1990.0, 1991.0, 1990.5]));
    let [parquet, arrow] = files(&[("item", items), ("genres", Arc::new(lists.finish())), ("year", years)]);
    let json = "[{\"item\": 1, \"genres\": [\"Drama\", \"War\"], \"year\": 1990},
        {\"item\": 2, \"genres\": null, \"year\": 1991}, {\"item\": 3, \"year\": 1990.5, \"genres\": [\"War\"]}]";
    let csv = "item,genres,year\n1,Drama|War,1990\n2,,1991\n3,War,1990.5\n";
    for (name, bytes) in [("parquet", parquet), ("arrow", arrow), ("json", json.into()), ("csv", csv.into())] {
        let (file, fields) = (temp_file(&bytes), ["genres".to_owned(), "year".to_owned()]);
        let side = read_side(file.path(), Dialect::default(), ["item", ""], &fields, "", &())
            .unwrap_or_else(|error| panic!("{name}: {}", told(&error)));
        assert_eq!(
            side.of("1").collect::<Vec<_>>(),
            [("genres", "Drama"), ("genres", "War"), ("year", "1990")],
            "{name}"
        );
        assert_eq!(side.of("2").collect::<Vec<_>>(), [("year", "1991")], "{name}");
        assert_eq!(side.of("3").collect::<Vec<_>>(), [("genres", "War"), ("year", "1990.5")], "{name}");
    }
}
