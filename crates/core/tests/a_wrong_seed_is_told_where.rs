//! Seeds may be made by hand, so each key of the metadata and each tensor that is wrong is told by its path, with what is
//! expected there and what was found.

mod scenario;

use brooklet_core::*;
use scenario::{metadata, object, seed};

/// Puts a value where a path of keys and indices leads, or removes what is there.
fn put(value: &mut Value, path: &str, new: Option<Value>) {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let place = match value {
        Value::Array(elements) => &mut elements[key.parse::<usize>().expect("an index")],
        Value::Object(fields) => {
            if rest.is_none() {
                fields.retain(|(name, _)| name != key);
                fields.extend(new.map(|new| (key.to_owned(), new)));
                return;
            }
            &mut fields.iter_mut().find(|(name, _)| name == key).expect("the key is there").1
        }
        _ => panic!("{path} leads nowhere"),
    };
    match rest {
        Some(rest) => put(place, rest, new),
        None => *place = new.expect("elements are not removed"),
    }
}

fn with(value: &Value, path: &str, new: Option<&str>) -> Value {
    let mut changed = value.clone();
    put(&mut changed, path, new.map(|new| Value::parse(new).expect("JSON")));
    changed
}

/// What is said of a metadata in which another value stands at the path, or nothing.
fn said_of_metadata(path: &str, new: Option<&str>) -> String {
    let good = Value::parse(&metadata(4, Loss::Logistic).to_json()).expect("JSON");
    match Metadata::parse(&with(&good, path, new).to_json()) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => {
            assert_eq!(error.code(), "bad_base");
            error.to_string().strip_prefix("not a readable base: ").expect("it says of what").to_owned()
        }
    }
}

#[test]
fn a_key_that_is_missing_is_named() {
    for (path, expected) in [
        ("format", "1"),
        ("model", "a text"),
        ("version", "a whole number from 1 on"),
        ("factors", "a whole number from 0 to 256"),
        ("loss", "one of logistic, squared"),
        ("w0", "a number"),
        ("schema.visitor", "a text"),
        ("schema.item", "a text"),
        ("schema.private", "an array of texts"),
        ("schema.fields", "an array of texts"),
        ("rates.private", "a number from 0 to 1000"),
        ("rates.shared", "a number from 0 to 1000"),
        ("rates.delta", "a number from 0 to 1000"),
        ("prior.mean", "1 + k numbers"),
        ("prior.covariance", "(1 + k)^2 numbers"),
        ("prior.scale", "a number from 0 to 1000"),
        ("calibration.a", "a number above 0"),
        ("calibration.b", "a number"),
        ("labels.map", "an array of pairs of numbers"),
    ] {
        assert_eq!(said_of_metadata(path, None), format!("{path}: {expected} is missing"));
        assert_eq!(said_of_metadata(path, Some("null")), format!("{path}: expected {expected}, found null"));
    }
    // Whatever is looked for first in an object that is missing.
    for (object, path) in [("schema", "schema.visitor"), ("prior", "prior.mean"), ("calibration", "calibration.a")] {
        let said = said_of_metadata(object, None);
        assert!(said.starts_with(path) && said.ends_with(" is missing"), "{said}");
    }
    let optional = [
        "schema.rates",
        "catalogue",
        "examination",
        "thresholds",
        "thresholds.gate",
        "labels.positive",
        "private_rows",
        "training",
    ];
    for path in optional.into_iter().chain(["thresholds.adwin_delta", "thresholds.page_hinkley_tolerance"]) {
        assert_eq!(said_of_metadata(path, None), "accepted", "{path}");
    }
}

