//! In which unit times seem to be, for people who would not notice a file of another one.

/// The least and the greatest time, and the first of another size than those before.
#[derive(Debug, Default)]
pub(super) struct Clock {
    range: Option<(f64, f64)>,
    unit: Option<Unit>,
    odd: Option<String>,
}

/// What a number of seconds since 1970, or of parts of them, looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    const ALL: [(Unit, f64, &str); 4] = [
        (Unit::Seconds, 1.0, "seconds"),
        (Unit::Milliseconds, 1e3, "milliseconds"),
        (Unit::Microseconds, 1e6, "microseconds"),
        (Unit::Nanoseconds, 1e9, "nanoseconds"),
    ];

    /// From 1995 to 2100; a number that is no such time is a counter, or one that began elsewhere.
    fn of(time: f64) -> Option<Unit> {
        let seconds = 788_918_400.0..4_102_444_800.0;
        Unit::ALL.into_iter().find(|(_, parts, _)| seconds.contains(&(time / parts))).map(|(unit, ..)| unit)
    }

    fn name(self) -> &'static str {
        Unit::ALL.into_iter().find(|(unit, ..)| *unit == self).map_or("", |(.., name)| name)
    }
}

impl Clock {
    /// One more time; `place` says where it stands.
    pub(super) fn see(&mut self, time: f64, place: impl Fn() -> String) {
        let (least, most) = self.range.unwrap_or((time, time));
        self.range = Some((least.min(time), most.max(time)));
        let Some(unit) = Unit::of(time) else { return };
        let first = *self.unit.get_or_insert(unit);
        if unit != first && self.odd.is_none() {
            self.odd = Some(format!(
                "{}: the time {time} looks like {}, and those before like {}: one unit is needed",
                place(),
                unit.name(),
                first.name()
            ));
        }
    }

    /// What is worth a word. `dates` says that times were dates.
    pub(super) fn conclude(self, dates: bool) -> Option<String> {
        let other = self.unit.filter(|unit| *unit != Unit::Seconds);
        match (self.odd, other) {
            (Some(odd), _) => Some(odd),
            (None, _) if dates => {
                Some("times are dates: they count as seconds since 1970, in UTC where none says otherwise".into())
            }
            (None, Some(unit)) => Some(format!("times look like {} since 1970: they stay what they are", unit.name())),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(times: &[f64]) -> Option<String> {
        let mut clock = Clock::default();
        times.iter().zip(2..).for_each(|(time, line)| clock.see(*time, || format!("f:{line}")));
        clock.conclude(false)
    }

    #[test]
    fn a_unit_is_told_and_two_are_found() {
        assert_eq!(told(&[1.7e9, 1.6e9]), None);
        assert_eq!(told(&[1.0, 2.0, 5e11]), None, "a counter");
        assert!(told(&[1.7e12]).unwrap().contains("milliseconds"));
        assert!(told(&[1.7e15]).unwrap().contains("microseconds"));
        assert!(told(&[1.7e9, 1.7e9, 1.7e12]).unwrap().starts_with("f:4: the time 1700000000000 looks like milli"));
    }
}
