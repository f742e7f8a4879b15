//! What a visitor lets a page do.

/// Each allows what those above it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Consent {
    /// Nothing is learnt and nothing stored: everybody is shown the same.
    Off,
    /// It is learnt and kept on the device, and no delta ever tells of it.
    Personal,
    /// Deltas go out.
    Sharing,
}

impl Consent {
    const ALL: [(Consent, &str); 3] =
        [(Consent::Off, "off"), (Consent::Personal, "personal"), (Consent::Sharing, "sharing")];

    /// As pages write it.
    pub(crate) fn name(self) -> &'static str {
        Consent::ALL[self as usize].1
    }

    pub(crate) fn named(name: &str) -> Option<Consent> {
        Consent::ALL.iter().find(|(_, known)| *known == name).map(|(consent, _)| *consent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (consent, name) in Consent::ALL {
            assert_eq!((consent.name(), Consent::named(name)), (name, Some(consent)));
        }
        assert_eq!(Consent::named("Sharing"), None);
    }
}
