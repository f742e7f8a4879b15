//! Every bound on what comes from outside or is learnt stands here, below all modules, so that those which check a bound and those
//! which rely on it name one constant.

/// How deeply arrays and objects may be nested, here and in features.
pub const MAX_DEPTH: usize = 32;
/// The largest magnitude of a numeric feature. Scores stay finite in `f32` with it at any weight that learning allows.
pub const MAX_NUMBER: f64 = 1e6;
/// The most features that one input may have.
pub const MAX_FEATURES: usize = 1024;
/// The largest magnitude of a weight, in a base as in learning. It fits an f16, and scores stay finite with it.
pub const MAX_WEIGHT: f32 = 1e4;
/// The largest magnitude of a target of the squared loss, and the largest weight of an event.
pub const MAX_LABEL: f32 = 1e6;
/// The most factors a model may have.
pub const MAX_FACTORS: usize = 256;
/// The largest learning rate that is accepted.
pub const MAX_RATE: f32 = 1000.0;
/// The most models beside the first.
pub const MAX_SHADOWS: usize = 16;
/// The most rows that a model may be told to learn.
pub const MAX_ROWS: usize = 1 << 24;
/// The most slates and held predictions that may be told to wait: they are part of the profile, which must stay small.
pub const MAX_PENDING: usize = 1024;
/// The longest header that is read.
pub(crate) const MAX_HEADER: usize = 16 << 20;
