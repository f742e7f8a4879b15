//! Nested key-value input, and the little JSON that carries it.
//!
//! A model file's header and metadata are JSON. A browser would need 40 KB of serde_json to read them, so the reader
//! here is small: it builds a [`Value`], the same type that features are named from.

use crate::error::Error;
use crate::limits::MAX_DEPTH;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

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
        let mut reader = Reader { text: text.as_bytes(), at: 0 };
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

/// Reads bytes: slicing a `str` would bring its panics' texts with it.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
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
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(Error::BadJson("a value was expected")),
        }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Result<Value, Error> {
        if self.follows(word) { Ok(value) } else { Err(Error::BadJson("a value was expected")) }
    }

    /// Reads these bytes, if they come next.
    fn follows(&mut self, word: &[u8]) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn number(&mut self) -> Result<Value, Error> {
        const BAD: Error = Error::BadJson("a finite number was expected");
        let negative = self.follows(b"-");
        let mut decimal = Decimal::default();
        let mut any = false;
        while let Some(digit) = self.digit() {
            decimal.push(digit, 0);
            any = true;
        }
        if any && self.follows(b".") {
            any = false;
            while let Some(digit) = self.digit() {
                decimal.push(digit, -1);
                any = true;
            }
        }
        if any && (self.follows(b"e") || self.follows(b"E")) {
            any = false;
            let minus = self.follows(b"-");
            if !minus {
                self.follows(b"+");
            }
            let mut exponent = 0i32;
            while let Some(digit) = self.digit() {
                exponent = (exponent * 10 + i32::from(digit)).min(MAX_EXPONENT);
                any = true;
            }
            decimal.exponent = decimal.exponent.saturating_add(if minus { -exponent } else { exponent });
        }
        let x = decimal.value();
        if any && x.is_finite() { Ok(Value::Number(if negative { -x } else { x })) } else { Err(BAD) }
    }

    fn digit(&mut self) -> Option<u8> {
        let digit = self.peek()?.checked_sub(b'0').filter(|digit| *digit < 10)?;
        self.at += 1;
        Some(digit)
    }

    fn string(&mut self) -> Result<String, Error> {
        const UNCLOSED: Error = Error::BadJson("a string does not end");
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            out.extend_from_slice(&self.text[start..self.at]);
            let stop = self.peek().ok_or(UNCLOSED)?;
            self.at += 1;
            match stop {
                // What was read is UTF-8, and was cut at ASCII.
                b'"' => return String::from_utf8(out).map_err(|_| UNCLOSED),
                b'\\' => {
                    let escape = self.peek().ok_or(UNCLOSED)?;
                    self.at += 1;
                    let c = match escape {
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
                    };
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => return Err(Error::BadJson("a control character in a string")),
            }
        }
    }

    fn unicode(&mut self) -> Result<char, Error> {
        const BAD: Error = Error::BadJson("a broken \\u escape");
        let high = self.hex4().ok_or(BAD)?;
        let code = if (0xd800..0xdc00).contains(&high) {
            if !self.follows(b"\\u") {
                return Err(BAD);
            }
            let low = self.hex4().filter(|low| (0xdc00..0xe000).contains(low)).ok_or(BAD)?;
            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        } else {
            high
        };
        char::from_u32(code).ok_or(BAD)
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let code = digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))?;
        self.at += 4;
        Some(code)
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

/// Exponents are counted up to this: far beyond it is infinity or zero anyway.
const MAX_EXPONENT: i32 = 100_000;
/// The powers of ten within which an f64 lies, with room for the digits of a mantissa.
const POWERS: i32 = 350;

/// A decimal number: the first 19 digits, which a u64 holds, and a power of ten.
///
/// Parsing with `str::parse` is right in every last bit, and is 17 KB of code and tables. This is right for all that has at
/// most 19 digits, which is more than an f64 or an f32 is ever printed with, unless it lies within 2^-100 of the middle between
/// two f64 or is subnormal; further digits are dropped.
#[derive(Default)]
struct Decimal {
    mantissa: u64,
    exponent: i32,
}

impl Decimal {
    fn push(&mut self, digit: u8, power: i32) {
        if self.mantissa < 10u64.pow(18) {
            self.mantissa = 10 * self.mantissa + u64::from(digit);
            self.exponent = self.exponent.saturating_add(power);
        } else {
            self.exponent = self.exponent.saturating_add(power + 1);
        }
    }

