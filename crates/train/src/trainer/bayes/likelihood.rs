//! What events say of scores.

/// How much a target says of a score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Likelihood {
    pub(super) squared: bool,
    /// Of the squared loss, that of the noise. Of the logistic loss, how many clicks or skips an event counts as: a graded
    /// target is less noisy than a click (the inverse dispersion of a quasi-binomial model; McCullagh and Nelder 1989).
    pub(super) precision: f64,
}
