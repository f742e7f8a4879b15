//! What is known of all events together, so that nobody has to go over them to know it.

use super::batch::Shape;
use super::codec::{Decoder, Encoder};
use super::interner::Interner;
use super::occasions::Occasions;
use super::side::SideTable;
use crate::error::Result;
use std::sync::Arc;

/// What is known of all events together.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) shape: Shape,
    pub(crate) users: Arc<Interner>,
    pub(crate) items: Arc<Interner>,
    pub(crate) rows: usize,
    /// Events of each user.
    pub(crate) counts: Vec<u32>,
    /// The least and the largest label.
    pub(crate) labels: (f32, f32),
    /// Whether there are others between them: ratings, and no clicks and skips.
    pub(crate) graded: bool,
    /// Sum of the weights, and of the targets, each with its weight.
    pub(crate) weights: f64,
    pub(crate) targets: f64,
    /// What the events themselves told of the fields of items.
    pub(crate) item_fields: SideTable,
    /// Users in contexts.
    pub(crate) occasions: Arc<Occasions>,
    /// Rows that were left out because they are bad.
    pub(crate) bad: u64,
}

impl Summary {
    /// Of nothing yet.
    pub(super) fn new() -> Summary {
        Summary { labels: (f32::MAX, f32::MIN), ..Summary::default() }
    }

    pub(super) fn add(&mut self, label: f32, target: f32, weight: f32) {
        let (least, most) = self.labels;
        // A third label stands between two, or beyond them.
        self.graded |= least < most && label != least && label != most;
        self.labels = (least.min(label), most.max(label));
        self.weights += f64::from(weight);
        self.targets += f64::from(weight * target);
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        let Summary {
            shape,
            users,
            items,
            rows,
            counts,
            labels,
            graded,
            weights,
            targets,
            item_fields,
            occasions,
            bad,
        } = self;
        to.number(shape.bits());
        to.number(*rows as u64);
        to.number(*bad);
        to.number(labels.0.to_bits().into());
        to.number(labels.1.to_bits().into());
        to.number((*graded).into());
        to.number(weights.to_bits());
        to.number(targets.to_bits());
        to.texts(users.names());
        to.texts(items.names());
        counts.iter().for_each(|&count| to.number(count.into()));
        item_fields.encode(to);
        occasions.encode(to);
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Summary> {
        let shape = Shape::of_bits(from.number()?);
        let (rows, bad) = (from.number()? as usize, from.number()?);
        let labels = (f32::from_bits(from.number()? as u32), f32::from_bits(from.number()? as u32));
        let graded = from.number()? != 0;
        let (weights, targets) = (f64::from_bits(from.number()?), f64::from_bits(from.number()?));
        let (users, items) = (Arc::new(from.interner()?), Arc::new(from.interner()?));

        let counts = (0..users.len()).map(|_| Ok(from.number()? as u32)).collect::<Result<_>>()?;
        let item_fields = SideTable::decode(from)?;
        let occasions = Arc::new(Occasions::decode(from)?);
        Ok(Summary { shape, users, items, rows, counts, labels, graded, weights, targets, item_fields, occasions, bad })
    }
}
