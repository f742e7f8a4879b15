//! From when on the base serves instead of the personal model, and a loss that rises is an alarm: what a seed says of it, for
//! pages that say nothing.

#[cfg(feature = "write")]
use crate::Value;
use crate::input::place::{Bounds, Place};

pub(crate) const GATE: Bounds = Bounds::new(0.0, f64::MAX, "a number of 0 or more, or null");
/// ADWIN takes the logarithm of the inverse of its delta.
pub(crate) const ADWIN_DELTA: Bounds = Bounds::new(f64::MIN_POSITIVE, 1.0, "a number above 0 and at most 1");
pub(crate) const NOT_NEGATIVE: Bounds = Bounds::new(0.0, f64::MAX, "a number of 0 or more");

/// Thresholds of the gate and of the drift detectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Standard errors by which the personal model must be worse than the base for the base to be served; infinitely many
    /// never serve it.
    pub gate: f64,
    /// ADWIN's confidence: the share of false alarms, above 0 to 1.
    pub adwin_delta: f64,
    /// Page-Hinkley: what a loss may exceed the mean by.
    pub page_hinkley_tolerance: f64,
    /// Page-Hinkley: how much excess is an alarm.
    pub page_hinkley_threshold: f64,
}

impl Default for Thresholds {
    /// What holds where neither page nor seed say anything. ADWIN's delta is River's.
    fn default() -> Thresholds {
        Thresholds { gate: 2.0, adwin_delta: 0.002, page_hinkley_tolerance: 0.05, page_hinkley_threshold: 5.0 }
    }
}

impl Thresholds {
    /// Those of a seed; what it leaves out is as by default.
    pub(crate) fn of(seed: &Place<'_>) -> Thresholds {
        let default = Thresholds::default();
        if seed.is_absent() {
            return default;
        }
        seed.object();
        let number = |key, bounds, default| {
            let place = seed.field(key);
            if place.is_absent() { default } else { place.number(bounds) }
        };
        let gate = seed.field("gate");
        let never = !gate.is_absent() && gate.value().is_none();
        Thresholds {
            gate: if never { f64::INFINITY } else { number("gate", &GATE, default.gate) },
            adwin_delta: number("adwin_delta", &ADWIN_DELTA, default.adwin_delta),
            page_hinkley_tolerance: number("page_hinkley_tolerance", &NOT_NEGATIVE, default.page_hinkley_tolerance),
            page_hinkley_threshold: number("page_hinkley_threshold", &NOT_NEGATIVE, default.page_hinkley_threshold),
        }
    }

    /// As a seed says them: what is infinite is null in its JSON.
    #[cfg(feature = "write")]
    pub fn to_value(&self) -> Value {
        let gate = if self.gate == f64::INFINITY { Value::Null } else { Value::Number(self.gate) };
        let fields = [
            ("gate", gate),
            ("adwin_delta", Value::Number(self.adwin_delta)),
            ("page_hinkley_tolerance", Value::Number(self.page_hinkley_tolerance)),
            ("page_hinkley_threshold", Value::Number(self.page_hinkley_threshold)),
        ];
        Value::Object(fields.into_iter().map(|(key, threshold)| (key.into(), threshold)).collect())
    }
}
