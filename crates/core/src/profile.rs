//! The profile: all that one visitor's learner has become, as bytes that stay on the device. One CBOR array:
//!
//! format (1), model, factors, loss, visitor mean (f64 bytes), visitor covariance (f64 bytes), residual ids (u64 bytes),
//! residual rows (f32 bytes), metrics, next slate id, client key or null, acknowledged, pending delta or null, unsent ids
//! (u64 bytes), unsent rows (f32 bytes), unsent events, buffered events.

use crate::learner::{MAX_LABEL, MAX_WEIGHT};
use crate::outbox::{BUFFER, Event};
use crate::{Base, Config, Delta, Error, Feature, FeatureId, Features, Learner, Loss, Metrics, Score};
use alloc::vec::Vec;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// The number of the profile's format.
const FORMAT: u64 = 1;
const FIELDS: u64 = 17;
/// Where a covariance of more than this would come from, no prior says.
const MAX_COVARIANCE: f64 = 1e9;

impl Learner {
    /// The bytes to keep on the device. Equal learners give equal bytes, natively and in wasm.
    pub fn profile(&self) -> Vec<u8> {
        let mut out = Encoder::new(Vec::new());
        // Writing to a Vec cannot fail.
        let _ = self.write(&mut out);
        out.into_writer()
    }

    /// The 64-bit xxh3 of the profile, to compare learners by.
    pub fn digest(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.profile())
    }

    /// A learner as it was when [`Learner::profile`] was called, over this base: the same version or a later one.
    pub fn restore(base: Base, config: Config, profile: &[u8]) -> Result<Learner, Error> {
        let mut reader = Reader(Decoder::new(profile));
        if !matches!(reader.0.array(), Ok(Some(FIELDS))) || reader.unsigned()? != FORMAT {
            return Err(Error::BadProfile("it is of another format"));
        }
        let metadata = base.metadata();
        let model = reader.0.str().map_err(|_| BROKEN)?;
        let factors = reader.unsigned()?;
        let loss = reader.unsigned()?;
        if model != metadata.model || factors != metadata.factors as u64 || loss != number_of(metadata.loss) {
            return Err(Error::IncompatibleProfile);
        }
        let width = base.width();
        let mut learner = Learner::new(base, config);
        learner.visitor.mean = reader.doubles(width, f64::from(MAX_WEIGHT))?;
        learner.visitor.covariance = reader.doubles(width * width, MAX_COVARIANCE)?;
        for (id, row) in reader.rows(width)? {
            learner.rows.set_residual(id, &row);
        }
        learner.metrics = reader.metrics()?;
        learner.slates.next = reader.unsigned()?.max(1);
        let outbox = &mut learner.outbox;
        outbox.client = reader.optional_bytes()?.map(|key| key.try_into().map_err(|_| BROKEN)).transpose()?;
        outbox.acknowledged = reader.unsigned()?;
        outbox.pending = reader.optional_bytes()?.map(<[u8]>::to_vec);
        if let Some(pending) = &outbox.pending {
            let delta = Delta::decode(pending).map_err(|_| BROKEN)?;
            if delta.scales.len() != width || delta.seq != outbox.acknowledged + 1 {
                return Err(BROKEN);
            }
        }
        outbox.unsent = reader.rows(width)?.into_iter().collect();
        outbox.unsent_events = u32::try_from(reader.unsigned()?).map_err(|_| BROKEN)?;
        outbox.events = reader.events()?;
        if reader.0.position() != profile.len() {
            return Err(BROKEN);
        }
        Ok(learner)
    }

    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<core::convert::Infallible>> {
        let metadata = self.base().metadata();
        out.array(FIELDS)?.u64(FORMAT)?.str(&metadata.model)?.u64(metadata.factors as u64)?;
        out.u64(number_of(metadata.loss))?;
        out.bytes(&doubles(&self.visitor.mean))?.bytes(&doubles(&self.visitor.covariance))?;
        write_rows(out, self.rows.residuals())?;
        let Metrics { events, clicks, personal, base } = self.metrics;
        out.array(8)?.u64(events)?.u64(clicks)?;
        for Score { sum, recent_sum, recent_weight } in [personal, base] {
            out.f64(sum)?.f64(recent_sum)?.f64(recent_weight)?;
        }
        out.u64(self.slates.next)?;
        let outbox = &self.outbox;
        match &outbox.client {
            Some(key) => out.bytes(key)?,
            None => out.null()?,
        };
        out.u64(outbox.acknowledged)?;
        match &outbox.pending {
            Some(bytes) => out.bytes(bytes)?,
            None => out.null()?,
        };
        write_rows(out, outbox.unsent.iter().map(|(id, row)| (*id, row.as_slice())).collect())?;
        out.u32(outbox.unsent_events)?;
        out.array(outbox.events.len() as u64)?;
        for event in &outbox.events {
            out.array(4)?.f32(event.target)?.f32(event.weight)?;
            for features in [event.features.shared(), event.features.private()] {
                out.array(2 * features.len() as u64)?;
                for feature in features {
                    out.u64(feature.id.0)?.f32(feature.value)?;
                }
            }
        }
        Ok(())
    }
}

