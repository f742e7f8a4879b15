//! The delta on the wire: what one browser learnt about shared rows, in one CBOR map (RFC 8949).
//!
//! | key | type                | holds |
//! |-----|---------------------|-------|
//! | 0   | unsigned            | the format, 2 |
//! | 1   | unsigned            | the version of the base that it was computed against |
//! | 2   | bytes, 16           | the client key: random, rotated |
//! | 3   | unsigned            | the sequence number of this client key, from 1 |
//! | 4   | unsigned            | how many events it teaches for the first time |
//! | 5   | bytes, 8 n          | row ids, u64 little-endian, ascending |
//! | 6   | array of 1 + k f32  | the scale of each column |
//! | 7   | bytes, (1 + k) n    | int8 numbers, column by column; times the column's scale they are the change of eta of a row |
//! | 8   | bytes, n or 2 n     | [`Evidence`] of each row: the amounts a of its curvature, then b, which is left out where all are none |
//! | 9   | array of 3          | [`Report`]: unsigned events, f32 loss of the base, f32 loss of the learner |
//!
//! A client's events are a Gaussian factor of each row x, exp(eta x - x Lambda x / 2): eta = g + Lambda x at a row whose log-likelihood has the
//! gradient g. A delta says by how much eta and Lambda have changed since the client's last, in numbers that do not depend on the
//! version of the base. Keys ascend and stand once, lengths are definite, numbers have as few bytes as they need, nothing follows: one delta has one
//! encoding.

use crate::error::Error;
use crate::format::evidence::Evidence;
use crate::input::feature::FeatureId;
use crate::limits::MAX_FACTORS;
use alloc::vec::Vec;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// The number of the wire format.
pub(crate) const FORMAT: u64 = 2;
/// The most rows that one delta may have.
pub(crate) const MAX_DELTA_ROWS: usize = 1 << 16;
/// The largest scale of a column: no honest change of a weight comes near.
pub(crate) const MAX_SCALE: f32 = 1e3;

/// A random name for a run of deltas from one browser.
pub type ClientKey = [u8; 16];

/// Which of a hundred groups a client key is in: a share of the clients that has something first is the first so many of them.
pub fn cohort(client: &ClientKey) -> u8 {
    (xxhash_rust::xxh3::xxh3_64(client) % 100) as u8
}

/// A delta that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// The version of the base that it was computed against.
    pub base_version: u64,
    /// Who sends it.
    pub client: ClientKey,
    /// Which one of the client's, from 1.
    pub seq: u64,
    /// How many events went into it.
    pub events: u32,
    /// n ids, ascending.
    pub ids: Vec<FeatureId>,
    /// 1 + k scales.
    pub scales: Vec<f32>,
    /// (1 + k) columns of n numbers.
    pub columns: Vec<i8>,
    /// For each row the amounts a and b of the curvature of events that it was not taught by before.
    pub evidence: Vec<[Evidence; 2]>,
    /// How its new events were predicted.
    pub report: Report,
}

/// How events were predicted before they were learnt from, as means of their losses (Blum, Kalai and Langford 1999).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Report {
    /// How many events.
    pub events: u32,
    /// By the bare base.
    pub base_loss: f32,
    /// By the learner upon it.
    pub learner_loss: f32,
}

impl Report {
    /// The largest mean loss that is accepted.
    pub const MAX_LOSS: f32 = 1e6;

    pub(crate) fn add(&mut self, base: f64, learner: f64) {
        self.events = self.events.saturating_add(1);
        let add = |mean: &mut f32, loss: f64| {
            let moved = f64::from(*mean) + (loss - f64::from(*mean)) / f64::from(self.events);
            *mean = (moved as f32).clamp(0.0, Report::MAX_LOSS);
        };
        add(&mut self.base_loss, base);
        add(&mut self.learner_loss, learner);
    }

    /// Takes the events of another report in.
    pub(crate) fn join(&mut self, other: &Report) {
        let [mine, theirs] = [self.events, other.events].map(f64::from);
        let mean = |x: f32, y: f32| ((mine * f64::from(x) + theirs * f64::from(y)) / (mine + theirs).max(1.0)) as f32;
        self.base_loss = mean(self.base_loss, other.base_loss);
        self.learner_loss = mean(self.learner_loss, other.learner_loss);
        self.events = self.events.saturating_add(other.events);
    }
}

impl Delta {
    /// The largest scale of a column that is accepted.
    pub const MAX_SCALE: f32 = MAX_SCALE;
    /// The most bytes of a row beside its 1 + k numbers: its id and its evidence.
    pub(crate) const ROW_BYTES: usize = 10;

    /// k.
    pub fn factors(&self) -> usize {
        self.scales.len() - 1
    }

