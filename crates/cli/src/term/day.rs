//! Times, as people read them.

use time::OffsetDateTime;

/// The day of a time in milliseconds since 1970.
pub(crate) fn day(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds / 1000).ok().and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok());
    time.map_or_else(String::new, |time| time.date().to_string())
}
