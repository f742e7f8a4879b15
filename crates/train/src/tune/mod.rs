//! A seed is taken apart and changed on people whom it never saw: what a new visitor begins as, rates, calibration, rows,
//! thresholds. What is chosen on some of them is judged on the others.

mod changes;
mod draft;
mod steps;
mod thresholds;
mod tuning;

pub use draft::Bench;
pub use steps::loss;
pub use thresholds::{Alarms, Chosen, Gate};
pub use tuning::{Step, Tuning, tune};