    fn value(&self) -> f64 {
        if self.mantissa == 0 || self.exponent < -POWERS {
            return 0.0;
        }
        if self.exponent > POWERS {
            return f64::INFINITY;
        }
        // x 2^two, with the highest bit of x set.
        let (mut x, mut two) = (u128::from(self.mantissa) << 64, -64);
        let normal = |x: &mut u128, two: &mut i32| {
            let zeros = x.leading_zeros();
            *x <<= zeros;
            *two -= zeros as i32;
        };
        normal(&mut x, &mut two);
        for _ in 0..self.exponent.unsigned_abs() {
            // 10 = 5/8 2^4 and 1/10 = 4/5 2^-3.
            if self.exponent > 0 {
                (x, two) = ((x >> 1) + (x >> 3), two + 4);
            } else {
                (x, two) = (x - fifth(x), two - 3);
            }
            normal(&mut x, &mut two);
        }
        // The conversion rounds to even; what is below counts as a bit.
        let high = (x >> 64) as u64 | u64::from(x as u64 != 0);
        libm::ldexp(high as f64, two + 64)
    }
}

/// x / 5, digit by digit: the general division of a u128 is a kilobyte.
fn fifth(x: u128) -> u128 {
    let (mut quotient, mut rest) = (0, 0);
    for digit in (0..4).rev() {
        let part = rest << 32 | (x >> (32 * digit)) as u64 & 0xffff_ffff;
        quotient = quotient << 32 | u128::from(part / 5);
        rest = part % 5;
    }
    quotient
}

/// The shortest decimal that reads back as this number, without an exponent; None if it has more than some fifteen digits. Printing
/// an f64 by the library would be 12 KB of download.
pub(crate) fn decimal(x: f64) -> Option<String> {
    // 10^n is an f64 and so is the mantissa, so their quotient is what the decimal reads as (Clinger 1990).
    const EXACT: f64 = 9_007_199_254_740_991.0;
    let mut power = 1.0;
    for digits in 0..=15 {
        let mantissa = libm::rint(x.abs() * power);
        if mantissa > EXACT {
            break;
        }
        if mantissa / power == x.abs() {
            let mut text = (mantissa as u64).to_string();
            if digits > 0 {
                while text.len() <= digits {
                    text.insert(0, '0');
                }
                text.insert(text.len() - digits, '.');
            }
            if x < 0.0 {
                text.insert(0, '-');
            }
            return Some(text);
        }
        power *= 10.0;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_number_has_its_shortest_text() {
        use alloc::format;
        for text in
            ["0", "1990", "-3", "4.5", "0.1", "-0.05", "0.000001", "1234567.875", "9007199254740991", "0.30000000001"]
        {
            assert_eq!(text.parse().ok().and_then(decimal).as_deref(), Some(text));
        }
        assert_eq!(decimal(-0.0).as_deref(), Some("0"));
        for x in [0.1 + 0.2, 1.0 / 3.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            assert_eq!(decimal(x), None, "{x}");
        }
        let mut random = crate::maths::random::Random::new(8);
        for n in 0..20_000u32 {
            let x = libm::rint(random.uniform() * 1e9) / [1.0, 10.0, 100.0, 1e6][n as usize % 4];
            assert_eq!(decimal(x), Some(format!("{x}")), "{x}");
        }
    }

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
    fn numbers_read_as_they_are_printed() {
        use alloc::format;
        let mut random = crate::maths::random::Random::new(3);
        let read = |text: &str| Value::parse(text).ok().and_then(|value| value.as_number());
        for n in 0..200_000u32 {
            // All exponents, and whole numbers near powers of two, where ties are.
            let short = f32::from_bits((random.uniform() * 4_294_967_296.0) as u32);
            let whole = (1u64 << (n % 63)) as f32 + (n % 17) as f32 - 8.0;
            for x in [short, whole].into_iter().filter(|x| x.is_finite()) {
                for text in [format!("{x}"), format!("{x:e}")] {
                    let found = read(&text);
                    assert_eq!(found.map(|x| (x as f32).to_bits()), Some(x.to_bits()), "{text}");
                    assert_eq!(found.map(f64::to_bits), text.parse().ok().map(f64::to_bits), "{text}");
                }
            }
            let long = random.uniform() * libm::exp(random.uniform() * 600.0 - 300.0);
            assert_eq!(read(&format!("{long}")), Some(long), "{long}");
        }
        for (text, x) in
            [("-0", -0.0), ("0e99999999999", 0.0), ("1E-400", 0.0), ("12345678901234567890123", 1.2345678901234568e22)]
        {
            assert_eq!(read(text).map(f64::to_bits), Some(f64::to_bits(x)), "{text}");
        }
        for text in ["-", "1.", ".5", "1e", "1e+", "+1", "1e999999999999", "-1e400"] {
            assert_eq!(read(text), None, "{text}");
        }
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