#[test]
fn a_key_that_is_wrong_is_told_with_what_was_found() {
    for (path, new, said) in [
        ("format", "2", "format: expected 1, found 2"),
        ("model", "7", "model: expected a text, found 7"),
        ("version", "0", "version: expected a whole number from 1 on, found 0"),
        ("version", "1.5", "version: expected a whole number from 1 on, found 1.5"),
        ("version", "1e16", "version: expected a whole number from 1 on, found 10000000000000000"),
        ("factors", "257", "factors: expected a whole number from 0 to 256, found 257"),
        ("factors", "4.5", "factors: expected a whole number from 0 to 256, found 4.5"),
        ("factors", "-1", "factors: expected a whole number from 0 to 256, found -1"),
        ("loss", "\"hinge\"", "loss: expected one of logistic, squared, found \"hinge\""),
        ("w0", "1e39", "w0: expected a number, found 1000000000000000000000000000000000000000"),
        ("w0", "\"0\"", "w0: expected a number, found \"0\""),
        ("schema", "[\"user\"]", "schema: expected an object, found [\"user\"]"),
        ("schema.item", "{}", "schema.item: expected a text, found an object"),
        ("schema.private", "\"age\"", "schema.private: expected an array of texts, found \"age\""),
        ("schema.private.1", "3", "schema.private[1]: expected a text, found 3"),
        ("schema.fields.0", "null", "schema.fields[0]: expected a text, found null"),
        ("schema.rates", "null", "schema.rates: expected an array of at most 255 objects, found null"),
        ("schema.rates.0", "3", "schema.rates[0]: expected an object, found 3"),
        ("schema.rates.0.field", "3", "schema.rates[0].field: expected a text, found 3"),
        ("schema.rates.0.rate", "1001", "schema.rates[0].rate: expected a number from 0 to 1000, found 1001"),
        ("schema.rates.0.adagrad", "1", "schema.rates[0].adagrad: expected true or false, found 1"),
        ("rates", "true", "rates: expected an object, found true"),
        ("rates.private", "-0.5", "rates.private: expected a number from 0 to 1000, found -0.5"),
        ("rates.shared", "1e4", "rates.shared: expected a number from 0 to 1000, found 10000"),
        ("rates.delta", "false", "rates.delta: expected a number from 0 to 1000, found false"),
        ("prior.mean", "[1, 2, 3]", "prior.mean: expected 1 + k numbers, found [1,2,3]"),
        ("prior.mean.3", "\"0\"", "prior.mean[3]: expected a number, found \"0\""),
        ("prior.covariance", "[1,2,3,4,5]", "prior.covariance: expected (1 + k)^2 numbers, found an array of 5"),
        ("prior.covariance.24", "null", "prior.covariance[24]: expected a number, found null"),
        (
            "prior.covariance.6",
            "-1",
            "prior.covariance: expected the numbers of a positive semi-definite matrix, found an array of 25",
        ),
        ("prior.scale", "1000.5", "prior.scale: expected a number from 0 to 1000, found 1000.5"),
        ("catalogue", "7", "catalogue: expected an object, found 7"),
        (
            "catalogue",
            r#"{"mean":[0,1],"covariance":[1,0,0,1],"click":0,"half":8}"#,
            "catalogue.click: expected a number above 0, at most a million, found 0",
        ),
        (
            "catalogue",
            r#"{"mean":[0,1],"covariance":[1,0,0,1],"click":20}"#,
            "catalogue.half: a number above 0, at most a million is missing",
        ),
        (
            "catalogue",
            r#"{"mean":[0,1],"covariance":[1,0,0],"click":20,"half":8}"#,
            "catalogue.covariance: expected c^2 numbers, c from 1 to 256, found [1,0,0]",
        ),
        (
            "catalogue",
            r#"{"mean":[0,1],"covariance":[1,2,2,1],"click":20,"half":8}"#,
            "catalogue.covariance: expected the numbers of a positive semi-definite matrix, found [1,2,2,1]",
        ),
        (
            "catalogue",
            r#"{"mean":[],"covariance":[],"click":20,"half":8}"#,
            "catalogue.mean: expected 1 to 256 numbers, found []",
        ),
        ("calibration.a", "0", "calibration.a: expected a number above 0, found 0"),
        ("calibration.b", "[]", "calibration.b: expected a number, found []"),
        ("thresholds", "2", "thresholds: expected an object, found 2"),
        ("thresholds.gate", "-1", "thresholds.gate: expected a number of 0 or more, or null, found -1"),
        ("thresholds.adwin_delta", "0", "thresholds.adwin_delta: expected a number above 0 and at most 1, found 0"),
        (
            "thresholds.page_hinkley_tolerance",
            "null",
            "thresholds.page_hinkley_tolerance: expected a number of 0 or more, found null",
        ),
        (
            "thresholds.page_hinkley_threshold",
            "-5",
            "thresholds.page_hinkley_threshold: expected a number of 0 or more, found -5",
        ),
        ("examination", "1", "examination: expected an array of numbers, found 1"),
        ("examination", "[1, 1.5]", "examination[1]: expected a number from 0 to 1, found 1.5"),
        ("labels.positive", "\"4\"", "labels.positive: expected a number or null, found \"4\""),
        ("labels.map", "{}", "labels.map: expected an array of pairs of numbers, found an object"),
        ("labels.map.1", "[5]", "labels.map[1]: expected a label and its target, found [5]"),
        ("labels.map.1.0", "\"5\"", "labels.map[1][0]: expected a number, found \"5\""),
        ("private_rows", "1", "private_rows: expected true or false, found 1"),
    ] {
        assert_eq!(said_of_metadata(path, Some(new)), said);
    }
    let long = format!("\"{}\"", "x".repeat(100));
    assert_eq!(said_of_metadata("w0", Some(&long)), "w0: expected a number, found a text");
}

