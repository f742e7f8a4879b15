//! How replayed learners learn, where it is not as the seed says.

use crate::numbers::{not_negative, share};
use brooklet_core::{Config, Feedback, ModelConfig, VisitorStep};

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
            ..Config::default()
        }
    }
}
