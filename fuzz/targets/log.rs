//! A line of an event log that is read is written as one that is read as the same.
#![no_main]

use brooklet_core::{Record, Value};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for line in text.lines() {
        let Ok(record) = Value::parse(line).and_then(|value| Record::from_value(&value)) else { continue };
        let written = Record::from_value(&record.to_value()).expect("what is written can be read");
        // Numbers that are none are equal to nothing, so the text is compared.
        assert_eq!(format!("{record:?}"), format!("{written:?}"));
    }
});