#[test]
fn a_metadata_that_is_wrong_is_not_written() {
    let good = metadata(4, Loss::Logistic);
    let rows = scenario::rows(4);
    let said = |metadata: Metadata| match encode_base(&metadata, &rows, Precision::F16) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    };
    let rates = Rates { shared: f32::NAN, ..good.rates };
    let scaled = Prior { scale: -1.0, ..good.prior.clone() };
    for (metadata, expected) in [
        (Metadata { rates, ..good.clone() }, "rates.shared: expected a number from 0 to 1000, found NaN"),
        (Metadata { w0: f32::INFINITY, ..good.clone() }, "w0: expected a number, found inf"),
        (Metadata { prior: scaled, ..good.clone() }, "prior.scale: expected a number from 0 to 1000, found -1"),
        (Metadata { factors: 5, ..good.clone() }, "prior.mean: expected 1 + k numbers, found an array of 5"),
    ] {
        assert_eq!(said(metadata), format!("not a readable base: {expected}"));
    }
    assert_eq!(said(good), "accepted");
}

/// A file with another header over the same tensors.
fn with_header(file: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("8 bytes")) as usize;
    let (header, tensors) = rest.split_at(length);
    let mut header = Value::parse(std::str::from_utf8(header).expect("UTF-8")).expect("JSON");
    change(&mut header);
    let header = header.to_json();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), tensors].concat()
}

fn said_of_file(file: Vec<u8>) -> String {
    match Base::decode(file) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string().strip_prefix("not a readable base: ").expect("it says of what").to_owned(),
    }
}

#[test]
fn a_tensor_that_is_described_wrongly_is_named() {
    let file = seed(4, Loss::Logistic, Precision::Int8);
    let said =
        |path: &str, new: Option<&str>| said_of_file(with_header(&file, |header| *header = with(header, path, new)));
    for (tensor, dtype) in
        [("ids", "U64"), ("w", "F16"), ("v", "F16 or I8"), ("v_scale", "F32"), ("names", "U8"), ("name_ends", "U32")]
    {
        assert_eq!(said(tensor, None), format!("tensor {tensor}: a tensor is missing"));
        let keys = ["dtype", "shape", "data_offsets"].map(|key| format!("{tensor}.{key}"));
        assert_eq!(said(&keys[0], Some("\"F64\"")), format!("tensor {tensor}.dtype: expected {dtype}, found \"F64\""));
        assert_eq!(said(&keys[0], None), format!("tensor {tensor}.dtype: {dtype} is missing"));
        for shape in ["[7, 7]", "[]", "[-1]", "[1e300]", "46", "[\"46\"]", "[1, 2, 3]"] {
            let said = said(&keys[1], Some(shape));
            // Another number of names is another length of their text.
            assert!(said.starts_with(&format!("tensor {tensor}.")) || tensor == "ids", "{shape}: {said}");
            assert!(said.starts_with("tensor ") && said.contains(": expected "), "{shape}: {said}");
        }
        for offsets in ["[0, 1]", "[1, 0]", "[-8, 0]", "[0, 1e300]", "[0.5, 8.5]", "[0]", "null", "7"] {
            let said = said(&keys[2], Some(offsets));
            assert!(said.starts_with(&format!("tensor {tensor}.data_offsets: expected ")), "{offsets}: {said}");
        }
    }
    assert_eq!(
        said("v.shape", Some("[46, 3]")),
        "tensor v.shape: expected [n], and of v [n, k], with n as of ids, found [46,3]"
    );
    // A seed need not have names.
    let nameless = with_header(&file, |header| *header = with(&with(header, "names", None), "name_ends", None));
    assert_eq!(said_of_file(nameless), "accepted");
    // One column is as good as none.
    assert_eq!(said("w.shape", Some("[46, 1]")), "accepted");
}

