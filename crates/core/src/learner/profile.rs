//! The profile: all that one visitor's learner has become, as bytes that stay on the device. One CBOR array:
//!
//! format (2), model, factors, loss, models, moments of numeric features, outbox, metrics, choice, pending slates, random
//! state; and, where the base ranks the whole catalogue by something of its own, the interest in it. The parts are arrays whose fields stand in the order in which they are written below; ids are u64 and numbers f32 or
//! f64, little-endian, in byte strings.

use crate::config::Config;
use crate::error::Error;
use crate::format::base::Base;
use crate::format::delta::{Delta, Report};
use crate::input::feature::{Feature, FeatureId, Features};
use crate::input::scale::Moments;
use crate::learner::state::Learner;
use crate::limits::{MAX_LABEL, MAX_WEIGHT};
use crate::loss::Loss;
use crate::maths::random::Random;
use crate::model::event::Event;
use crate::model::interest::Interest;
use crate::model::overlay::Overlay;
use crate::model::personal::Model;
use crate::model::posterior::Gaussian;
use crate::share::outbox::{BUFFER, HISTORY, Outbox};
use crate::share::told::{BEYOND, Told};
use crate::slates::slate::{Shown, Thought};
use crate::watch::drift::Drift;
use crate::watch::figures::{BINS, Score, SlateScore, Tally, WINDOW};
use alloc::string::String;
use alloc::vec::Vec;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// The number of the profile's format.
const FORMAT: u64 = 2;
/// The oldest format that is read.
const OLDEST: u64 = 1;
const FIELDS: u64 = 11;
/// With an interest in the whole catalogue.
const MOST_FIELDS: u64 = FIELDS + 1;
/// Where a covariance of more than this would come from, no prior says.
const MAX_COVARIANCE: f64 = 1e9;

/// A row: its id, the residual, AdaGrad's accumulator.
type Learnt<'a> = (FeatureId, &'a [f32], f32);

/// The numbers of a row.
type Numbered<'a> = (FeatureId, &'a [f32]);

/// Which rows are written.
#[derive(Clone, Copy)]
struct Parts {
    learnt: fn(&Overlay) -> Vec<Learnt<'_>>,
    told: fn(&Told) -> Vec<Numbered<'_>>,
}

type Written = Result<(), minicbor::encode::Error<core::convert::Infallible>>;

impl Learner {
    /// The bytes to keep on the device. Equal learners give equal bytes, natively and in wasm.
    pub fn profile(&self) -> Vec<u8> {
        self.written(Parts { learnt: Overlay::learnt, told: Told::sorted })
    }

    /// The same without the learnt rows and those that were told, which are kept in pieces beside it.
    pub fn profile_head(&self) -> Vec<u8> {
        self.written(Parts { learnt: |_| Vec::new(), told: |_| Vec::new() })
    }

    fn written(&self, parts: Parts) -> Vec<u8> {
        let mut out = Encoder::new(Vec::new());
        // Writing to a Vec cannot fail.
        let _ = self.write(&mut out, parts);
        out.into_writer()
    }

