//! When the next delta goes out: pure arithmetic, the randomness is an argument.

/// The longest wait between two attempts, in milliseconds.
const LONGEST_BACKOFF: f64 = 4.0 * 60.0 * 60.0 * 1000.0;
/// The wait after the first failure, in milliseconds, before jitter.
const FIRST_BACKOFF: f64 = 2000.0;
/// How long a delta that holds up others waits, in milliseconds, before jitter.
const HELD_UP: f64 = 1000.0;
/// Intervals and thresholds are spread by this share to both sides, so that many browsers do not act in step.
const SPREAD: f64 = 0.2;

/// How often deltas go out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// After so many events ...
    pub(crate) events: f64,
    /// ... or so many seconds after the first of them.
    pub(crate) seconds: f64,
}

impl Pace {
    /// Milliseconds until the next delta: `unsent` events wait, and `random` is uniform in [0, 1). Nothing if there is nothing to send.
    pub(crate) fn next(&self, unsent: u32, random: f64) -> Option<f64> {
        match unsent {
            0 => None,
            n if f64::from(n) >= self.events => Some(0.0),
            _ => Some(jittered(self.seconds * 1000.0, random)),
        }
    }

    /// This pace where what waits is in the way of more.
    pub(crate) fn soon(&self) -> Pace {
        Pace { seconds: self.seconds.min(HELD_UP / 1000.0), ..*self }
    }

    /// This pace with another threshold for the next delta.
    pub(crate) fn spread(&self, random: f64) -> Pace {
        let events = (jittered(self.events, random) + 0.5) as u32;
        Pace { events: f64::from(events.max(1)), ..*self }
    }
}

/// `x` give or take a fifth.
pub(crate) fn jittered(x: f64, random: f64) -> f64 {
    x * (1.0 + SPREAD * (2.0 * random - 1.0))
}

/// Milliseconds after so many failures in a row, exponential backoff: it doubles with every failure, and lies between half of that and all of it.
pub(crate) fn backoff(failures: u32, random: f64) -> f64 {
    let doubled = FIRST_BACKOFF * f64::from(1u32 << failures.saturating_sub(1).min(20));
    doubled.min(LONGEST_BACKOFF) * (0.5 + 0.5 * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { events: 20.0, seconds: 60.0 };

    #[test]
    fn a_delta_goes_out_by_events_or_by_time() {
        assert_eq!(PACE.next(0, 0.5), None);
        assert_eq!(PACE.next(1, 0.5), Some(60_000.0));
        assert_eq!(PACE.next(1, 0.0), Some(48_000.0));
        assert_eq!(PACE.next(20, 0.5), Some(0.0));
        assert_eq!(PACE.spread(0.0).events, 16.0);
    }

    #[test]
    fn failures_back_off_up_to_a_limit() {
        let mut last = 0.0;
        for failures in 1..=13 {
            let wait = backoff(failures, 0.999);
            assert!(wait > last, "{failures}: {wait}");
            last = wait;
        }
        for failures in 15..100 {
            assert_eq!(backoff(failures, 0.0), LONGEST_BACKOFF / 2.0);
        }
        assert!(backoff(u32::MAX, 0.5).is_finite());
    }
}