    /// The change of row `i`, dequantised into `row`, 1 + k long.
    pub fn row_into(&self, i: usize, row: &mut [f32]) {
        for (column, (x, scale)) in row.iter_mut().zip(&self.scales).enumerate() {
            *x = f32::from(self.columns[column * self.ids.len() + i]) * scale;
        }
    }

    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new(Vec::new());
        // Writing to a Vec cannot fail.
        let _ = self.write(&mut out);
        out.into_writer()
    }

    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<core::convert::Infallible>> {
        out.map(10)?.u8(0)?.u64(FORMAT)?.u8(1)?.u64(self.base_version)?;
        out.u8(2)?.bytes(&self.client)?.u8(3)?.u64(self.seq)?.u8(4)?.u32(self.events)?;
        let ids: Vec<u8> = self.ids.iter().flat_map(|id| id.0.to_le_bytes()).collect();
        out.u8(5)?.bytes(&ids)?.u8(6)?.array(self.scales.len() as u64)?;
        for scale in &self.scales {
            out.f32(*scale)?;
        }
        let columns: Vec<u8> = self.columns.iter().map(|x| *x as u8).collect();
        let [a, b]: [Vec<u8>; 2] = [0, 1].map(|at| self.evidence.iter().map(|amounts| amounts[at].0).collect());
        let both = b.iter().any(|code| *code != 0);
        out.u8(7)?.bytes(&columns)?.u8(8)?.bytes(&if both { [a, b].concat() } else { a })?;
        let Report { events, base_loss, learner_loss } = self.report;
        out.u8(9)?.array(3)?.u32(events)?.f32(base_loss)?.f32(learner_loss)?;
        Ok(())
    }

    /// Reads and checks the bytes: form, then bounds, then content; nothing is allocated before its length is known to be
    /// in the input.
    pub fn decode(bytes: &[u8]) -> Result<Delta, Error> {
        let mut reader = Reader(Decoder::new(bytes));
        let fields = reader.0.map();
        if !matches!(fields, Ok(Some(_))) {
            return Err(Error::BadDelta("it must be a map"));
        }
        let format = reader.unsigned(0)?;
        if format != FORMAT {
            return Err(Error::DeltaFormat { found: format, read: FORMAT });
        }
        if !matches!(fields, Ok(Some(10))) {
            return Err(Error::BadDelta("it must be a map of 10 fields"));
        }
        let base_version = reader.unsigned(1)?;
        let client = reader.bytes(2)?.try_into().map_err(|_| Error::BadDelta("a client key has 16 bytes"))?;
        let seq = reader.unsigned(3)?;
        let events = u32::try_from(reader.unsigned(4)?).map_err(|_| Error::BadDelta("it claims too many events"))?;
        let ids = reader.bytes(5)?;
        let scales = reader.scales(6)?;
        let columns = reader.bytes(7)?;
        let evidence = reader.bytes(8)?;
        let report = reader.report()?;
        if reader.0.position() != bytes.len() {
            return Err(Error::BadDelta("something follows the map"));
        }
        let (ids, rest) = ids.as_chunks::<8>();
        if !rest.is_empty() || ids.is_empty() || ids.len() > MAX_DELTA_ROWS || columns.len() != ids.len() * scales.len()
        {
            return Err(Error::BadDelta("ids, scales and rows must agree, with 1 to 65,536 rows"));
        }
        if evidence.len() != ids.len() && evidence.len() != 2 * ids.len() {
            return Err(Error::BadDelta("it must have one or two bytes of evidence a row"));
        }
        let code = |at: usize| Evidence(evidence.get(at).copied().unwrap_or(0));
        let n = ids.len();
        let evidence: Vec<[Evidence; 2]> = (0..n).map(|i| [code(i), code(n + i)]).collect();
        let ids: Vec<FeatureId> = ids.iter().map(|id| FeatureId(u64::from_le_bytes(*id))).collect();
        if ids.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::BadDelta("its ids do not ascend"));
        }
        // Versions and sequence numbers fit a JSON number and an i64 column.
        if seq == 0 || seq > 1 << 53 || base_version == 0 || base_version > 1 << 53 || events == 0 {
            return Err(Error::BadDelta("version, sequence number and events count from 1"));
        }
        let columns = columns.iter().map(|x| *x as i8).collect();
        let delta = Delta { base_version, client, seq, events, ids, scales, columns, evidence, report };
        // A number may have more bytes than it needs, or evidence that is none a byte.
        if delta.encode() != bytes {
            return Err(Error::BadDelta("it must be written in the fewest bytes"));
        }
        Ok(delta)
    }
}

/// Reads fields in the order of their keys.
struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    fn key(&mut self, key: u64) -> Result<(), Error> {
        if self.0.u64().ok() == Some(key) {
            Ok(())
        } else {
            Err(Error::BadDelta("its fields must be 0 to 9, in order"))
        }
    }

    fn unsigned(&mut self, key: u64) -> Result<u64, Error> {
        self.key(key)?;
        self.0.u64().map_err(|_| Error::BadDelta("a field must be an unsigned number"))
    }

    fn bytes(&mut self, key: u64) -> Result<&'a [u8], Error> {
        self.key(key)?;
        self.0.bytes().map_err(|_| Error::BadDelta("a field must be a byte string of definite length"))
    }

    fn report(&mut self) -> Result<Report, Error> {
        self.key(9)?;
        const BROKEN: Error =
            Error::BadDelta("its report must be a number of events and two losses from 0 to a million");
        if !matches!(self.0.array(), Ok(Some(3))) {
            return Err(BROKEN);
        }
        let events = self.0.u32().map_err(|_| BROKEN)?;
        let mut loss = || {
            let is_f32 = matches!(self.0.datatype(), Ok(Type::F32));
            self.0.f32().ok().filter(|loss| is_f32 && (0.0..=Report::MAX_LOSS).contains(loss)).ok_or(BROKEN)
        };
        Ok(Report { events, base_loss: loss()?, learner_loss: loss()? })
    }

    fn scales(&mut self, key: u64) -> Result<Vec<f32>, Error> {
        self.key(key)?;
        let length = self.0.array().ok().flatten().ok_or(Error::BadDelta("the scales must be an array"))?;
        if length == 0 || length > 1 + MAX_FACTORS as u64 {
            return Err(Error::BadDelta("it must have 1 to 257 scales"));
        }
        (0..length)
            .map(|_| {
                let is_f32 = matches!(self.0.datatype(), Ok(Type::F32));
                let scale = self.0.f32().ok().filter(|scale| is_f32 && (0.0..=MAX_SCALE).contains(scale));
                scale.ok_or(Error::BadDelta("a scale must be an f32 from 0 to 1,000"))
            })
            .collect()
    }
}
