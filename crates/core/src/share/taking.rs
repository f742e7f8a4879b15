//! A fold in bounded memory: client by client, in the order of their keys. What a client sent is bounded as a whole, so once another begins it is
//! added to the next version and let go. Whatever the order in which clients came, and however many are kept at a time, the version is the one that
//! [`Fold`](super::fold::Fold) makes of the same deltas, to the bit.

use crate::error::Error;
use crate::format::base::{Base, Precision};
use crate::format::delta::{ClientKey, Delta};
use crate::input::feature::FeatureId;
use crate::share::aggregate::Aggregate;
use crate::share::fold::{Fold, FoldConfig};
use crate::share::influence::Cut;
use crate::share::noise::Sums;
use crate::share::release::{Judging, Release};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use xxhash_rust::xxh3::Xxh3;

/// How many numbers of clients are kept: 2 MB.
const KEPT: usize = 1 << 18;
/// Up to how many rows are counted one by one.
const COUNTED: usize = 1 << 20;

/// A fold that takes in one client after the other.
#[derive(Debug)]
pub struct Taking {
    from: Aggregate,
    heard: Heard,
    /// Clients that are not in `heard` yet.
    fold: Fold,
    numbers: usize,
    last: ClientKey,
    /// Whether all clients were heard.
    closed: bool,
    rows: BTreeSet<FeatureId>,
    digest: Digest,
}

/// What clients said, together.
#[derive(Debug)]
enum Heard {
    Each(Aggregate, Cut),
    Sums(Sums),
}

impl Taking {
    /// Nothing yet, upon what stands beside the current version.
    pub fn new(from: Aggregate, config: &FoldConfig) -> Taking {
        let heard = Heard::Each(from.clone(), Cut::default());
        Taking::of(from, config, heard)
    }

    /// The same for a version with noise, see [`Taking::sums`].
    pub fn with_noise(from: Aggregate, config: &FoldConfig) -> Taking {
        let heard = Heard::Sums(Sums::nothing(&from, config));
        Taking::of(from, config, heard)
    }

    fn of(from: Aggregate, config: &FoldConfig, heard: Heard) -> Taking {
        let fold = Fold::new(config, from.version(), from.factors());
        let (rows, digest) = (BTreeSet::new(), Digest(Xxh3::new()));
        Taking { from, heard, fold, numbers: 0, last: ClientKey::default(), closed: false, rows, digest }
    }

    /// Adds a delta, or nothing of it: of the client of the one before, or of one with a higher key.
    pub fn add(&mut self, delta: &Delta) -> Result<(), Error> {
        if delta.client < self.last || self.closed {
            return Err(Error::BadDelta("clients are folded in the order of their keys"));
        }
        if delta.client != self.last && self.numbers >= KEPT {
            self.settle();
        }
        self.fold.add(delta)?;
        self.numbers += delta.ids.len() * (self.from.width() + 2);
        self.last = delta.client;
        Ok(())
    }

    /// The version that it is upon.
    pub fn version(&self) -> u64 {
        self.fold.version()
    }

    /// As [`Aggregate::new_rows`] of what stands beside the version that was published last.
    pub fn new_rows(&self) -> [u64; 2] {
        self.from.new_rows()
    }

    /// How many events went into what was added.
    pub fn events(&self) -> u64 {
        self.fold.events()
    }

    /// How many rows were touched, up to 2^20 and a little more, and a digest of all that was added, as [`Fold::rows`] and [`Fold::digest`] have them.
    pub fn summary(&mut self) -> (usize, u64) {
        self.settle();
        (self.rows.len(), self.digest.0.digest())
    }

    /// The sums of a version with noise, for it to be added.
    pub fn sums(&mut self) -> Option<&mut Sums> {
        self.settle();
        match &mut self.heard {
            Heard::Each(..) => None,
            Heard::Sums(sums) => Some(sums),
        }
    }

    /// Publishes the next version if it is not worse, see [`Aggregate::release`] and [`Aggregate::release_sums`]. Nothing can be added any more.
    pub fn release(
        &mut self,
        precision: Precision,
        current: &Base,
        judge: Option<&Judging<'_>>,
    ) -> Result<Release, Error> {
        self.close();
        match &self.heard {
            Heard::Each(next, cut) => {
                let release = self.from.release_next(next, &self.fold, precision, current, judge)?;
                Ok(Release { cut_short: Some(cut.short()), ..release })
            }
            Heard::Sums(sums) => self.from.release_sums(sums, precision, current, judge),
        }
    }

    /// Publishes the next version at a share `step` of the way, see [`Aggregate::publish`]. Nothing can be added any more.
    pub fn publish(&mut self, step: f32, precision: Precision) -> Result<Vec<u8>, Error> {
        self.close();
        let next = match &self.heard {
            Heard::Each(next, _) => next.clone(),
            Heard::Sums(sums) => sums.learnt().0,
        };
        self.from.publish_next(next, self.fold.config.reach, step, precision)
    }

    /// What stands beside the version that was published last, or else beside the one that this began from.
    pub fn into_aggregate(self) -> Aggregate {
        self.from
    }

    fn close(&mut self) {
        self.settle();
        if let (false, Heard::Each(next, _)) = (self.closed, &mut self.heard) {
            next.close(&self.fold);
        }
        self.closed = true;
    }

    /// Adds the clients that are kept to the next version, and lets them go.
    fn settle(&mut self) {
        let clients = core::mem::take(&mut self.fold.clients);
        self.numbers = 0;
        for (client, told) in &clients {
            self.digest.add(client, told.rows(self.from.width() + 2));
            for (id, _) in told.rows(0) {
                if self.rows.len() < COUNTED {
                    self.rows.insert(id);
                }
            }
        }
        match &mut self.heard {
            Heard::Each(next, cut) => self.from.hear(&clients, &self.fold.config, next, cut),
            Heard::Sums(sums) => sums.hear(&clients, &self.fold.config),
        }
    }
}

/// A digest of clients in the order of their keys.
struct Digest(Xxh3);

impl Digest {
    fn add<'a>(&mut self, client: &ClientKey, rows: impl Iterator<Item = (FeatureId, &'a [i64])>) {
        self.0.update(client);
        for (id, row) in rows {
            self.0.update(&id.0.to_le_bytes());
            row.iter().for_each(|x| self.0.update(&x.to_le_bytes()));
        }
    }
}

impl core::fmt::Debug for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:016x}", self.0.digest())
    }
}
