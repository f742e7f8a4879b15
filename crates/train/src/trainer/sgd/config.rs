//! How to descend.

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objective {
    Logistic,
    Squared,
    /// The logistic loss of the difference of two scores: of an item that a user clicked, and of one that they skipped
    /// (Bayesian personalised ranking: Rendle et al. 2009).
    Pairs,
}

/// How to descend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) objective: Objective,
    /// Learning rate of the first epoch; that of epoch e, counted from 0, is `rate / (1 + decay e)`.
    pub(crate) rate: f32,
    pub(crate) decay: f32,
    /// What the rate is multiplied with for rows of fields: they take part in many more events than any user or item.
    pub(crate) field_rate: f32,
    /// Divide each row's rate by the root of one plus its squared errors so far (AdaGrad by rows: Duchi, Hazan, Singer 2011),
    /// which is the rule of the browser's learner.
    pub(crate) adaptive: bool,
    /// Events between two steps; 1 steps at every event.
    pub(crate) batch: usize,
    pub(crate) l2: L2,
    /// The same bits come out for the same seed and number of threads. Batches and pairs take one.
    pub(crate) threads: usize,
    pub(crate) seed: u64,
}

/// The pull of each row toward zero, at every event that it takes part in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct L2 {
    /// Of weights.
    pub(crate) w: f32,
    /// Of the factors of users' own rows.
    pub(crate) user: f32,
    /// Of the factors of items' own rows.
    pub(crate) item: f32,
    /// Of the factors of each field, by its number.
    pub(crate) fields: Vec<f32>,
}

/// Events between two corrections of w0, and the unit that epochs are shuffled by.
pub(super) const BLOCK: usize = 512;
