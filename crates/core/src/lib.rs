#![no_std]
extern crate alloc;
mod error; mod value; mod schema; mod feature; mod metadata; mod base; mod delta; mod fold; mod rows; 
pub mod learner { pub const MAX_WEIGHT: f32 = 1e4; }
#[cfg(feature="write")] mod write;
pub use error::Error; pub use value::Value; pub use schema::Schema; pub use feature::*; pub use metadata::*; pub use base::Base; pub use delta::{Delta,ClientKey}; pub use fold::*;
#[cfg(feature="write")] pub use write::*;
