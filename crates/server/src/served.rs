//! How clients are served, as they report it with the deltas that come in: what personalisation gains over the bare base, and whether their loss has
//! risen. It is of what this process took in; what is kept of it with each version is in `store::made`.

use std::sync::{Mutex, PoisonError};

use brooklet_core::{LossWatch, Report};
use serde::Serialize;

use crate::clock::now;
use crate::store::Reported;

/// What has been heard.
#[derive(Debug, Default)]
pub(crate) struct Served(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    /// Since this version came out.
    version: u64,
    reported: Reported,
    losses: LossWatch,
    alarms: u64,
    last_alarm: Option<u64>,
}

/// What is told of it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Told {
    /// Deltas that reported since the current version came out.
    deltas: u64,
    /// The mean over them of the base's loss less the learner's, and half the width of its 95 % interval; None where too few report.
    gain: Option<f64>,
    half_width: Option<f64>,
    /// How often the losses of learners have risen by more than chance allows since the server started.
    pub(crate) drift_alarms: u64,
    /// When they last did, in milliseconds since 1970.
    last_alarm: Option<u64>,
}

impl Served {
    /// Takes a delta's report in, while this version is out. Whether it shows that losses have risen.
    pub(crate) fn hear(&self, version: u64, report: &Report) -> bool {
        if report.events == 0 {
            return false;
        }
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.since(version);
        heard.reported.add(report);
        let alarm = heard.losses.add(report.learner_loss.into());
        if alarm {
            heard.alarms += 1;
            heard.last_alarm = Some(now());
        }
        alarm
    }

    pub(crate) fn told(&self, version: u64) -> Told {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.since(version);
        let gain = heard.reported.mean_gain();
        let [gain, half_width] = gain.map_or([None; 2], |gain| gain.map(Some));
        Told {
            deltas: heard.reported.deltas,
            gain,
            half_width,
            drift_alarms: heard.alarms,
            last_alarm: heard.last_alarm,
        }
    }
}

impl Heard {
    fn since(&mut self, version: u64) {
        if self.version != version {
            (self.version, self.reported) = (version, Reported::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(base_loss: f32, learner_loss: f32) -> Report {
        Report { events: 5, base_loss, learner_loss }
    }

    #[test]
    fn the_gain_is_of_the_version_that_is_out_and_drift_is_of_all() {
        let served = Served::default();
        // A little above and below, so that there is an interval.
        let mut alarms = 0;
        for n in 0..200 {
            let off = [-0.05, 0.05][n % 2];
            alarms += u64::from(served.hear(7, &report(0.7, 0.5 + off)));
        }
        let told = served.told(7);
        assert_eq!((alarms, told.drift_alarms, told.deltas), (0, 0, 200));
        assert!((told.gain.unwrap() - 0.2).abs() < 1e-6 && told.half_width.unwrap() < 0.01, "{told:?}");
        for n in 0..200 {
            let off = [-0.05, 0.05][n % 2];
            alarms += u64::from(served.hear(8, &report(0.9, 1.4 + off)));
        }
        let told = served.told(8);
        assert!(alarms > 0 && told.drift_alarms == alarms && told.last_alarm.is_some(), "{told:?}");
        assert!((told.gain.unwrap() + 0.5).abs() < 1e-6, "{told:?}");
        // Whoever has learnt nothing reports nothing.
        assert!(!served.hear(8, &Report::default()));
        assert_eq!((served.told(8).deltas, served.told(9).gain), (200, None));
    }
}
