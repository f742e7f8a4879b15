//! One training: from a recipe and events to a seed, with the settings that suit people who were held out.

mod files;
mod implicit;
mod method;
mod recipe;
mod run;
mod settings;

pub use files::{EventFiles, Files};
pub use implicit::{Implicit, Passed, train_implicit};
pub use recipe::{Descent, Loss, Method, Pull, Recipe};
pub use run::{Fit, Made, Training};
pub use settings::{Settings, Tuned};