    /// The 64-bit xxh3 of the profile, to compare learners by.
    pub fn digest(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.profile())
    }

    /// A learner as it was when [`Learner::profile`] was called, over this base: the same version or a later one. Shadows
    /// that the profile does not have, because the settings are others, begin anew.
    pub fn restore(base: Base, config: Config, profile: &[u8]) -> Result<Learner, Error> {
        let mut reader = Reader(Decoder::new(profile));
        let fields = reader.0.array().ok().flatten();
        let format = reader.unsigned()?;
        if !matches!(fields, Some(FIELDS | MOST_FIELDS)) || !(OLDEST..=FORMAT).contains(&format) {
            return Err(Error::BadProfile("it is of another format"));
        }
        let metadata = base.metadata();
        let model = reader.text()?;
        let (factors, loss) = (reader.unsigned()?, reader.unsigned()?);
        if model != metadata.model || factors != metadata.factors as u64 || loss != number_of(metadata.loss) {
            return Err(Error::IncompatibleProfile);
        }
        let width = base.width();
        let mut learner = Learner::new(base, config)?;
        let models = reader.array()?;
        if models == 0 {
            return Err(BROKEN);
        }
        for at in 0..models as usize {
            // A shadow that is no longer configured is read past.
            let mut dropped = learner.models[0].clone();
            reader.model(learner.models.get_mut(at).unwrap_or(&mut dropped), width)?;
        }
        for _ in 0..reader.array()? {
            reader.exactly(2)?;
            let id = reader.id()?;
            let [count, mean, squares] = reader.doubles(3, f64::MAX)?[..] else { return Err(BROKEN) };
            learner.scales.set(id, Moments { count, mean, squares });
        }
        reader.outbox(&mut learner.outbox, width, format)?;
        let same_models = models as usize == learner.models.len();
        reader.metrics(&mut learner, same_models)?;
        reader.choice(&mut learner, same_models)?;
        reader.slates(&mut learner, models as usize, same_models)?;
        learner.random = Random(reader.0.u64().map_err(|_| BROKEN)?.max(1));
        if fields == Some(MOST_FIELDS) {
            reader.interest(&mut learner.interest)?;
        }
        if reader.0.position() != profile.len() {
            return Err(BROKEN);
        }
        learner.serve();
        Ok(learner)
    }

    /// The same of a profile that is another device's too: what that one told, or will tell, no delta from here does.
    #[cold]
    #[inline(never)]
    pub fn import(base: Base, config: Config, profile: &[u8]) -> Result<Learner, Error> {
        let mut learner = Learner::restore(base, config, profile)?;
        let unlinkable = learner.config.privacy.unlinkable;
        learner.outbox = core::mem::take(&mut learner.outbox).hidden(&mut learner.random, unlinkable);
        Ok(learner)
    }

    fn write(&self, out: &mut Encoder<Vec<u8>>, parts: Parts) -> Written {
        let metadata = self.base().metadata();
        out.array(if self.interest.is_some() { MOST_FIELDS } else { FIELDS })?
            .u64(FORMAT)?
            .str(&metadata.model)?
            .u64(metadata.factors as u64)?;
        out.u64(number_of(metadata.loss))?.array(self.models.len() as u64)?;
        self.models.iter().try_for_each(|model| write_model(out, model, &(parts.learnt)(&model.rows)))?;
        let scales = self.scales.sorted();
        out.array(scales.len() as u64)?;
        for (id, Moments { count, mean, squares }) in scales {
            out.array(2)?.u64(id.0)?.bytes(&doubles(&[count, mean, squares]))?;
        }
        write_outbox(out, &self.outbox, (parts.told)(&self.outbox.told))?;
        self.write_metrics(out)?;
        self.write_choice(out)?;
        self.write_slates(out)?;
        out.u64(self.random.0)?;
        if let Some(Interest { row, clicked }) = &self.interest {
            out.array(3)?.bytes(&doubles(row.mean()))?.bytes(&doubles(&row.covariance()))?.f64(*clicked)?;
        }
        Ok(())
    }

    fn write_metrics(&self, out: &mut Encoder<Vec<u8>>) -> Written {
        let metrics = &self.metrics;
        out.array(7)?.u64(metrics.events)?.u64(metrics.clicks)?;
        out.array(1 + metrics.models.len() as u64)?;
        for score in core::iter::once(&metrics.base).chain(&metrics.models) {
            for Tally { weight, loss, correct, predicted, bins } in [&score.all, &score.recent] {
                out.bytes(&doubles(&[*weight, *loss, *correct, *predicted]))?.bytes(&floats(bins))?;
            }
        }
        let SlateScore { slates, hits, ndcg } = metrics.slates;
        out.u64(slates)?.u64(hits)?.f64(ndcg)?;
        out.array(metrics.window.len() as u64)?;
        for (target, odds) in &metrics.window {
            out.bytes(&floats(&[&[*target], odds.as_slice()].concat()))?;
        }
        Ok(())
    }

    fn write_choice(&self, out: &mut Encoder<Vec<u8>>) -> Written {
        out.array(8)?.bytes(&doubles(&self.hedge.losses))?;
        out.u64(self.gate.events)?.f64(self.gate.mean)?.f64(self.gate.variance)?.bool(self.gate.closed)?;
        out.bytes(&doubles(&self.drift.as_ref().map(Drift::state).unwrap_or_default()))?;
        out.u64(self.drifts)?.u32(self.boosted)?;
        Ok(())
    }

    fn write_slates(&self, out: &mut Encoder<Vec<u8>>) -> Written {
        out.array(3)?.u64(self.slates.next)?.u64(self.slates.evicted)?;
        out.array(self.slates.pending.len() as u64)?;
        for (id, shown) in &self.slates.pending {
            out.array(2)?.u64(*id)?.array(shown.len() as u64)?;
            for Shown { item, features, thoughts, target } in shown {
                out.array(5)?.str(item.as_deref().unwrap_or_default())?;
                write_features(out, features)?;
                let thoughts: Vec<f32> =
                    thoughts.iter().flat_map(|thought| [thought.score, thought.moderated, thought.odds]).collect();
                out.bytes(&floats(&thoughts))?;
                match target {
                    Some(target) => out.f32(*target)?,
                    None => out.null()?,
                };
            }
        }
        Ok(())
    }
}

