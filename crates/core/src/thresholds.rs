//! From when on the base serves instead of the personal model, and a loss that rises is an alarm: what a seed says of it, for
//! pages that say nothing.

use crate::{Config, Detector, Error, Value};

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
    pub(crate) fn of(seed: Option<&Value>) -> Result<Thresholds, Error> {
        let default = Thresholds::default();
        let said = match seed {
            None => return Ok(default),
            Some(said @ Value::Object(_)) => said,
            Some(_) => return Err(Error::BadBase("thresholds")),
        };
        // What is no number is outside of any bounds.
        let number = |key, default| said.field(key).map_or(default, |value| value.as_number().unwrap_or(f64::NAN));
        Ok(Thresholds {
            gate: match said.field("gate") {
                Some(Value::Null) => f64::INFINITY,
                _ => number("gate", default.gate),
            },
            adwin_delta: number("adwin_delta", default.adwin_delta),
            page_hinkley_tolerance: number("page_hinkley_tolerance", default.page_hinkley_tolerance),
            page_hinkley_threshold: number("page_hinkley_threshold", default.page_hinkley_threshold),
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

    pub(crate) fn check(&self) -> Result<(), Error> {
        let check = |within: bool, why| if within { Ok(()) } else { Err(Error::BadBase(why)) };
        check((0.0..=f64::INFINITY).contains(&self.gate), "thresholds.gate must be 0 or more, or null")?;
        let delta = (f64::MIN_POSITIVE..=1.0).contains(&self.adwin_delta);
        check(delta, "thresholds.adwin_delta must be above 0 and at most 1")?;
        let [tolerance, threshold] =
            [self.page_hinkley_tolerance, self.page_hinkley_threshold].map(|x| (0.0..=f64::MAX).contains(&x));
        check(tolerance, "thresholds.page_hinkley_tolerance must be 0 or more")?;
        check(threshold, "thresholds.page_hinkley_threshold must be 0 or more")
    }

    /// As a seed says them: what is infinite is null in its JSON.
    #[cfg(feature = "write")]
    pub fn to_value(&self) -> Value {
        let fields = [
            ("gate", self.gate),
            ("adwin_delta", self.adwin_delta),
            ("page_hinkley_tolerance", self.page_hinkley_tolerance),
            ("page_hinkley_threshold", self.page_hinkley_threshold),
        ];
        Value::Object(fields.into_iter().map(|(key, threshold)| (key.into(), Value::Number(threshold))).collect())
    }
}
