//! What a cell means, however its file is written: a number, a label, a time.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// A label: a number, or a word that says whether it is a click.
pub(super) fn label(text: &str) -> Result<f64, String> {
    let word = text.trim();
    if ["true", "yes", "t", "y"].iter().any(|yes| word.eq_ignore_ascii_case(yes)) {
        return Ok(1.0);
    }
    if ["false", "no", "f", "n"].iter().any(|no| word.eq_ignore_ascii_case(no)) {
        return Ok(0.0);
    }
    number(text)
}

/// A finite number.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ if text.is_empty() => Err("is empty: a number is needed".into()),
        _ if text.replacen(',', ".", 1).parse::<f64>().is_ok_and(f64::is_finite) => {
            Err("is not a finite number: write it with a point and without separators, as in 4.5".into())
        }
        _ => Err("is not a finite number".into()),
    }
}

/// How the times of a file are written, as far as it was read: all alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Times {
    /// There is none yet.
    #[default]
    Unknown,
    /// Numbers of a unit of their own.
    Numbers,
    /// Dates, as seconds since 1970.
    Dates,
}

impl Times {
    /// A number, or a date as ISO 8601 writes it, in UTC unless it says otherwise, as seconds since 1970.
    pub(super) fn read(&mut self, text: &str) -> Result<f64, String> {
        let (time, kind) = match (number(text), date(text.trim())) {
            (Ok(number), _) => (number, Times::Numbers),
            (_, Some(seconds)) => (seconds, Times::Dates),
            (Err(why), None) if text.trim().is_empty() => return Err(why),
            (Err(_), None) => {
                return Err("is no time, neither a finite number, as seconds since 1970 are, nor a date as \
                            2024-05-01T10:30:00Z"
                    .into());
            }
        };
        self.keep(kind)?;
        Ok(time)
    }

    /// Times of another kind than those before are none.
    pub(super) fn keep(&mut self, kind: Times) -> Result<(), String> {
        if *self == Times::Unknown {
            *self = kind;
        }
        let words = |kind| if kind == Times::Dates { "a date" } else { "a number" };
        if *self == kind {
            return Ok(());
        }
        Err(format!("is {}, and the times before are each {}: one unit is kept", words(kind), words(*self)))
    }
}

fn date(text: &str) -> Option<f64> {
    let utc = || Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    let moment = text.parse::<Timestamp>().ok().or_else(utc)?;
    Some(moment.as_nanosecond() as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_number_or_a_word() {
        for (text, expected) in [("4.5", 4.5), ("True", 1.0), ("no", 0.0), (" FALSE ", 0.0), ("t", 1.0), ("-1", -1.0)] {
            assert_eq!(label(text), Ok(expected), "{text}");
        }
        for (text, why) in
            [("", "is empty"), ("4,5", "with a point"), ("maybe", "not a finite"), ("nan", "not a finite")]
        {
            assert!(label(text).unwrap_err().contains(why), "{text}");
        }
    }

    #[test]
    fn a_time_is_a_number_or_a_date_and_all_are_alike() {
        for (text, seconds) in [
            ("1970-01-02", 86_400.0),
            ("1970-01-01T01:00:00", 3600.0),
            ("1970-01-01 01:00:00.5", 3600.5),
            ("1970-01-01T01:00:00Z", 3600.0),
            ("1970-01-01 01:00:00+01:00", 0.0),
        ] {
            assert_eq!(Times::default().read(text), Ok(seconds), "{text}");
        }
        let mut times = Times::default();
        assert_eq!(times.read("7"), Ok(7.0));
        assert!(times.read("1970-01-02").unwrap_err().contains("is a date, and the times before are each a number"));
        assert!(times.read("yesterday").unwrap_err().contains("nor a date as 2024"));
        assert_eq!(times.read("8"), Ok(8.0));
    }
}