fn write_model(out: &mut Encoder<Vec<u8>>, model: &Model, learnt: &[Learnt<'_>]) -> Written {
    out.array(7)?.bytes(&doubles(model.visitor.mean()))?.bytes(&doubles(&model.visitor.covariance()))?;
    out.bytes(&doubles(&[model.calibration.mean(), &model.calibration.covariance()].concat()))?;
    let evidence: Vec<f32> = learnt.iter().map(|(_, _, evidence)| *evidence).collect();
    write_rows(out, learnt.iter().map(|(id, row, _)| (*id, *row)))?;
    out.bytes(&floats(&evidence))?.u64(model.rows.evicted)?;
    Ok(())
}

fn write_outbox(out: &mut Encoder<Vec<u8>>, outbox: &Outbox, told: Vec<Numbered<'_>>) -> Written {
    out.array(12)?;
    write_optional(out, outbox.client.as_ref().map(|key| &key[..]))?;
    out.u64(outbox.acknowledged)?;
    write_optional(out, outbox.pending.as_deref())?;
    write_rows(out, told.into_iter())?;
    write_rows(out, outbox.underway.sorted().into_iter())?;
    out.u32(outbox.refused)?;
    write_events(out, &outbox.events)?;
    write_events(out, &outbox.history)?;
    out.u64(outbox.met)?;
    let Report { events, base_loss, learner_loss } = outbox.report;
    out.array(3)?.u32(events)?.f32(base_loss)?.f32(learner_loss)?;
    Ok(())
}

fn write_events(out: &mut Encoder<Vec<u8>>, events: &[Event]) -> Written {
    out.array(events.len() as u64)?;
    for event in events {
        out.array(4)?.f32(event.target)?.f32(event.weight)?;
        write_features(out, &event.features)?;
    }
    Ok(())
}

fn write_optional(out: &mut Encoder<Vec<u8>>, bytes: Option<&[u8]>) -> Written {
    match bytes {
        Some(bytes) => out.bytes(bytes)?,
        None => out.null()?,
    };
    Ok(())
}

/// Two fields: ids, rows.
fn write_rows<'a>(out: &mut Encoder<Vec<u8>>, rows: impl Iterator<Item = (FeatureId, &'a [f32])>) -> Written {
    let (mut ids, mut numbers) = (Vec::new(), Vec::new());
    for (id, row) in rows {
        ids.extend_from_slice(&id.0.to_le_bytes());
        numbers.extend_from_slice(&floats(row));
    }
    out.bytes(&ids)?.bytes(&numbers)?;
    Ok(())
}