const BROKEN: Error = Error::BadProfile("a field is broken");

fn number_of(loss: Loss) -> u64 {
    match loss {
        Loss::Logistic => 0,
        Loss::Squared => 1,
    }
}

fn doubles(xs: &[f64]) -> Vec<u8> {
    xs.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn write_rows(
    out: &mut Encoder<Vec<u8>>,
    rows: Vec<(FeatureId, &[f32])>,
) -> Result<(), minicbor::encode::Error<core::convert::Infallible>> {
    let ids: Vec<u8> = rows.iter().flat_map(|(id, _)| id.0.to_le_bytes()).collect();
    let numbers: Vec<u8> = rows.iter().flat_map(|(_, row)| row.iter().flat_map(|x| x.to_le_bytes())).collect();
    out.bytes(&ids)?.bytes(&numbers)?;
    Ok(())
}

struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    fn unsigned(&mut self) -> Result<u64, Error> {
        // Counters stay where adding one cannot overflow and a JavaScript number holds them.
        self.0.u64().ok().filter(|x| *x <= 1 << 53).ok_or(BROKEN)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Error> {
        self.0.bytes().map_err(|_| BROKEN)
    }

    fn optional_bytes(&mut self) -> Result<Option<&'a [u8]>, Error> {
        if matches!(self.0.datatype(), Ok(Type::Null)) {
            self.0.null().map_err(|_| BROKEN)?;
            return Ok(None);
        }
        self.bytes().map(Some)
    }

    fn array(&mut self) -> Result<u64, Error> {
        self.0.array().ok().flatten().ok_or(BROKEN)
    }

    fn doubles(&mut self, length: usize, bound: f64) -> Result<Vec<f64>, Error> {
        let (numbers, rest) = self.bytes()?.as_chunks::<8>();
        let numbers: Vec<f64> = numbers.iter().map(|x| f64::from_le_bytes(*x)).collect();
        let fine = rest.is_empty() && numbers.len() == length && numbers.iter().all(|x| x.abs() <= bound);
        if fine { Ok(numbers) } else { Err(BROKEN) }
    }

    /// Rows by id, each of `width` finite numbers.
    fn rows(&mut self, width: usize) -> Result<Vec<(FeatureId, Vec<f32>)>, Error> {
        let (ids, rest) = self.bytes()?.as_chunks::<8>();
        let (numbers, tail) = self.bytes()?.as_chunks::<4>();
        if !rest.is_empty() || !tail.is_empty() || numbers.len() != ids.len() * width {
            return Err(BROKEN);
        }
        let rows = ids.iter().zip(numbers.chunks_exact(width));
        rows.map(|(id, row)| {
            let row: Vec<f32> = row.iter().map(|x| f32::from_le_bytes(*x)).collect();
            // A residual may lead from one end of a weight's range to the other.
            let fine = row.iter().all(|x| x.abs() <= 2.0 * MAX_WEIGHT);
            if fine { Ok((FeatureId(u64::from_le_bytes(*id)), row)) } else { Err(BROKEN) }
        })
        .collect()
    }

    fn metrics(&mut self) -> Result<Metrics, Error> {
        if self.array()? != 8 {
            return Err(BROKEN);
        }
        let (events, clicks) = (self.unsigned()?, self.unsigned()?);
        Ok(Metrics { events, clicks, personal: self.score()?, base: self.score()? })
    }

    fn score(&mut self) -> Result<Score, Error> {
        let mut number = || self.0.f64().ok().filter(|x| x.is_finite()).ok_or(BROKEN);
        Ok(Score { sum: number()?, recent_sum: number()?, recent_weight: number()? })
    }

    fn events(&mut self) -> Result<Vec<Event>, Error> {
        let length = self.array()?;
        if length > BUFFER as u64 {
            return Err(BROKEN);
        }
        (0..length).map(|_| self.event()).collect()
    }

    fn event(&mut self) -> Result<Event, Error> {
        if self.array()? != 4 {
            return Err(BROKEN);
        }
        let target = self.number(MAX_LABEL)?;
        let weight = self.number(MAX_LABEL)?;
        let features = Features::from_parts(self.features()?, self.features()?);
        Ok(Event { features, target, weight })
    }

    fn features(&mut self) -> Result<Vec<Feature>, Error> {
        let length = self.array()?;
        if length % 2 != 0 || length > 2 * crate::feature::MAX_FEATURES as u64 {
            return Err(BROKEN);
        }
        (0..length / 2)
            .map(|_| {
                let id = FeatureId(self.0.u64().map_err(|_| BROKEN)?);
                Ok(Feature { id, value: self.number(crate::feature::MAX_NUMBER as f32)? })
            })
            .collect()
    }

    fn number(&mut self, bound: f32) -> Result<f32, Error> {
        self.0.f32().ok().filter(|x| x.abs() <= bound).ok_or(BROKEN)
    }
}
