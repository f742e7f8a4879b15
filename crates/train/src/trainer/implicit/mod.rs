//! Learns from all pairs of a person and an item, those that nothing is known of included.
//!
//! What happened says little of what could have: a shop shows one item in a thousand. So every pair that did not happen is a weak 0, of
//! weight alpha0, beside the 1 of a click (Hu, Koren and Volinsky 2008):
//!
//! ```text
//! sum_{(u,i) in D} c_ui (t_ui - <p_u, q_i>)^2 + alpha0 sum_u sum_i <p_u, q_i>^2 + sum of lambda_u |p_u|^2 and lambda_i |q_i|^2
//! lambda_u = reg (sum_i c_ui + alpha0 items)        lambda_i = reg (sum_u c_ui + alpha0 people)
//! ```
//!
//! An item with fields is drawn to the sum of its fields' rows instead of to zero, so one that nobody met is that sum.
//!
//! A moment adds its rows to those of the people in it.
//!
//! The second sum is never enumerated: it is alpha0 p_u^T (Q^T Q) p_u over people, one k x k matrix for all. The regularisation grows with how
//! often a row takes part (Rendle, Krichene, Zhang and Koren 2022). A person of the future is N(mu, Sigma), which `people` finds by
//! expectation and maximisation; what they were never shown goes into their prior's precision as alpha0 Q^T Q.

mod contexts;
mod factors;
mod linear;
mod pairs;
mod people;
mod select;
mod squares;

pub(crate) use contexts::Moments;
pub(crate) use factors::{Factors, Fields, factors};
pub(crate) use pairs::Pairs;
pub(crate) use people::{Newcomer, newcomer};
pub(crate) use select::{Person, ladder, missing};
pub(crate) use squares::Weights;