/// Two fields: shared, private.
fn write_features(out: &mut Encoder<Vec<u8>>, features: &Features) -> Written {
    for features in [features.shared(), features.private()] {
        out.array(3 * features.len() as u64)?;
        for feature in features {
            out.u64(feature.id.0)?.f32(feature.value)?.u8(feature.group)?;
        }
    }
    Ok(())
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

fn floats(xs: &[f32]) -> Vec<u8> {
    xs.iter().flat_map(|x| x.to_le_bytes()).collect()
}

struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    fn model(&mut self, model: &mut Model, width: usize) -> Result<(), Error> {
        self.exactly(7)?;
        let mean = self.doubles(width, f64::from(MAX_WEIGHT))?;
        model.visitor = Gaussian::new(&mean, &self.doubles(width * width, MAX_COVARIANCE)?);
        let calibration = self.doubles(6, MAX_COVARIANCE)?;
        model.calibration = Gaussian::new(&calibration[..2], &calibration[2..]);
        // A residual may lead from one end of a weight's range to the other.
        let rows = self.rows(width, 2.0 * MAX_WEIGHT)?;
        let evidence = self.floats(rows.len(), f32::MAX)?;
        for ((id, row), evidence) in rows.iter().zip(evidence) {
            model.rows.set_learnt(*id, row, evidence);
        }
        model.rows.evicted = self.unsigned()?;
        Ok(())
    }

    /// A base that has none, or one of another width, is of another training: then it begins anew.
    fn interest(&mut self, interest: &mut Option<Interest>) -> Result<(), Error> {
        self.exactly(3)?;
        let mean = self.any_doubles()?;
        let bounded = mean.iter().all(|x| x.abs() <= f64::from(MAX_WEIGHT));
        let row = Gaussian::new(&mean, &self.doubles(mean.len() * mean.len(), MAX_COVARIANCE)?);
        let clicked = self.double()?;
        if !bounded || clicked < 0.0 {
            return Err(BROKEN);
        }
        if let Some(interest) = interest.as_mut().filter(|interest| interest.row.mean().len() == mean.len()) {
            *interest = Interest { row, clicked };
        }
        Ok(())
    }

    fn outbox(&mut self, outbox: &mut Outbox, width: usize, format: u64) -> Result<(), Error> {
        self.exactly(if format == 1 { 9 } else { 12 })?;
        outbox.client = self.optional_bytes()?.map(|key| key.try_into().map_err(|_| BROKEN)).transpose()?;
        outbox.acknowledged = self.unsigned()?;
        outbox.pending = self.optional_bytes()?.map(<[u8]>::to_vec);
        if format == 1 {
            // Deltas of that time are taken by no endpoint any more, nor what was rounded off from them. The events are kept, and
            // those of a pending delta, however many, wait again.
            let refused = u32::from(outbox.pending.take().is_some());
            self.rows(width, 2.0 * MAX_WEIGHT)?;
            let unsent = u32::try_from(self.unsigned()?).map_err(|_| BROKEN)?;
            outbox.refused = unsent.saturating_add(refused);
        } else {
            self.told(outbox, width)?;
        }
        outbox.events = self.events(BUFFER)?;
        outbox.history = self.events(HISTORY)?;
        outbox.met = self.unsigned()?;
        if format > 1 {
            self.exactly(3)?;
            let events = u32::try_from(self.unsigned()?).map_err(|_| BROKEN)?;
            let [base_loss, learner_loss] = [self.number(Report::MAX_LOSS)?, self.number(Report::MAX_LOSS)?];
            if base_loss < 0.0 || learner_loss < 0.0 {
                return Err(BROKEN);
            }
            outbox.report = Report { events, base_loss, learner_loss };
        }
        Ok(())
    }

    fn told(&mut self, outbox: &mut Outbox, width: usize) -> Result<(), Error> {
        if let Some(pending) = &outbox.pending {
            let delta = Delta::decode(pending).map_err(|_| BROKEN)?;
            if delta.scales.len() != width || delta.seq != outbox.acknowledged + 1 {
                return Err(BROKEN);
            }
        }
        for told in [&mut outbox.told, &mut outbox.underway] {
            *told = Told::of(self.rows(width + BEYOND, f32::MAX)?.iter().map(|(id, row)| (*id, &row[..])));
        }
        outbox.refused = u32::try_from(self.unsigned()?).map_err(|_| BROKEN)?;
        Ok(())
    }

    fn events(&mut self, most: usize) -> Result<Vec<Event>, Error> {
        let count = self.array()?;
        if count > most as u64 {
            return Err(BROKEN);
        }
        let event = |_| {
            self.exactly(4)?;
            let (target, weight) = (self.number(MAX_LABEL)?, self.number(MAX_LABEL)?);
            Ok(Event { features: self.features()?, target, weight })
        };
        (0..count).map(event).collect()
    }

    /// Figures of other models than are configured would be compared with the wrong ones: then they begin anew.
    fn metrics(&mut self, learner: &mut Learner, same_models: bool) -> Result<(), Error> {
        self.exactly(7)?;
        let mut metrics = learner.metrics.clone();
        (metrics.events, metrics.clicks) = (self.unsigned()?, self.unsigned()?);
        let scores = self.array()? as usize;
        let mut read = Vec::new();
        for _ in 0..scores {
            read.push(Score { all: self.tally()?, recent: self.tally()? });
        }
        metrics.slates = SlateScore { slates: self.unsigned()?, hits: self.unsigned()?, ndcg: self.double()? };
        let window = self.array()?;
        if window > WINDOW as u64 || scores == 0 {
            return Err(BROKEN);
        }
        for _ in 0..window {
            let mut odds = self.floats(1 + scores, f32::MAX)?;
            metrics.window.push_back((odds.remove(0), odds));
        }
        if same_models {
            metrics.base = read.remove(0);
            if read.len() != metrics.models.len() {
                return Err(BROKEN);
            }
            metrics.models = read;
            learner.metrics = metrics;
        }
        Ok(())
    }

    fn tally(&mut self) -> Result<Tally, Error> {
        let [weight, loss, correct, predicted] = self.doubles(4, f64::MAX)?[..] else { return Err(BROKEN) };
        Ok(Tally { weight, loss, correct, predicted, bins: self.floats(2 * BINS, f32::MAX)? })
    }

    fn choice(&mut self, learner: &mut Learner, same_models: bool) -> Result<(), Error> {
        self.exactly(8)?;
        let losses = self.any_doubles()?;
        if same_models && losses.len() == learner.hedge.losses.len() {
            learner.hedge.losses = losses;
        }
        learner.gate.events = self.unsigned()?;
        (learner.gate.mean, learner.gate.variance) = (self.double()?, self.double()?);
        learner.gate.closed = self.0.bool().map_err(|_| BROKEN)?;
        let state = self.any_doubles()?;
        if let Some(drift) = &mut learner.drift {
            drift.restore(&state);
        }
        learner.drifts = self.unsigned()?;
        learner.boosted = u32::try_from(self.unsigned()?).map_err(|_| BROKEN)?;
        Ok(())
    }

    /// Slates that were scored by other models than are configured cannot be counted: they make room.
    fn slates(&mut self, learner: &mut Learner, models: usize, same_models: bool) -> Result<(), Error> {
        self.exactly(3)?;
        learner.slates.next = self.unsigned()?.max(1);
        learner.slates.evicted = self.unsigned()?;
        for _ in 0..self.array()? {
            self.exactly(2)?;
            let id = self.unsigned()?;
            let mut shown = Vec::new();
            for _ in 0..self.array()? {
                self.exactly(5)?;
                // No item has an empty id: a held prediction has.
                let item = Some(self.text()?).filter(|item| !item.is_empty()).map(String::from);
                let features = self.features()?;
                let thoughts = self.floats(3 * (1 + models), f32::MAX)?;
                let thought =
                    |[score, moderated, odds]: &[f32; 3]| Thought { score: *score, moderated: *moderated, odds: *odds };
                let thoughts = thoughts.as_chunks::<3>().0.iter().map(thought).collect();
                let target = if self.null()? { None } else { Some(self.number(MAX_LABEL)?) };
                shown.push(Shown { item, features, thoughts, target });
            }
            if same_models {
                learner.slates.insert(id, shown);
            } else {
                learner.slates.evicted += 1;
            }
        }
        Ok(())
    }

    fn features(&mut self) -> Result<Features, Error> {
        let mut lists = [Vec::new(), Vec::new()];
        for list in &mut lists {
            let length = self.array()?;
            if length % 3 != 0 || length > 3 * crate::limits::MAX_FEATURES as u64 {
                return Err(BROKEN);
            }
            for _ in 0..length / 3 {
                let id = self.id()?;
                let value = self.number(crate::limits::MAX_NUMBER as f32)?;
                let group = self.0.u8().map_err(|_| BROKEN)?;
                list.push(Feature { id, value, raw: false, group });
            }
        }
        let [shared, private] = lists;
        Ok(Features::from_parts(shared, private))
    }

    /// Rows by id, each of `width` finite numbers of at most `bound` in magnitude.
    fn rows(&mut self, width: usize, bound: f32) -> Result<Vec<(FeatureId, Vec<f32>)>, Error> {
        let (ids, rest) = self.bytes()?.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(BROKEN);
        }
        let numbers = self.floats(ids.len() * width, bound)?;
        let ids = ids.iter().map(|id| FeatureId(u64::from_le_bytes(*id)));
        Ok(ids.zip(numbers.chunks_exact(width)).map(|(id, row)| (id, row.to_vec())).collect())
    }

    /// As many finite numbers, of at most `bound` in magnitude.
    fn floats(&mut self, length: usize, bound: f32) -> Result<Vec<f32>, Error> {
        let (numbers, rest) = self.bytes()?.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|x| f32::from_le_bytes(*x)).collect();
        let fine = rest.is_empty() && numbers.len() == length && numbers.iter().all(|x| x.abs() <= bound);
        if fine { Ok(numbers) } else { Err(BROKEN) }
    }

    fn doubles(&mut self, length: usize, bound: f64) -> Result<Vec<f64>, Error> {
        let numbers = self.any_doubles()?;
        let fine = numbers.len() == length && numbers.iter().all(|x| x.abs() <= bound);
        if fine { Ok(numbers) } else { Err(BROKEN) }
    }

    /// However many finite numbers.
    fn any_doubles(&mut self) -> Result<Vec<f64>, Error> {
        let (numbers, rest) = self.bytes()?.as_chunks::<8>();
        let numbers: Vec<f64> = numbers.iter().map(|x| f64::from_le_bytes(*x)).collect();
        if rest.is_empty() && numbers.iter().all(|x| x.is_finite()) { Ok(numbers) } else { Err(BROKEN) }
    }

    fn unsigned(&mut self) -> Result<u64, Error> {
        // Counters stay where adding one cannot overflow and a JavaScript number holds them.
        self.0.u64().ok().filter(|x| *x <= 1 << 53).ok_or(BROKEN)
    }

    fn id(&mut self) -> Result<FeatureId, Error> {
        self.0.u64().map(FeatureId).map_err(|_| BROKEN)
    }

    fn double(&mut self) -> Result<f64, Error> {
        self.0.f64().ok().filter(|x| x.is_finite()).ok_or(BROKEN)
    }

    fn number(&mut self, bound: f32) -> Result<f32, Error> {
        self.0.f32().ok().filter(|x| x.abs() <= bound).ok_or(BROKEN)
    }

    fn text(&mut self) -> Result<&'a str, Error> {
        self.0.str().map_err(|_| BROKEN)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Error> {
        self.0.bytes().map_err(|_| BROKEN)
    }

    fn optional_bytes(&mut self) -> Result<Option<&'a [u8]>, Error> {
        if self.null()? { Ok(None) } else { self.bytes().map(Some) }
    }

    /// Reads a null, if one comes.
    fn null(&mut self) -> Result<bool, Error> {
        let null = matches!(self.0.datatype(), Ok(Type::Null));
        if null {
            self.0.null().map_err(|_| BROKEN)?;
        }
        Ok(null)
    }

    fn array(&mut self) -> Result<u64, Error> {
        self.0.array().ok().flatten().ok_or(BROKEN)
    }

    fn exactly(&mut self, length: u64) -> Result<(), Error> {
        if self.array()? == length { Ok(()) } else { Err(BROKEN) }
    }
}
