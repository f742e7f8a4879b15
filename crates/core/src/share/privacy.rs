//! What deltas hide of a visitor beside what they leave out anyway, where a page asks for it: [`Privacy`](crate::Privacy). `docs/privacy.md` says what each costs and
//! what it is worth.
//!
//! *Noise.* The gradient g of a row is shortened to one, and a number from N(0, z^2) is added to each of its numbers. It is then
//! of variance a by the events, whose curvature is a, and z^2 by the noise, so what is told counts by a / (a + z^2), gradient and
//! curvature alike. Nobody is told later what noise was added or what was cut off.
//!
//! *Padding.* Items of the catalogue that the visitor never met are taught as if he had, with labels as the model expects them, so that they move
//! nothing on average.
//!
//! With either, a row is told of when there are new events of it and is not corrected later: it would tell which rows are meant.
//!
//! *Unlinkable keys.* A row that was told of under one client key is never told of under another.

use crate::config::Privacy;
use crate::format::delta::ClientKey;
use crate::maths::random::normal;
use crate::maths::scalar::sqrt;
use crate::model::event::Event;
use crate::share::curvature::Amounts;
use alloc::vec::Vec;
#[expect(deprecated, reason = "SipHash of the core library under keys of our own; what replaced it has none")]
use core::hash::SipHasher;
use core::hash::{Hash, Hasher};

/// The longest that a gradient is before noise is added.
const LONGEST: f64 = 1.0;

impl Privacy {
    /// Whether a row may be told of again without a new event.
    pub(crate) fn corrects(&self) -> bool {
        self.noise == 0.0 && self.padding == 0
    }

    /// Makes a row's gradient and curvature those that are told.
    pub(crate) fn blur(&self, gradient: &mut [f64], amounts: &mut Amounts, entropy: &mut Entropy) {
        if self.noise == 0.0 {
            return;
        }
        let length = sqrt(gradient.iter().fold(0.0, |sum, x| sum + x * x));
        let factor = if length > LONGEST { LONGEST / length } else { 1.0 };
        let z = f64::from(self.noise);
        let share = amounts[0] / (amounts[0] + z * z);
        gradient.iter_mut().for_each(|x| *x = share * (factor * *x + z * normal(|| entropy.uniform())));
        *amounts = amounts.map(|amount| share * amount);
    }
}

/// What one delta is hidden with.
#[derive(Debug)]
pub(crate) struct Cover {
    pub(crate) privacy: Privacy,
    pub(crate) entropy: Entropy,
    /// Events that there never were.
    pub(crate) decoys: Vec<Event>,
}

impl Cover {
    /// The key of a client that takes a new one.
    pub(crate) fn key(&mut self, fresh: ClientKey) -> ClientKey {
        // What noise is drawn from must not be told.
        if self.privacy.corrects() { fresh } else { self.entropy.key() }
    }
}

/// Random numbers that nobody can tell who has seen others of them: SipHash-2-4 (Aumasson and Bernstein 2012) of 0, 1, 2 and so on, under a random key.
#[derive(Debug)]
pub(crate) struct Entropy {
    keys: [u64; 2],
    drawn: u64,
}

impl Entropy {
    pub(crate) fn of(key: ClientKey) -> Entropy {
        let (halves, _) = key.as_chunks::<8>();
        Entropy { keys: [0, 1].map(|half| u64::from_le_bytes(halves[half])), drawn: 0 }
    }

    /// From \[0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// One of 0..n, n > 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f64) as usize).min(n - 1)
    }

    fn key(&mut self) -> ClientKey {
        let mut key = ClientKey::default();
        key.as_chunks_mut::<8>().0.iter_mut().for_each(|half| *half = self.next().to_le_bytes());
        key
    }

    #[expect(deprecated, reason = "see above")]
    fn next(&mut self) -> u64 {
        let mut hasher = SipHasher::new_with_keys(self.keys[0], self.keys[1]);
        self.drawn.to_le_bytes().hash(&mut hasher);
        self.drawn += 1;
        hasher.finish()
    }
}
