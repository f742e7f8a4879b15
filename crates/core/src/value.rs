//! Nested key-value input, and the little JSON that carries it.
//!
//! A model file's header and metadata are JSON. A browser would need 40 KB of serde_json to read them, so the reader
//! here is small: it builds a [`Value`], the same type that features are named from.

use crate::Error;
use alloc::string::String;
use alloc::vec::Vec;

/// How deeply arrays and objects may be nested, here and in features.
pub(crate) const MAX_DEPTH: usize = 32;

/// A JSON-like value. Objects keep the order of their keys, though nothing depends on it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Absent.
    Null,
    /// On or off.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A category.
    String(String),
    /// Several categories at once.
    Array(Vec<Value>),
    /// Named values.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Reads JSON (RFC 8259). The error says what was expected; the position is left out to keep the reader small.
    pub fn parse(text: &str) -> Result<Value, Error> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at != text.len() {
            return Err(Error::BadJson("something follows the value"));
        }
        Ok(value)
    }

    /// The value under `key`, if this is an object that has it.
    pub fn field(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(fields) => fields.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(x) => Some(*x),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Writes JSON. A number that an `f32` holds exactly is written with the `f32`'s digits, so it reads back as that `f32`;
    /// one that JSON cannot express (NaN, infinity) as null.
    #[cfg(feature = "write")]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    #[cfg(feature = "write")]
    fn write(&self, out: &mut String) {
        use core::fmt::Write as _;
        // Writing to a String cannot fail, so the results below are dropped.
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Value::Number(x) if !x.is_finite() => out.push_str("null"),
            Value::Number(x) => {
                let short = *x as f32;
                let _ = if f64::from(short) == *x { write!(out, "{short}") } else { write!(out, "{x}") };
            }
            Value::String(s) => write_string(s, out),
            Value::Array(elements) => {
                out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    element.write(out);
                }
                out.push(']');
            }
            Value::Object(fields) => {
                out.push('{');
                for (i, (key, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Value {
        Value::String(s.into())
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Number(x)
    }
}

#[cfg(feature = "write")]
fn write_string(s: &str, out: &mut String) {
    use core::fmt::Write as _;
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::BadJson("nested too deeply"));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(Error::BadJson("a value was expected")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        if !self.text[self.at..].starts_with(word) {
            return Err(Error::BadJson("a value was expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        match self.text[start..self.at].parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(Value::Number(x)),
            _ => Err(Error::BadJson("a finite number was expected")),
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        const UNCLOSED: Error = Error::BadJson("a string does not end");
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            let stop = self.peek().ok_or(UNCLOSED)?;
            self.at += 1;
            match stop {
                b'"' => return Ok(out),
                b'\\' => {
                    let escape = self.peek().ok_or(UNCLOSED)?;
                    self.at += 1;
                    out.push(match escape {
                        b'"' => '"',
                        b'\\' => '\\',
                        b'/' => '/',
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => self.unicode()?,
                        _ => return Err(Error::BadJson("an unknown escape in a string")),
                    });
                }
                _ => return Err(Error::BadJson("a control character in a string")),
            }
        }
    }

    fn unicode(&mut self) -> Result<char, Error> {
        const BAD: Error = Error::BadJson("a broken \\u escape");
        let high = self.hex4().ok_or(BAD)?;
        let code = if (0xd800..0xdc00).contains(&high) {
            if !self.text[self.at..].starts_with("\\u") {
                return Err(BAD);
            }
            self.at += 2;
            let low = self.hex4().filter(|low| (0xdc00..0xe000).contains(low)).ok_or(BAD)?;
            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        } else {
            high
        };
        char::from_u32(code).ok_or(BAD)
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn array(&mut self, depth: usize) -> Result<Value, Error> {
        self.at += 1;
        let mut elements = Vec::new();
        if self.eat(b']') {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.eat(b']') {
                return Ok(Value::Array(elements));
            }
            if !self.eat(b',') {
                return Err(Error::BadJson("a comma or the end of an array was expected"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        self.at += 1;
        let mut fields = Vec::new();
        if self.eat(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(Error::BadJson("a key was expected"));
            }
            let key = self.string()?;
            if !self.eat(b':') {
                return Err(Error::BadJson("a colon was expected"));
            }
            fields.push((key, self.value(depth + 1)?));
            if self.eat(b'}') {
                return Ok(Value::Object(fields));
            }
            if !self.eat(b',') {
                return Err(Error::BadJson("a comma or the end of an object was expected"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn json_reads_back() {
        let value = Value::Object(vec![
            ("a\"\\\n\u{1F600}".into(), Value::Array(vec![Value::Null, Value::Bool(true), Value::Number(0.1)])),
            ("b".into(), Value::Object(vec![("c".into(), Value::Number(-1.5e-7))])),
        ]);
        assert_eq!(Value::Number(f64::from(0.3f32)).to_json(), "0.3");
        assert_eq!(Value::parse(&value.to_json()), Ok(value));
        assert_eq!(Value::parse(r#" "\ud83d\ude00\u0041" "#), Ok(Value::String("\u{1F600}A".into())));
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for text in [
            "",
            "{",
            "[1,",
            "[1 2]",
            "{\"a\" 1}",
            "{a:1}",
            "1 2",
            "tru",
            "1e999",
            "--1",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"a",
            "\"\\u+041\"",
        ] {
            assert!(matches!(Value::parse(text), Err(Error::BadJson(_))), "{text}");
        }
        assert!(Value::parse(&"[".repeat(10_000)).is_err());
    }
}
