//! One set of learnt parameters: the factorization machine over a base, what this browser has learnt over it, and how an event
//! moves both. The equations stand in [`fm`], which scores, and [`posterior`], which learns in closed form; [`interest`] ranks what was never shown.
//!
//! An event goes this way: the rows of its features are gathered once, the score and the slope of every row follow from sums over
//! them, the visitor row learns in closed form, and then the other rows, if they learn at all, take one proximal step.

pub(crate) mod event;
pub mod fm;
pub(crate) mod gathered;
pub mod interest;
pub(crate) mod marks;
pub(crate) mod overlay;
pub(crate) mod personal;
pub mod posterior;
pub mod prediction;