#[test]
fn what_ranks_the_catalogue_is_there_as_the_metadata_say() {
    let (metadata, rows) = scenario::ranked();
    let file = |precision| encode_base(&metadata, &rows, precision).expect("they fit");
    let without =
        |tensor: &str| said_of_file(with_header(&file(Precision::Int8), |header| *header = with(header, tensor, None)));
    assert_eq!(said_of_file(file(Precision::F16)), "accepted");
    assert_eq!(without("catalogue"), "tensor catalogue: a tensor is missing");
    assert_eq!(without("catalogue_scale"), "tensor catalogue_scale: a tensor is missing");
    let fewer = Rows { catalogue: rows.catalogue.clone().map(|mut numbers| numbers.split_off(1)), ..rows.clone() };
    let nameless = Metadata { catalogue: None, ..metadata.clone() };
    for (metadata, rows) in [(&metadata, &fewer), (&nameless, &rows)] {
        let said = encode_base(metadata, rows, Precision::F16).expect_err("they do not fit").to_string();
        assert!(said.contains("catalogue: expected c + 1 numbers a row"), "{said}");
    }
}

#[test]
fn a_number_of_a_tensor_that_is_wrong_is_told_with_its_place() {
    let half = |bits: u16| bits.to_le_bytes().to_vec();
    for (precision, tensor, place, bytes, said) in [
        (
            Precision::F16,
            "ids",
            3,
            vec![0; 8],
            "tensor ids[3]: expected an id above the one before, found one that is not",
        ),
        (Precision::F16, "w", 5, half(0x7c00), "tensor w[5]: expected a finite number, found another"),
        (Precision::F16, "v", 9, half(0xfe00), "tensor v[9]: expected a finite number, found another"),
        (
            Precision::Int8,
            "v_scale",
            2,
            2e4f32.to_le_bytes().to_vec(),
            "tensor v_scale[2]: expected a number from -10000 to 10000, found 20000",
        ),
        (
            Precision::Int8,
            "v_scale",
            0,
            f32::NAN.to_le_bytes().to_vec(),
            "tensor v_scale[0]: expected a number from -10000 to 10000, found NaN",
        ),
        (
            Precision::Int8,
            "name_ends",
            1,
            vec![255; 4],
            "tensor name_ends[1]: expected a place in the names, not before that of the row before, found 4294967295",
        ),
        (
            Precision::Int8,
            "names",
            0,
            vec![255],
            "tensor name_ends[0]: expected a name of UTF-8 to end here, found other bytes",
        ),
    ] {
        let file = seed(4, Loss::Logistic, precision);
        let reference = safetensors::SafeTensors::deserialize(&file).expect("it is a safetensors file");
        let data = reference.tensor(tensor).expect("it is there").data();
        let at = data.as_ptr() as usize - file.as_ptr() as usize + place * bytes.len();
        let broken = [&file[..at], &bytes, &file[at + bytes.len()..]].concat();
        assert_eq!(said_of_file(broken), said);
    }
}

#[test]
fn a_file_that_is_none_is_told_what_it_lacks() {
    let file = seed(4, Loss::Logistic, Precision::F16);
    let headed = |header: &[u8]| [&(header.len() as u64).to_le_bytes(), header].concat();
    let with_metadata = |text: &str| {
        let metadata = object(&[("brooklet", Value::from(text))]);
        with_header(&file, |header| put(header, "__metadata__", Some(metadata)))
    };
    for (file, said) in [
        (vec![0; 7], "the file: expected 8 bytes that say how long its header is, found a shorter one"),
        (vec![255; 20], "the file: expected a header within it, of at most 16 MiB, found a longer one"),
        (headed(&[0xff, 0xfe]), "the file: expected a header of UTF-8, found other bytes"),
        (headed(b"{\"a\":NaN}"), "the header: expected JSON, found other text: a value was expected"),
        (headed(b"{}"), "__metadata__.brooklet: the text of its metadata is missing"),
        (headed(b"[]"), "the header: expected an object, found []"),
        (
            headed(br#"{"__metadata__":{"brooklet":{}}}"#),
            "__metadata__.brooklet: expected the text of its metadata, found an object",
        ),
        (with_metadata("{\"w0\":NaN}"), "__metadata__.brooklet: expected JSON, found other text: a value was expected"),
        (with_metadata("3"), "__metadata__.brooklet: expected an object, found 3"),
    ] {
        assert_eq!(said_of_file(file), said);
    }
}
