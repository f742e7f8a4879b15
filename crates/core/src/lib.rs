#![no_std]
extern crate alloc;
mod error;
mod value;
mod schema;
mod feature;
mod metadata;
mod base;
#[cfg(feature = "write")]
mod write;
mod math;
mod fm;
mod visitor;
mod rows;
mod catalogue;
mod slate;
mod progress;
mod learner;
mod outbox;
mod delta;
mod fold;
pub use error::Error; pub use value::Value; pub use schema::Schema; pub use feature::*; pub use metadata::*; pub use base::Base; pub use delta::{Delta,ClientKey}; pub use fold::*;
pub use learner::*; pub use outbox::PendingDelta; pub use slate::{Slate,Recommended}; pub use progress::*; pub use math::{sigmoid, loss};
#[cfg(feature="write")] pub use write::*;
