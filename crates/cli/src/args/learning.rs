//! How replayed learners learn, where it is not as the seed says.

use super::names::named;
use super::numbers::{not_negative, share};
use brooklet_core::{Config, Detector, DriftPolicy, Feedback, ModelConfig, Value, VisitorStep};
use brooklet_train::{Error, Result};

const LEARNERS: &str = "How learners learn, where it is not as the seed says";

/// Options of the learners that a browser has as well.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Learning {
    /// How the visitor row learns; `closed-form` unless said.
    #[arg(long, value_parser = named(VisitorStep::ALL, VisitorStep::as_str, told), help_heading = LEARNERS)]
    visitor: Option<VisitorStep>,
    /// Multiplies every rate and the prior's covariance; 1 unless said.
    #[arg(long, value_name = "FACTOR", value_parser = not_negative, help_heading = LEARNERS)]
    rate_factor: Option<f32>,
    /// The share of its way back to the prior that the visitor row's covariance goes at every event; 0.003 unless said.
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = LEARNERS)]
    forgetting: Option<f32>,
    /// Learn from pairs: each event against the last one with the other label (BPR).
    #[arg(long, help_heading = LEARNERS)]
    pairwise: bool,
    /// Keep the seed's calibration as it is.
    #[arg(long, help_heading = LEARNERS)]
    fixed_calibration: bool,
    /// Standard errors by which the personal model must be worse than the seed for the seed to be served, or `never`; as many
    /// as the seed says unless said.
    #[arg(long, value_name = "ERRORS", value_parser = gate, help_heading = LEARNERS)]
    gate: Option<f64>,
    /// Watch each visitor's loss: `adwin`, `page-hinkley`, or with a threshold of one's own in place of the seed's `adwin=0.01`
    /// (its delta), `page-hinkley=8`.
    #[arg(long, value_name = "DETECTOR", value_parser = detector, help_heading = LEARNERS)]
    drift: Option<Detector>,
    /// What follows an alarm: `notify`, unless said, `boost=SHARE,EVENTS` (forget that share at each of so many events) or
    /// `pull=SHARE` (of the way back to the seed, once).
    #[arg(long, value_name = "POLICY", value_parser = policy, requires = "drift", help_heading = LEARNERS)]
    on_drift: Option<DriftPolicy>,
}

impl Learning {
    /// The settings that these options ask for.
    pub(crate) fn config(&self) -> Result<Config> {
        let default = ModelConfig::default();
        let model = ModelConfig {
            visitor: self.visitor.unwrap_or(default.visitor),
            feedback: if self.pairwise { Feedback::Pairwise } else { Feedback::Pointwise },
            rate_factor: self.rate_factor.unwrap_or(default.rate_factor),
            forgetting: self.forgetting.unwrap_or(default.forgetting),
            calibrate: !self.fixed_calibration,
            ..default
        };
        let drift = self.drift.map(|detector| (detector, self.on_drift.unwrap_or(DriftPolicy::Notify)));
        let config = Config { model, gate: self.gate, drift, ..Config::default() };
        config.check()?;
        Ok(config)
    }

    /// The settings of a log's learner: those that the log tells, which no option may contradict, else those asked for.
    pub(crate) fn of_log(&self, logged: Option<&Config>) -> Result<Config> {
        let Some(logged) = logged else { return self.config() };
        self.agree_with(logged)?;
        Ok(logged.clone())
    }

    /// Refuses an option that asks for another setting than a log was made with.
    fn agree_with(&self, logged: &Config) -> Result<()> {
        let (asked, logged) = (self.config()?.to_value(), logged.to_value());
        for (given, flag, path) in [
            (self.visitor.is_some(), "--visitor", ["model", "visitor"].as_slice()),
            (self.rate_factor.is_some(), "--rate-factor", &["model", "rateFactor"]),
            (self.forgetting.is_some(), "--forgetting", &["model", "forgetting"]),
            (self.pairwise, "--pairwise", &["model", "feedback"]),
            (self.fixed_calibration, "--fixed-calibration", &["model", "calibrate"]),
            (self.gate.is_some(), "--gate", &["gate"]),
            (self.drift.is_some(), "--drift", &["drift", "detector"]),
            (self.drift.is_some(), "--drift", &["drift", "delta"]),
            (self.drift.is_some(), "--drift", &["drift", "threshold"]),
            (self.on_drift.is_some(), "--on-drift", &["drift", "policy"]),
        ] {
            let [asked, logged] = [&asked, &logged].map(|of| path.iter().try_fold(of, |value, key| value.field(key)));
            // What is left to the seed contradicts nothing.
            if given && asked.is_some() && asked != logged {
                return Err(Error::Setting(format!(
                    "the log was made with {} {}, and {flag} asks for {}: a log is replayed with its own settings, leave the \
                     flag out",
                    path.join("."),
                    logged.map_or_else(|| "unset".to_owned(), Value::to_json),
                    asked.map_or_else(String::new, Value::to_json),
                )));
            }
        }
        Ok(())
    }
}

fn told(step: VisitorStep) -> &'static str {
    match step {
        VisitorStep::ClosedForm => "The full covariance, in closed form",
        VisitorStep::Diagonal => "The variances alone, in closed form",
        VisitorStep::Rate => "Implicit steps at the private rate",
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
    let number = |text: &str| text.parse::<f64>().map_err(|_| format!("`{text}` is no number"));
    let detector = match (name.parse().map_err(|_| "the detectors are adwin and page-hinkley")?, threshold) {
        (detector, None) => detector,
        (Detector::Adwin { .. }, Some(delta)) => Detector::Adwin { delta: Some(number(delta)?) },
        (Detector::PageHinkley { tolerance, .. }, Some(threshold)) => {
            Detector::PageHinkley { tolerance, threshold: Some(number(threshold)?) }
        }
    };
    let config = Config { drift: Some((detector, DriftPolicy::Notify)), ..Config::default() };
    config.check().map_err(|error| error.to_string())?;
    Ok(detector)
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
