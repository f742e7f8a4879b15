//! How replayed learners learn, where it is not as the seed says.

use crate::numbers::{not_negative, share};
use brooklet_core::{Config, Detector, DriftPolicy, Feedback, ModelConfig, VisitorStep};

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Visitor {
    /// The full covariance, in closed form
    ClosedForm,
    /// The variances alone, in closed form
    Diagonal,
    /// Implicit steps at the private rate
    Rate,
}

/// Options of the learners that a browser has as well.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Learning {
    /// How the visitor row learns.
    #[arg(long, value_enum, default_value = "closed-form")]
    visitor: Visitor,
    /// Multiplies every rate and the prior's covariance.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = not_negative, allow_negative_numbers = true)]
    rate_factor: f32,
    /// The share of its way back to the prior that the visitor row's covariance goes at every event.
    #[arg(long, default_value_t = ModelConfig::default().forgetting, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    forgetting: f32,
    /// Learn from pairs: each event against the last one with the other label (BPR).
    #[arg(long)]
    pairwise: bool,
    /// Keep the seed's calibration as it is.
    #[arg(long)]
    fixed_calibration: bool,
    /// Standard errors by which the personal model must be worse than the seed for the seed to be served, or `never`; as many
    /// as the seed says unless said.
    #[arg(long, value_name = "ERRORS", value_parser = gate, allow_negative_numbers = true)]
    gate: Option<f64>,
    /// Watch each visitor's loss: `adwin`, `page-hinkley`, or with a threshold of one's own in place of the seed's `adwin=0.01`
    /// (its delta), `page-hinkley=8`.
    #[arg(long, value_name = "DETECTOR", value_parser = detector)]
    drift: Option<Detector>,
    /// What follows an alarm: `notify`, `boost=SHARE,EVENTS` (forget that share at each of so many events) or `pull=SHARE`
    /// (of the way back to the seed, once).
    #[arg(long, value_name = "POLICY", value_parser = policy, default_value = "notify", requires = "drift")]
    on_drift: DriftPolicy,
}

impl Learning {
    pub(crate) fn config(&self) -> Config {
        let visitor = match self.visitor {
            Visitor::ClosedForm => VisitorStep::ClosedForm,
            Visitor::Diagonal => VisitorStep::Diagonal,
            Visitor::Rate => VisitorStep::Rate,
        };
        let feedback = if self.pairwise { Feedback::Pairwise } else { Feedback::Pointwise };
        let calibrate = !self.fixed_calibration;
        let (rate_factor, forgetting) = (self.rate_factor, self.forgetting);
        Config {
            model: ModelConfig { visitor, feedback, rate_factor, forgetting, calibrate, ..ModelConfig::default() },
            gate: self.gate,
            drift: self.drift.map(|detector| (detector, self.on_drift)),
            ..Config::default()
        }
    }
}

fn gate(text: &str) -> Result<f64, String> {
    match text {
        "never" => Ok(f64::INFINITY),
        _ => not_negative(text).map(f64::from).map_err(|_| "give a number of 0 or more, or `never`".into()),
    }
}

fn detector(text: &str) -> Result<Detector, String> {
    let (name, threshold) = text.split_once('=').map_or((text, None), |(name, number)| (name, Some(number)));
    let threshold = threshold.map(|text| text.parse::<f64>().map_err(|_| format!("`{text}` is no number")));
    match (name, threshold.transpose()?) {
        ("adwin", Some(delta)) if !(delta > 0.0 && delta <= 1.0) => {
            Err("ADWIN's delta is above 0 and at most 1".into())
        }
        ("adwin", delta) => Ok(Detector::Adwin { delta }),
        ("page-hinkley", Some(threshold)) if !(0.0..=f64::MAX).contains(&threshold) => {
            Err("Page-Hinkley's threshold is 0 or more".into())
        }
        ("page-hinkley", threshold) => Ok(Detector::PageHinkley { tolerance: None, threshold }),
        _ => Err("the detectors are adwin and page-hinkley".into()),
    }
}

fn policy(text: &str) -> Result<DriftPolicy, String> {
    let unknown = || "give notify, boost=SHARE,EVENTS or pull=SHARE".to_owned();
    match text.split_once('=') {
        None if text == "notify" => Ok(DriftPolicy::Notify),
        Some(("pull", text)) => Ok(DriftPolicy::PullToBase { share: share(text)? }),
        Some(("boost", text)) => {
            let (forgotten, events) = text.split_once(',').ok_or_else(unknown)?;
            let events = events.parse().map_err(|_| format!("`{events}` is no number of events"))?;
            Ok(DriftPolicy::Boost { forgetting: share(forgotten)?, events })
        }
        _ => Err(unknown()),
    }
}
