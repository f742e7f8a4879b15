//! Whether the next version goes out: nothing is published that is known to be worse.
//!
//! A step to the mode can make a base worse where few events are behind it, or where clients lie. Two things tell: events that
//! the operator holds out, on which every candidate is judged beside the current version, and the progressive losses that
//! clients report with their deltas, by which the versions that are out are judged (Blum, Kalai and Langford 1999). A candidate that is worse is
//! held back, and the next goes half as far; what a step does not go is owed, and later steps make it good.

use crate::error::Error;
use crate::format::base::{Base, Precision};
use crate::share::aggregate::Aggregate;
use crate::share::fold::Fold;
use crate::share::influence::CutShort;
use crate::share::noise::Sums;

/// The shares of its way that a step tries to go.
const STEPS: [f32; 7] = [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625];
/// Where clients report that they are served worse by more standard errors than this, the first steps are not tried. Of a
/// thousand folds that are no worse, one or two come this far.
const MOST_REGRET: f64 = 3.0;
const STEPS_OF_REGRET: usize = 2;
/// By how much the mean loss on the operator's events may rise: what rounding moves.
const TOLERANCE: f64 = 1e-5;

/// Gives the mean loss of a base on events that the operator holds out.
pub type Judging<'a> = dyn Fn(&Base) -> Result<f64, Error> + 'a;

/// What became of a fold.
#[derive(Debug, Clone)]
pub struct Release {
    /// The next version; None if every candidate was worse. Then nothing has changed, and the deltas wait for the next fold.
    pub base: Option<Base>,
    /// The share of its way that the step went.
    pub step: f32,
    /// Candidates that were held back.
    pub held_back: u32,
    /// By how many standard errors clients report to be served worse than before; None where too few do.
    pub regret: Option<f64>,
    /// The mean loss on the operator's events, of the current version and of the one that goes out or was tried last.
    pub losses: Option<[f64; 2]>,
    /// Clients whom a bound cut short; None of sums that noise was added to, for it would be told without noise.
    pub cut_short: Option<CutShort>,
}

/// How a next version is found.
struct Trial<'a> {
    steps: &'a [f32],
    reach: f32,
    precision: Precision,
    current: &'a Base,
    judge: Option<&'a Judging<'a>>,
}

impl Aggregate {
    /// Publishes the next version if it is not worse. Without a `judge` the clients' reports alone decide. On an error nothing has changed.
    pub fn release(
        &mut self,
        fold: &Fold,
        precision: Precision,
        current: &Base,
        judge: Option<&Judging<'_>>,
    ) -> Result<Release, Error> {
        let (next, cut_short) = self.with(fold)?;
        let release = self.release_next(&next, fold, precision, current, judge)?;
        Ok(Release { cut_short: Some(cut_short), ..release })
    }

    /// The same with what comes next, all that is in the fold.
    pub(crate) fn release_next(
        &mut self,
        next: &Aggregate,
        fold: &Fold,
        precision: Precision,
        current: &Base,
        judge: Option<&Judging<'_>>,
    ) -> Result<Release, Error> {
        let regret = self.regret(fold);
        let skipped = if regret.is_some_and(|regret| regret > MOST_REGRET) { STEPS_OF_REGRET } else { 0 };
        let trial = Trial { steps: &STEPS[skipped..], reach: fold.config.reach, precision, current, judge };
        let release = self.first_good(next, &trial)?;
        Ok(Release { held_back: release.held_back + skipped as u32, regret, ..release })
    }

    /// Publishes the next version of sums that noise was added to, in any case: they are of clients whose part in them is not to be told again, so
    /// where every step is worse what they lead to is owed. On an error nothing has changed.
    pub fn release_sums(
        &mut self,
        sums: &Sums,
        precision: Precision,
        current: &Base,
        judge: Option<&Judging<'_>>,
    ) -> Result<Release, Error> {
        let (next, reach) = sums.learnt();
        let mut trial = Trial { steps: &STEPS, reach, precision, current, judge };
        let release = self.first_good(&next, &trial)?;
        if release.base.is_some() {
            return Ok(release);
        }
        (trial.steps, trial.judge) = (&[0.0], None);
        Ok(Release { base: self.first_good(&next, &trial)?.base, step: 0.0, ..release })
    }

    /// The first of these steps that `next` can go without being judged worse.
    fn first_good(&mut self, next: &Aggregate, trial: &Trial<'_>) -> Result<Release, Error> {
        let before = match trial.judge {
            Some(judge) => Some(judge(trial.current)?),
            None => None,
        };
        let mut release =
            Release { base: None, step: trial.steps[0], held_back: 0, regret: None, losses: None, cut_short: None };
        for step in trial.steps {
            let mut next = next.clone();
            let base = Base::decode(next.advance(self, trial.reach, *step, trial.precision)?)?;
            release.step = *step;
            if let (Some(before), Some(judge)) = (before, trial.judge) {
                let after = judge(&base)?;
                release.losses = Some([before, after]);
                // Written so that a loss which is no number is worse.
                let no_worse = after <= before + TOLERANCE;
                if !no_worse {
                    release.held_back += 1;
                    continue;
                }
            }
            *self = next;
            release.base = Some(base);
            break;
        }
        Ok(release)
    }
}
