//! One sort for all: `slice::sort` is compiled anew for every type it is given, a dozen kilobytes of the browser's download
//! each time. This one sorts places.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// The places 0 to `n` in the order of what stands there; equals stay as they were. A merge sort from the bottom up.
pub(crate) fn order(n: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut from: Vec<usize> = (0..n).collect();
    let mut to = vec![0; n];
    let mut run = 1;
    while run < n {
        for start in (0..n).step_by(2 * run) {
            let (middle, end) = ((start + run).min(n), (start + 2 * run).min(n));
            let (mut a, mut b) = (start, middle);
            for place in &mut to[start..end] {
                let first = b == end || (a < middle && compare(from[a], from[b]) != Ordering::Greater);
                let taken = if first { &mut a } else { &mut b };
                *place = from[*taken];
                *taken += 1;
            }
        }
        core::mem::swap(&mut from, &mut to);
        run *= 2;
    }
    from
}

/// The items in the order of `compare`; equals stay as they were.
pub(crate) fn ordered<T: Clone>(items: &[T], mut compare: impl FnMut(&T, &T) -> Ordering) -> Vec<T> {
    let places = order(items.len(), &mut |a, b| compare(&items[a], &items[b]));
    places.into_iter().map(|at| items[at].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::random::Random;

    #[test]
    fn it_sorts_as_slices_do() {
        let mut random = Random::new(1);
        for n in (0..40).chain([1000, 1023, 1024, 1025]) {
            let items: Vec<(usize, usize)> = (0..n).map(|at| (random.below(n / 2 + 1), at)).collect();
            let mut sorted = items.clone();
            sorted.sort_by_key(|(key, _)| *key);
            assert_eq!(ordered(&items, |(a, _), (b, _)| a.cmp(b)), sorted, "{n}");
        }
    }
}
