//! From when on the base serves instead of the personal model, and a loss that rises is an alarm: what a seed says of it, for
//! pages that say nothing.

#[cfg(feature = "write")]
use crate::Value;
use crate::place::Place;
use crate::{Config, Detector, Fault};

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
    pub(crate) fn of(seed: &Place<'_>) -> Result<Thresholds, Fault> {
        let default = Thresholds::default();
        if seed.is_absent() {
            return Ok(default);
        }
        seed.object()?;
        let not_negative = |key, default| {
            let place = seed.field(key);
            if place.is_absent() { Ok(default) } else { place.number(0.0..=f64::MAX, "a number of 0 or more") }
        };
        let (gate, delta) = (seed.field("gate"), seed.field("adwin_delta"));
        Ok(Thresholds {
            gate: match gate.value() {
                Some(_) => gate.number(0.0..=f64::MAX, "a number of 0 or more, or null")?,
                None if gate.is_absent() => default.gate,
                None => f64::INFINITY,
            },
            adwin_delta: if delta.is_absent() {
                default.adwin_delta
            } else {
                // ADWIN takes the logarithm of its inverse.
                delta.number(f64::MIN_POSITIVE..=1.0, "a number above 0 and at most 1")?
            },
            page_hinkley_tolerance: not_negative("page_hinkley_tolerance", default.page_hinkley_tolerance)?,
            page_hinkley_threshold: not_negative("page_hinkley_threshold", default.page_hinkley_threshold)?,
        })
    }

    /// These, but for those that the settings of a learner say.
    pub(crate) fn set_by(&self, config: &Config) -> Thresholds {
        let mut set = Thresholds { gate: config.gate.unwrap_or(self.gate), ..*self };
        match config.drift {
            None => {}
            Some((Detector::Adwin { delta }, _)) => set.adwin_delta = delta.unwrap_or(self.adwin_delta),
            Some((Detector::PageHinkley { tolerance, threshold }, _)) => {
                set.page_hinkley_tolerance = tolerance.unwrap_or(self.page_hinkley_tolerance);
                set.page_hinkley_threshold = threshold.unwrap_or(self.page_hinkley_threshold);
            }
        }
        set
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
