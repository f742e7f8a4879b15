//! What a new visitor is taken for: mean and covariance of the people who are known.

use crate::trainer::{Model, Visitor};
use brooklet_core::Prior;

/// Mean and covariance of the users' own rows, over users with at least `least` events.
pub(crate) fn visitor(model: &Model, events: &[u32], least: u32) -> (Visitor, usize) {
    let width = 1 + model.factors();
    let people: Vec<u32> = (0..events.len() as u32).filter(|&user| events[user as usize] >= least).collect();
    let mut rows = vec![0.0f32; people.len() * width];
    for (&user, row) in people.iter().zip(rows.chunks_exact_mut(width)) {
        row.copy_from_slice(&model.row(user as usize)[..width]);
    }
    (moments(&rows, width), people.len())
}

/// Mean and covariance of rows.
pub(crate) fn moments(rows: &[f32], width: usize) -> Visitor {
    let n = (rows.len() / width).max(1) as f64;
    let mut mean = vec![0.0f64; width];
    for row in rows.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x) / n);
    }
    let mut covariance = vec![0.0f64; width * width];
    for row in rows.chunks_exact(width) {
        for i in 0..width {
            for j in 0..width {
                covariance[i * width + j] += (f64::from(row[i]) - mean[i]) * (f64::from(row[j]) - mean[j]) / n;
            }
        }
    }
    Visitor { mean, covariance }
}

/// The prior of a new visitor, as a seed holds it.
pub(crate) fn prior(visitor: Visitor, scale: f32) -> Prior {
    let Visitor { mean, mut covariance } = visitor;
    for variance in covariance.iter_mut().step_by(mean.len() + 1) {
        // Of a handful of users some direction may show no variance at all; a visitor may still differ in it.
        *variance += VARIANCE_FLOOR;
    }
    let narrow = |xs: Vec<f64>| xs.into_iter().map(|x| x as f32).collect();
    Prior { mean: narrow(mean), covariance: narrow(covariance), scale }
}

/// Added to every variance of the prior.
const VARIANCE_FLOOR: f64 = 1e-4;
