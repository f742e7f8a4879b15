//! Rows that cannot be read: how many a run puts up with, and which are shown.

use crate::error::{Error, Result};
use std::str::FromStr;

/// How many bad rows a run puts up with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BadRows {
    /// So many.
    Count(u64),
    /// Of all rows, 0 to 1.
    Share(f64),
}

impl FromStr for BadRows {
    type Err = String;

    fn from_str(text: &str) -> Result<BadRows, String> {
        let parsed = match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|p| (0.0..100.0).contains(p)).map(|p| Self::Share(p / 100.0)),
            None => text.parse().ok().map(BadRows::Count),
        };
        parsed.ok_or_else(|| format!("`{text}` is neither a number of rows nor a share of them, as in 100 or 0.5%"))
    }
}

impl BadRows {
    /// Whether so many bad rows, out of `rows` in all, are put up with.
    pub(crate) fn allow(self, bad: u64, rows: u64) -> bool {
        match self {
            BadRows::Count(most) => bad <= most,
            BadRows::Share(most) => bad as f64 <= most * rows as f64,
        }
    }
}

/// So many are shown.
const SHOWN: usize = 5;

/// The bad rows so far.
pub(crate) struct Tally {
    limit: BadRows,
    pub(crate) count: u64,
    shown: Vec<String>,
}

impl Tally {
    pub(crate) fn new(limit: BadRows) -> Tally {
        Tally { limit, count: 0, shown: Vec::new() }
    }

    /// One more. An error if that is one too many, whatever is still to come.
    pub(crate) fn add(&mut self, place: String, why: &str) -> Result<()> {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(format!("{place}: {why}"));
        }
        match self.limit {
            BadRows::Count(0) => bail!(Input, "{}", self.shown.join("\n")),
            BadRows::Count(most) if self.count > most => Err(self.too_many(&format!("more than {most}"))),
            _ => Ok(()),
        }
    }

    /// What is said when all is read, if there is anything to say.
    pub(crate) fn conclude(&self, rows: u64) -> Result<Option<String>> {
        if !self.limit.allow(self.count, rows) {
            return Err(self.too_many(&format!("{} of {rows}", self.count)));
        }
        Ok((self.count > 0).then(|| format!("{} bad rows left out\n  {}", self.count, self.shown.join("\n  "))))
    }

    fn too_many(&self, how_many: &str) -> crate::error::Error {
        Error::Input(format!(
            "{how_many} bad rows, which is more than --bad-rows allows\n  {}",
            self.shown.join("\n  ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_share() {
        assert_eq!("12".parse(), Ok(BadRows::Count(12)));
        assert_eq!("0.5%".parse(), Ok(BadRows::Share(0.005)));
        for text in ["", "%", "-1", "1.5", "100%", "-1%", "nan%", "many"] {
            assert!(text.parse::<BadRows>().is_err(), "{text}");
        }
        assert!(BadRows::Share(0.01).allow(1, 100) && !BadRows::Share(0.01).allow(2, 100));
    }

    #[test]
    fn the_first_are_shown_and_the_rest_counted() {
        let mut tally = Tally::new(BadRows::Share(0.5));
        (0..7).for_each(|n| tally.add(format!("f:{n}"), "is odd").unwrap());
        let said = tally.conclude(20).unwrap().unwrap();
        assert!(said.starts_with("7 bad rows") && said.contains("f:4: is odd") && !said.contains("f:5"), "{said}");
        assert!(tally.conclude(13).unwrap_err().to_string().starts_with("7 of 13 bad rows"));
        assert_eq!(Tally::new(BadRows::Count(0)).conclude(3).unwrap(), None);
    }
}
