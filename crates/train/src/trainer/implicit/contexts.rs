//! Contexts: rows that are added to a person's in the moments that have them (Bayer, He, Kanagal and Rendle 2017). A click of person u in the moment c is
//! <p_u + sum of the rows of c, q_i>. What was never shown weighs on each of these rows by itself, on one of a context as often as people were in it.

use super::linear::{dot, gram};
use super::pairs::Pairs;
use super::squares::{Weights, step};

/// Who came in which moments.
pub(crate) struct Moments {
    /// The field of each row of the contexts.
    pub(crate) fields: Vec<u32>,
    /// Of each occasion, a person in a moment: the person, and the rows of its context with their values.
    pub(crate) occasions: Vec<(u32, Vec<(u32, f32)>)>,
    /// People.
    pub(crate) people: usize,
}

/// The rows while they are learnt.
pub(super) struct Contexts<'a> {
    moments: &'a Moments,
    /// What happened, by occasion.
    told: &'a Pairs,
    /// Of each occasion, how much of its person's it is.
    share: Vec<f32>,
    /// Of each row, in how many people's place it stands.
    people: Vec<f32>,
    pub(super) rows: Vec<f32>,
    k: usize,
}

impl<'a> Contexts<'a> {
    pub(super) fn new(moments: &'a Moments, told: &'a Pairs, k: usize) -> Contexts<'a> {
        let seen = |occasion: usize| told.row(occasion).map(|(.., weight)| weight).sum::<f32>();
        let mut of_person = vec![0.0f32; moments.people];
        let mut share: Vec<f32> = (0..told.len()).map(seen).collect();
        let who = || moments.occasions.iter().map(|(person, _)| *person as usize);
        who().zip(&share).for_each(|(person, seen)| of_person[person] += seen);
        share.iter_mut().zip(who()).for_each(|(share, person)| *share /= of_person[person].max(f32::MIN_POSITIVE));
        let mut people = vec![0.0f32; moments.fields.len()];
        for ((_, rows), share) in moments.occasions.iter().zip(&share) {
            rows.iter().for_each(|&(row, x)| people[row as usize] += share * x * x);
        }
        let rows = vec![0.0; moments.fields.len() * k];
        Contexts { moments, told, share, people, rows, k }
    }

    /// The sum of the rows of an occasion's context.
    fn sum(&self, occasion: usize) -> Vec<f32> {
        let mut sum = vec![0.0; self.k];
        for &(row, x) in &self.moments.occasions[occasion].1 {
            sum.iter_mut().zip(&self.rows[row as usize * self.k..][..self.k]).for_each(|(sum, a)| *sum += x * a);
        }
        sum
    }

    /// What is left for people's own rows to tell.
    pub(super) fn of_people(&self, q: &[f32]) -> Pairs {
        let mut left = Vec::new();
        for occasion in 0..self.told.len() {
            let (sum, person) = (self.sum(occasion), self.moments.occasions[occasion].0);
            let row = self.told.row(occasion);
            left.extend(row.map(|(item, target, weight)| {
                (person, item, target - dot(&sum, &q[item as usize * self.k..][..self.k]), weight)
            }));
        }
        Pairs::new(self.moments.people, self.told.across, left.into_iter())
    }

    /// Moves the rows toward the least squares at the people's and the items', field by field, each around zero.
    pub(super) fn step(&mut self, q: &[f32], p: &[f32], weights: Weights, threads: usize) {
        let k = self.k;
        for field in 0..self.moments.fields.iter().max().map_or(0, |most| most + 1) {
            let mut left = Vec::new();
            for (occasion, (person, rows)) in self.moments.occasions.iter().enumerate() {
                let mut whole = self.sum(occasion);
                whole.iter_mut().zip(&p[*person as usize * k..]).for_each(|(sum, p)| *sum += p);
                for &(row, x) in rows.iter().filter(|(row, x)| self.moments.fields[*row as usize] == field && *x != 0.0)
                {
                    let own = &self.rows[row as usize * k..][..k];
                    let weigh = x * x / self.people[row as usize].max(f32::MIN_POSITIVE);
                    left.extend(self.told.row(occasion).map(|(item, target, weight)| {
                        let q = &q[item as usize * k..][..k];
                        (row, item, (target - dot(&whole, q)) / x + dot(own, q), weight * weigh)
                    }));
                }
            }
            let pairs = Pairs::new(self.moments.fields.len(), self.told.across, left.into_iter());
            let mut moved = self.rows.clone();
            step(&pairs, q, &gram(q, k), &vec![0.0; moved.len()], &mut moved, k, weights, threads);
            let of_field = |row: &usize| self.moments.fields[*row] == field;
            let all: f32 = (0..self.people.len()).filter(of_field).map(|row| self.people[row]).sum();
            let mut mean = vec![0.0; k];
            for row in (0..self.people.len()).filter(of_field) {
                let share = self.people[row] / all.max(f32::MIN_POSITIVE);
                mean.iter_mut().zip(&moved[row * k..][..k]).for_each(|(mean, a)| *mean += share * a);
            }
            for row in (0..self.people.len()).filter(of_field) {
                let moved = moved[row * k..][..k].iter().zip(&mean);
                self.rows[row * k..][..k].iter_mut().zip(moved).for_each(|(a, (moved, mean))| *a = moved - mean);
            }
        }
    }

    /// People in their moments, a row each, and the sum of their products, each person counting once.
    pub(super) fn in_moments(&self, p: &[f32]) -> (Vec<f32>, Vec<f64>) {
        let k = self.k;
        let mut rows = Vec::with_capacity(self.told.len() * k);
        for (occasion, (person, _)) in self.moments.occasions.iter().enumerate() {
            let sum = self.sum(occasion);
            rows.extend(sum.iter().zip(&p[*person as usize * k..]).map(|(sum, p)| sum + p));
        }
        let mut shares = rows.clone();
        for (row, share) in shares.chunks_exact_mut(k).zip(&self.share) {
            row.iter_mut().for_each(|x| *x *= share.sqrt());
        }
        let products = gram(&shares, k);
        (rows, products)
    }
}
