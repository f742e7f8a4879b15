//! What is chosen, and by what: people held out, of whose clicks a part is known and the rest is to be found among all items.

use super::linear::dot;
use super::people::Newcomer;
use crate::maths::ndcg;

/// Clicks after which a newcomer is judged; all at the end.
pub(crate) const AFTER: [usize; 7] = [0, 1, 3, 5, 10, 20, usize::MAX];
/// Places of a ranking that count.
const PLACES: usize = 100;

/// Somebody held out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    /// Clicks in order of time.
    pub(crate) known: Vec<u32>,
    /// To be found.
    pub(crate) hidden: Vec<u32>,
}

/// What of the popular is not yet in a newcomer's scores, by item: added to them, everything is in the order of `popularity`.
pub(crate) fn missing(popularity: &[f32], q: &[f32], newcomer: &Newcomer) -> Vec<f32> {
    let mean: Vec<f32> = newcomer.mean.iter().map(|x| *x as f32).collect();
    popularity.iter().zip(q.chunks_exact(mean.len())).map(|(p, q)| p - dot(q, &mean)).collect()
}

/// NDCG@100 after the clicks of [`AFTER`], each of variance `noise`, where what is missing counts half / (half + clicks).
pub(crate) fn ladder(
    q: &[f32],
    k: usize,
    newcomer: &Newcomer,
    missing: &[f32],
    [noise, half]: [f64; 2],
    people: &[Person],
) -> Vec<f64> {
    let of = |after: usize| {
        let ndcg = |person: &Person| {
            let clicks = &person.known[..after.min(person.known.len())];
            let share = half / (half + clicks.len() as f64);
            let scores = scores(q, k, newcomer, missing, [noise, share], clicks);
            judge(&scores, &person.known, &person.hidden, PLACES)
        };
        people.iter().map(ndcg).sum::<f64>() / people.len().max(1) as f64
    };
    AFTER.iter().map(|&after| of(after)).collect()
}

/// Scores of all items for a newcomer who clicked these, with a share of what is missing.
fn scores(
    q: &[f32],
    k: usize,
    newcomer: &Newcomer,
    missing: &[f32],
    [noise, share]: [f64; 2],
    clicks: &[u32],
) -> Vec<f32> {
    let row = |item: u32| &q[item as usize * k..][..k];
    let click = |&item: &u32| (row(item), 1.0 - share * f64::from(missing[item as usize]));
    let mean = newcomer.after(clicks.iter().map(click), noise);
    let mean: Vec<f32> = mean.iter().map(|x| *x as f32).collect();
    q.chunks_exact(k).zip(missing).map(|(q, missing)| dot(q, &mean) + share as f32 * missing).collect()
}

/// NDCG at so many places of a ranking by score without what is known. Equal scores stand in order of number.
pub(crate) fn judge(scores: &[f32], known: &[u32], hidden: &[u32], places: usize) -> f64 {
    let mut out = vec![false; scores.len()];
    known.iter().for_each(|&item| out[item as usize] = true);
    // The place of a hidden item is how many others stand before it.
    let place = |item: u32| {
        let score = scores[item as usize];
        let before = |(other, x): (usize, &f32)| !out[other] && (*x > score || (*x == score && other < item as usize));
        scores.iter().enumerate().filter(|(other, x)| before((*other, x))).count()
    };
    ndcg(hidden.iter().map(|&item| place(item)), hidden.len(), places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_ranking_is_one_and_what_is_known_does_not_stand_in_it() {
        let scores = [0.9, 0.8, 0.1, 0.7];
        assert_eq!(judge(&scores, &[0], &[1, 3], 100), 1.0);
        let second = judge(&scores, &[0], &[3], 100);
        assert!((second - 1.0 / 3f64.log2()).abs() < 1e-12);
        assert_eq!(judge(&scores, &[0], &[3], 1), 0.0);
    }
}
