//! How ids are written, for those that another file may write otherwise.

use serde::Serialize;

/// How ids are written.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ids {
    /// How many there are.
    pub count: usize,
    /// Of them those that are numbers.
    pub numbers: usize,
    /// Of those the ones that end in `.0`: whole numbers that a program made fractions of.
    pub with_fraction: usize,
    /// And the ones with zeros in front, which another program drops.
    pub with_zeros: usize,
    /// Ids that differ from another in upper and lower case alone.
    pub only_case: usize,
}

impl Ids {
    pub(super) fn of<'a>(ids: impl Iterator<Item = &'a str> + Clone) -> Ids {
        let mut found = Ids::default();
        for id in ids.clone() {
            found.count += 1;
            if id.parse::<f64>().is_ok_and(f64::is_finite) {
                found.numbers += 1;
                found.with_fraction += usize::from(id.ends_with(".0"));
                found.with_zeros += usize::from(id.len() > 1 && id.starts_with('0') && !id.contains('.'));
            }
        }
        let mut lower: Vec<String> = ids.map(str::to_lowercase).collect();
        lower.sort_unstable();
        found.only_case = lower.windows(2).filter(|pair| pair[0] == pair[1]).count();
        found
    }

    /// What is odd of these, in words; `what` are they.
    pub(super) fn oddities(&self, what: &str) -> Vec<String> {
        let Ids { count, numbers, with_fraction, with_zeros, only_case } = self;
        let mut odd = Vec::new();
        if *with_fraction > 0 {
            odd.push(format!("{with_fraction} of {count} {what} end in .0: what other files call 5 is 5.0 here"));
        }
        if *with_zeros > 0 {
            odd.push(format!("{with_zeros} of {count} {what} begin with a 0: what drops zeros calls them otherwise"));
        }
        if *numbers > 0 && numbers < count {
            odd.push(format!("{numbers} of {count} {what} are numbers, the others are not"));
        }
        if *only_case > 0 {
            odd.push(format!("{only_case} of {count} {what} differ from another in upper and lower case alone"));
        }
        odd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_written_otherwise_is_counted() {
        let ids = Ids::of(["1.0", "007", "7", "ann", "Ann", "0.5", "0"].into_iter());
        assert_eq!(ids, Ids { count: 7, numbers: 5, with_fraction: 1, with_zeros: 1, only_case: 1 });
        assert_eq!(ids.oddities("users").len(), 4);
        assert!(Ids::of(["1", "2", "30"].into_iter()).oddities("users").is_empty());
    }
}
