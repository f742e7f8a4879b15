//! What a learner answers for an input: below the learner that makes it and the explanation that carries it.

/// What is thought of an input, by the personal model and by the bare base.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The personal score: what ranks; the predicted number under the squared loss.
    pub score: f32,
    /// The personal score, moderated by how uncertain it is: what the calibration maps to a probability.
    pub moderated: f32,
    /// The calibrated click probability (under the squared loss, the score).
    pub probability: f32,
    /// The base's score, with the prior's mean as the visitor row.
    pub base_score: f32,
    /// The base's calibrated click probability.
    pub base_probability: f32,
}
