//! An input as bytes that stay on the device: what a tab that closes leaves to the next one. All numbers are little-endian:
//!
//! how many features are shared and how many are private (u16 each), then each feature's id (u64), value (f32), group (u8) and whether
//! its value is still to be scaled (u8).

use crate::error::Error;
use crate::input::feature::{Feature, FeatureId, Features};
use crate::limits::{MAX_FEATURES, MAX_NUMBER};
use alloc::vec::Vec;

const BROKEN: Error = Error::BadProfile("an input is broken");

impl Features {
    /// Appends the bytes of this input.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for features in [self.shared(), self.private()] {
            // An input has at most 1024.
            out.extend_from_slice(&(features.len() as u16).to_le_bytes());
        }
        for feature in self.iter() {
            out.extend_from_slice(&feature.id.0.to_le_bytes());
            out.extend_from_slice(&feature.value.to_le_bytes());
            out.extend_from_slice(&[feature.group, u8::from(feature.raw)]);
        }
    }

    /// Reads an input that stands at the beginning of `bytes`, and moves `bytes` behind it.
    pub fn decode(bytes: &mut &[u8]) -> Result<Features, Error> {
        let [shared, private] = [take(bytes)?, take(bytes)?].map(|count| usize::from(u16::from_le_bytes(count)));
        if shared + private > MAX_FEATURES {
            return Err(BROKEN);
        }
        let mut lists = [Vec::new(), Vec::new()];
        for (list, count) in lists.iter_mut().zip([shared, private]) {
            for _ in 0..count {
                let id = FeatureId(u64::from_le_bytes(take(bytes)?));
                let value = f32::from_le_bytes(take(bytes)?);
                let [group, raw] = take(bytes)?;
                if value.is_nan() || value.abs() > MAX_NUMBER as f32 {
                    return Err(BROKEN);
                }
                list.push(Feature { id, value, raw: raw != 0, group });
            }
        }
        let [shared, private] = lists;
        Ok(Features::from_parts(shared, private))
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Error> {
    let (first, rest) = bytes.split_first_chunk().ok_or(BROKEN)?;
    *bytes = rest;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::schema::Schema;
    use crate::input::value::Value;

    #[test]
    fn an_input_comes_back_and_a_part_of_one_does_not() {
        let mut schema = Schema::new("user", "item");
        schema.private = alloc::vec!["age".into()];
        let input = Value::parse(r#"{"item": "1", "genres": ["a", "b"], "price": 2.5, "age": "30", "on": true}"#);
        let features = Features::from_value(&schema, &input.expect("it is JSON")).expect("features");
        let mut bytes = Vec::new();
        features.encode(&mut bytes);
        bytes.push(7);
        let mut rest = &bytes[..];
        assert_eq!(Features::decode(&mut rest), Ok(features));
        assert_eq!(rest, [7]);
        for end in 0..bytes.len() - 1 {
            assert!(Features::decode(&mut &bytes[..end]).is_err(), "{end}");
        }
        bytes[12..16].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(Features::decode(&mut &bytes[..]).is_err(), "no number");
    }
}
