//! How good a seed is: people whom it never saw are replayed with the browser's own learner, people whom it knows are scored,
//! event logs are played again; and every figure has its error.

mod calibration;
mod estimate;
mod evaluation;
mod interval;
mod known;
mod log_report;
mod off_policy;
mod policy;
mod predictions;
mod release;
mod reliability;
mod replay;
mod replay_log;
mod slates;
mod topn;

pub(crate) use calibration::{calibrate, platt};
pub use estimate::{Difference, Estimate};
pub use evaluation::{Bucket, Calibrations, Figures, Frozen, Judged, Score, minus};
pub use interval::Interval;
pub use known::{Known, Who, known_users};
pub use log_report::{LogDifferences, LogReport};
pub use off_policy::{Estimators, OffPolicy};
pub use policy::{Policy, PolicyReport};
pub use predictions::Predictions;
pub use release::served_loss;
pub use reliability::{Bin, Reliability};
pub(crate) use replay::item_features;
pub use replay::{FREEZE, JUDGED_EVENTS, JUDGED_FROM, OnSlate, Outcome, Predicted, Replayed, Visitors};
pub use replay_log::{is_log, replay_log};
pub use slates::{Cut, Errors, NthSlate, Order, SlateOrder, Slates};
pub use topn::{AfterClicks, Ranked, TopN, top_n};
