//! Names by number.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Names and their numbers, counted from 0 in the order of first appearance. A name costs its bytes and some twenty more:
/// a million users must not cost more than what is learnt of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interner {
    /// All names, one behind the other; `ends[n]` is where that of number n ends.
    text: String,
    ends: Vec<usize>,
    numbers: HashTable<u32>,
}

impl Interner {
    pub(crate) fn intern(&mut self, name: &str) -> u32 {
        let Interner { text, ends, numbers } = self;
        let hash = xxh3_64(name.as_bytes());
        if let Some(&number) = numbers.find(hash, |&number| slice(text, ends, number) == name) {
            return number;
        }
        let number = ends.len() as u32;
        text.push_str(name);
        ends.push(text.len());
        numbers.insert_unique(hash, number, |&number| xxh3_64(slice(text, ends, number).as_bytes()));
        number
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.find(xxh3_64(name.as_bytes()), |&number| self.name(number) == name).copied()
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        slice(&self.text, &self.ends, number)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len() as u32).map(|number| self.name(number))
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn slice<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &text[start..ends[number]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut interner = Interner::default();
        let names: Vec<String> = (0..5000).map(|i| format!("n{}", i % 1700)).collect();
        for (i, name) in names.iter().enumerate() {
            assert_eq!(interner.intern(name), (i % 1700) as u32);
        }
        assert_eq!(interner.intern(""), 1700);
        assert_eq!((interner.len(), interner.name(1699), interner.name(1700)), (1701, "n1699", ""));
        assert_eq!((interner.find("n7"), interner.find("n1700")), (Some(7), None));
        assert!(interner.names().take(1700).eq(names[..1700].iter()));
    }
}
