//! How a seed is made of events.

use crate::data::HoldOut;
use crate::error::Result;
use crate::trainer::MAX_FACTORS;
use brooklet_core::Precision;

/// How a seed is made of events.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// A label of at least this is a click.
    pub positive: Option<f32>,
    /// Graded targets in [0, 1] for the logistic loss, by label.
    pub label_map: Vec<(f32, f32)>,
    /// Fields of numbers. One that is no field of the users is one of the items, named as such or not.
    pub numeric: Vec<String>,
    /// Factors of a row.
    pub factors: usize,
    /// So many skips are added for every event, of items that the user has not met: for data that hold clicks alone.
    pub negatives: usize,
    /// How the model is learnt; None for what suits the data: all pairs for clicks, or clicks and skips, that fit in memory, else gradient descent.
    pub method: Option<Method>,
    /// What is minimised.
    pub loss: Loss,
    /// What gradient descent can be told.
    pub descent: Descent,
    /// Threads. The same number gives the same seed for the same random seed, bit for bit.
    pub threads: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Passes over the events; without it, as many as help on validation.
    pub epochs: Option<usize>,
    /// Passes over the rows that rank the whole catalogue, where these are learnt; each is three steps of conjugate gradients.
    pub passes: usize,
    /// What validation is on.
    pub holdout: HoldOut,
    /// How factors are stored.
    pub precision: Precision,
    /// Name of the model.
    pub model: String,
    /// Keep users' rows in the seed, to score their later events. Such a seed must not be shipped.
    pub keep_users: bool,
    /// Also tell what a report shows: the loss of rows that are trained on, an epoch, and what a replay of the people held out says
    /// of the settings that were chosen.
    pub report: bool,
    /// Bytes that the events may take in training; what is more is streamed.
    pub memory: usize,
}

impl Default for Recipe {
    /// One thread, 16 factors, as much memory as it takes, and the method that suits the data.
    fn default() -> Recipe {
        Recipe {
            positive: None,
            label_map: Vec::new(),
            numeric: Vec::new(),
            factors: 16,
            negatives: 0,
            method: None,
            loss: Loss::Logistic,
            descent: Descent::default(),
            threads: 1,
            seed: 42,
            epochs: None,
            passes: 12,
            holdout: HoldOut::Random,
            precision: Precision::F16,
            model: "model".into(),
            keep_users: false,
            report: false,
            memory: usize::MAX,
        }
    }
}

impl Recipe {
    /// What is wrong with it whatever the events are.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(
            self.loss != Loss::Squared || self.label_map.is_empty(),
            Setting,
            "--label-map grades targets of the logistic loss: leave it out"
        );
        let most = MAX_FACTORS.min(brooklet_core::MAX_FACTORS);
        ensure!(self.factors <= most, Setting, "--factors {} is too many: at most {most}", self.factors);
        if self.method == Some(Method::Implicit) {
            ensure!(
                self.loss == Loss::Logistic,
                Setting,
                "--method implicit learns from clicks: leave out --loss, or take another method"
            );
            ensure!(
                self.factors >= 2,
                Setting,
                "--factors {} is too few for --method implicit: at least 2",
                self.factors
            );
        }
        Ok(())
    }
}

/// How a model is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Stochastic gradient descent.
    Sgd,
    /// Gradient descent at rates that fall with each row's errors (Duchi, Hazan and Singer 2011).
    Adagrad,
    /// Two things in one seed: variational Bayes with at most 16 factors tells clicks from skips among what was shown, and least squares
    /// over all pairs of a user and an item, shown or not, rank the whole catalogue. [`Recipe::factors`] are those of the latter.
    Implicit,
    /// Variational Bayes: nothing to tune, and the prior of a new visitor is learnt as well.
    Bayes,
}

impl Method {
    /// What suits data: clicks, or clicks and skips, are told apart and rank the whole catalogue as well; ratings, whose grades gradient descent learns,
    /// are what people chose to rate. `clicks` says whether the labels are of two kinds or all clicks, `fit` whether the events are no more
    /// than may be in memory. A recipe that sets what only gradient descent takes, or keeps users, means that.
    pub(super) fn for_data(recipe: &Recipe, clicks: bool, fit: bool) -> Method {
        let descends = recipe.descent != Descent::default() || recipe.keep_users || recipe.factors < 2;
        let of_clicks = recipe.loss == Loss::Logistic && recipe.label_map.is_empty() && clicks;
        if of_clicks && fit && !descends { Method::Implicit } else { Method::Sgd }
    }

    /// Each.
    pub const ALL: &[Method] = &[Method::Sgd, Method::Adagrad, Method::Implicit, Method::Bayes];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Sgd => "sgd",
            Method::Adagrad => "adagrad",
            Method::Implicit => "implicit",
            Method::Bayes => "bayes",
        }
    }
}

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The cross-entropy of clicks and skips, or of graded targets.
    Logistic,
    /// The squared error of the label itself.
    Squared,
    /// That a skip scores above a click of the same user (Bayesian personalised ranking: Rendle et al. 2009).
    Bpr,
}

impl Loss {
    /// Each.
    pub const ALL: &[Loss] = &[Loss::Logistic, Loss::Squared, Loss::Bpr];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Loss::Logistic => "logistic",
            Loss::Squared => "squared",
            Loss::Bpr => "bpr",
        }
    }
}

/// What gradient descent can be told. Variational Bayes takes none of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Descent {
    /// Learning rate of the first epoch; the usual one of the method and the loss if there is none.
    pub rate: Option<f32>,
    /// Pull of factors toward zero at every event.
    pub pull: Pull,
    /// Events between two steps.
    pub batch: usize,
}

impl Default for Descent {
    fn default() -> Descent {
        Descent { rate: None, pull: Pull::Usual, batch: 1 }
    }
}

/// Pull of factors toward zero (L2 regularisation).
#[derive(Debug, Clone, PartialEq)]
pub enum Pull {
    /// That of the method and the loss.
    Usual,
    /// This, of all rows.
    Of(f32),
    /// By the column of the user, the item or a field; the usual one of those that are not named.
    Columns(Vec<(String, f32)>),
}
