//! What a learner knows of itself: how it has predicted, which of its models may serve, whether the visitor has changed, and why an
//! input is scored as it is.

pub mod drift;
pub mod explain;
pub mod figures;
pub mod serving;
