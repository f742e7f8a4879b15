//! Feature ids to places: 0, 1, 2 and so on, in the order in which the ids were met.
//!
//! Ids are hashes already; and on a device they are the site's own, not an attacker's. So a table of places with open
//! addressing does (Knuth, volume 3, 6.4, algorithm L): an event looks up each of its features, and mostly finds it at once.

use crate::input::feature::FeatureId;
use alloc::vec;
use alloc::vec::Vec;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Index {
    ids: Vec<FeatureId>,
    /// A place plus one, or 0 where nothing is; a power of two of them, at most half of which are taken.
    table: Vec<u32>,
}

impl Index {
    /// Where an id stands.
    #[inline]
    pub(crate) fn find(&self, id: FeatureId) -> Option<usize> {
        self.next(id).checked_sub(1)
    }

    /// The same plus one; 0 where it does not stand. A number is returned in a register, an option is not.
    fn next(&self, id: FeatureId) -> usize {
        let mask = self.table.len().wrapping_sub(1);
        let mut at = id.0 as usize & mask;
        // There is a gap in every table; an empty one has no element at all.
        while let Some(next) = self.table.get(at).map(|next| *next as usize) {
            if next == 0 || self.ids[next - 1] == id {
                return next;
            }
            at = (at + 1) & mask;
        }
        0
    }

    /// Where an id stands, and whether that is new: then it is the last place.
    pub(crate) fn enter(&mut self, id: FeatureId) -> (usize, bool) {
        if let Some(place) = self.find(id) {
            return (place, false);
        }
        self.ids.push(id);
        if 2 * self.ids.len() > self.table.len() {
            self.table = vec![0; (2 * self.table.len()).max(16)];
            (0..self.ids.len()).for_each(|place| self.put(place));
        } else {
            self.put(self.ids.len() - 1);
        }
        (self.ids.len() - 1, true)
    }

    /// The ids by their places.
    pub(crate) fn ids(&self) -> &[FeatureId] {
        &self.ids
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    fn put(&mut self, place: usize) {
        let mask = self.table.len() - 1;
        let mut at = self.ids[place].0 as usize & mask;
        while self.table[at] != 0 {
            at = (at + 1) & mask;
        }
        self.table[at] = place as u32 + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::random::Random;

    #[test]
    fn every_id_is_found_where_it_was_put() {
        let mut random = Random::new(1);
        let mut index = Index::default();
        assert_eq!(index.find(FeatureId(0)), None);
        for n in 0..3000 {
            // Few low bits, so that many meet at one place.
            let id = FeatureId((n as u64) << 20 | random.below(8) as u64);
            assert_eq!(index.find(id), None);
            assert_eq!(index.enter(id), (n, true));
            assert_eq!(index.enter(id), (n, false));
        }
        assert_eq!(index.len(), 3000);
        assert!(index.ids().iter().enumerate().all(|(place, id)| index.find(*id) == Some(place)));
        assert_eq!(index.find(FeatureId(u64::MAX)), None);
    }
}
