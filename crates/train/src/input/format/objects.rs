//! JSON text, object by object: one a line, in an array, or one behind the other over several lines each.

use super::lines::Numbered;
use crate::error::{Context, Result};
use crate::input::InputFile;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read};

/// Objects as a file has them.
pub(crate) struct JsonText {
    name: String,
    text: Objects,
}

enum Objects {
    Lines(Numbered<Box<dyn Read>>),
    Braces(Braces<Box<dyn Read>>),
}

impl JsonText {
    /// An object a line.
    pub(crate) fn lines(file: &InputFile, body: Box<dyn Read>, line: u64, end: u8) -> JsonText {
        JsonText { name: file.to_string(), text: Objects::Lines(Numbered::new(body, line, end)) }
    }

    /// Objects wherever they are.
    pub(crate) fn braces(file: &InputFile, body: Box<dyn Read>, line: u64, end: u8) -> JsonText {
        JsonText { name: file.to_string(), text: Objects::Braces(Braces::new(body, line, end)) }
    }

    /// Whether a line is the beginning of an object that later lines go on with.
    pub(crate) fn breaks_off(line: &[u8]) -> bool {
        serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof())
    }

    /// The text of the next object, or of the line where one should be.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        let cannot = || format!("cannot read {} further", self.name);
        match &mut self.text {
            Objects::Lines(lines) => lines.next().with_context(cannot),
            Objects::Braces(braces) => match braces.next().with_context(cannot)? {
                Ok(object) => Ok(object),
                Err((line, why)) => bail!(Input, "{}:{line}: {why}", self.name),
            },
        }
    }

    pub(crate) fn place(&self) -> String {
        let line = match &self.text {
            Objects::Lines(lines) => lines.line,
            Objects::Braces(braces) => braces.line,
        };
        format!("{}:{line}", self.name)
    }
}

/// Finds the objects in a text by their braces.
struct Braces<R> {
    reader: BufReader<R>,
    object: Vec<u8>,
    /// Where the object begins that came last, and where the reader is.
    line: u64,
    at: u64,
    end: u8,
}

/// What was found is no object: the line, and what is wrong.
type Found<'a> = Result<Option<&'a [u8]>, (u64, String)>;

impl<R: Read> Braces<R> {
    fn new(reader: R, first: u64, end: u8) -> Braces<R> {
        let reader = BufReader::with_capacity(1 << 18, reader);
        Braces { reader, object: Vec::new(), line: first, at: first, end }
    }

    fn next(&mut self) -> std::io::Result<Found<'_>> {
        self.object.clear();
        let (mut depth, mut quoted, mut escaped) = (0u32, false, false);
        loop {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                let broken = || Err((self.line, "the object that begins here breaks off".to_owned()));
                return Ok(if depth > 0 { broken() } else { Ok(None) });
            }
            let (mut used, mut whole) = (0, false);
            for &byte in bytes {
                used += 1;
                if byte == self.end {
                    self.at += 1;
                }
                match (byte, depth) {
                    (b'{', 0) => (self.line, depth) = (self.at, 1),
                    (b'[' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf, 0) => continue,
                    (other, 0) => {
                        let why =
                            format!("`{}` stands where an object should begin", char::from(other).escape_default());
                        return Ok(Err((self.at, why)));
                    }
                    _ if escaped => escaped = false,
                    (b'\\', _) if quoted => escaped = true,
                    (b'"', _) => quoted = !quoted,
                    (b'{', _) if !quoted => depth += 1,
                    (b'}', _) if !quoted => depth -= 1,
                    _ => {}
                }
                self.object.push(byte);
                if depth == 0 {
                    whole = true;
                    break;
                }
            }
            self.reader.consume(used);
            if whole {
                return Ok(Ok(Some(&self.object)));
            }
        }
    }
}

/// A flat object: its keys, and its values as they are written, so that no digit of a number is lost.
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    pub(crate) fn parse(text: &'a [u8]) -> Result<Object<'a>, String> {
        serde_json::from_slice(text).map_err(|error| format!("is not a JSON object: {error}"))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }

    /// The value of a key, as it is written; None if there is none.
    pub(crate) fn get(&self, key: &str) -> Result<Option<&'a str>, String> {
        let mut found = self.0.iter().filter(|(own, _)| own == key);
        let value = found.next().map(|(_, value)| value.get());
        if found.next().is_some() {
            return Err(format!("the key `{key}` is there twice"));
        }
        Ok(value)
    }
}

/// What a text, a number or a boolean says: a text without its quotes, a whole number with all its digits, another number as it
/// is shortest. None of null, objects and arrays.
pub(crate) fn scalar(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'"' => serde_json::from_str(value).ok(),
        b't' | b'f' => Some(value.into()),
        b'{' | b'[' | b'n' => None,
        _ if value.trim_start_matches('-').bytes().all(|digit| digit.is_ascii_digit()) => Some(value.into()),
        _ => Some(serde_json::from_str::<serde_json::Number>(value).ok()?.to_string().into()),
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    entries.push((key, value));
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Vec<Result<(u64, String), String>> {
        let mut braces = Braces::new(text.as_bytes(), 1, b'\n');
        let mut found = Vec::new();
        loop {
            match braces.next().unwrap() {
                Ok(None) => return found,
                Ok(Some(object)) => {
                    let object = String::from_utf8(object.to_vec()).unwrap();
                    found.push(Ok((braces.line, object)));
                }
                Err((line, why)) => {
                    found.push(Err(format!("{line}: {why}")));
                    return found;
                }
            }
        }
    }

    #[test]
    fn objects_are_found_by_their_braces() {
        let text = "\u{feff}[\n {\"a\": \"}\\\"{\", \"b\": {\"c\": [1]}},\n{\n\"a\":1}]\n{}";
        let found: Vec<(u64, String)> = objects(text).into_iter().map(Result::unwrap).collect();
        let expected = [(2, "{\"a\": \"}\\\"{\", \"b\": {\"c\": [1]}}"), (3, "{\n\"a\":1}"), (5, "{}")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
        assert_eq!(objects("[\n{\"a\":1},\n{\"a\":")[1], Err("3: the object that begins here breaks off".into()));
        assert_eq!(objects("[1]")[0], Err("1: `1` stands where an object should begin".into()));
    }

    #[test]
    fn values_are_what_is_written() {
        let digits = "12345678901234567890123";
        let text = format!("{{\"id\":{digits},\"x\":1.50,\"t\":\"a\\nb\",\"n\":null,\"x\":2}}");
        let object = Object::parse(text.as_bytes()).unwrap();
        assert_eq!(scalar(object.get("id").unwrap().unwrap()).unwrap(), digits);
        assert_eq!(scalar(object.get("t").unwrap().unwrap()).unwrap(), "a\nb");
        assert_eq!(object.get("n").unwrap().and_then(scalar), None);
        assert_eq!(scalar("1.50").unwrap(), "1.5");
        assert!(object.get("x").unwrap_err().contains("twice"));
    }
}
