//! What is stored and sent, one page for each format: what the bytes are, what is checked when they are read, and which
//! numbers a version of a format has. Of what a visitor is, no format but the event log holds anything, and that stays on the device.

pub mod base;
#[cfg(feature = "write")]
pub mod base_writer;
pub mod compact;
#[cfg(feature = "write")]
pub mod compact_writer;
pub mod delta;
pub mod evidence;
pub mod features;
pub mod metadata;
pub mod patch;
pub mod record;
