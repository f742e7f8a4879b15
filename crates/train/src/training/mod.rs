//! One training: from a recipe and events to a seed, with the settings that suit people who were held out.

mod catalogue;
mod examination;
mod files;
mod init;
mod made;
mod method;
mod recipe;
mod run;
mod settings;
mod teachable;

pub use catalogue::{Implicit, Passed};
pub use files::{EventFiles, Files};
pub use init::{Init, init};
pub use made::{Fit, Made};
pub use recipe::{Descent, Loss, Method, Pull, Recipe};
pub use run::Training;
pub use settings::{Settings, Tuned};
