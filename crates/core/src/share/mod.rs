//! What browsers learn from each other: the events of one become a delta, and thousands of deltas the next base.
//!
//! On the device the events that are kept are taught ([`teaching`]), compared with what the endpoint knows ([`told`]) and sent
//! ([`outbox`]). At the endpoint deltas are summed ([`fold`]), bounded client by client (the influence), make a step (the aggregate), perhaps with noise, and go out unless that made things worse
//! (the release). Both sides count curvature in the same two numbers ([`curvature`]).

#[cfg(feature = "write")]
pub mod aggregate;
pub mod curvature;
pub mod fold;
#[cfg(feature = "write")]
pub mod influence;
#[cfg(feature = "write")]
pub mod noise;
pub mod outbox;
#[cfg(feature = "write")]
mod owed;
#[cfg(feature = "write")]
pub mod precision;
pub mod privacy;
#[cfg(feature = "write")]
pub mod release;
#[cfg(feature = "write")]
mod stored;
#[cfg(feature = "write")]
pub mod taking;
pub mod teaching;
pub mod told;
