//! Some rows by column: what is decoded of a block.

use crate::input::Columns;

/// Rows by column, users and items by their numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Batch {
    pub(crate) user: Vec<u32>,
    pub(crate) item: Vec<u32>,
    /// What the model learns to predict: the label itself, 0 or 1, or a grade between.
    pub(crate) target: Vec<f32>,
    /// Empty if every row weighs 1.
    pub(crate) weight: Vec<f32>,
    /// As in the file.
    pub(crate) label: Vec<f32>,
    /// Empty if the order of the rows is the order of time.
    pub(crate) time: Vec<f64>,
    /// By number; empty if nothing tells the slates.
    pub(crate) slate: Vec<u32>,
    /// On the slate, counted from 1; empty if nothing tells the places.
    pub(crate) place: Vec<u32>,
    /// With which the item was chosen for its place; empty if nothing tells it.
    pub(crate) propensity: Vec<f32>,
    /// A user in a context, by number; empty if nothing tells contexts.
    pub(crate) occasion: Vec<u32>,
}

/// The columns that a store may lack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) weight: bool,
    pub(crate) time: bool,
    pub(crate) slate: bool,
    pub(crate) place: bool,
    pub(crate) propensity: bool,
    pub(crate) context: bool,
}

impl Shape {
    /// Of rows that have what the columns name.
    pub(crate) fn of(columns: &Columns) -> Shape {
        let Columns { time, weight, slate, place, propensity, context, .. } = columns;
        Shape {
            weight: weight.is_some(),
            time: time.is_some(),
            slate: slate.is_some(),
            place: place.is_some(),
            propensity: propensity.is_some(),
            context: !context.is_empty(),
        }
    }

    pub(crate) fn bits(self) -> u64 {
        let Shape { weight, time, slate, place, propensity, context } = self;
        [weight, time, slate, place, propensity, context]
            .into_iter()
            .rev()
            .fold(0, |bits, bit| bits << 1 | u64::from(bit))
    }

    pub(crate) fn of_bits(bits: u64) -> Shape {
        let bit = |n: u64| bits >> n & 1 != 0;
        Shape { weight: bit(0), time: bit(1), slate: bit(2), place: bit(3), propensity: bit(4), context: bit(5) }
    }

    /// Bytes of a row that are read in training: they come first in a block.
    pub(crate) fn learnt_bytes(self) -> usize {
        12 + 4 * usize::from(self.weight) + 4 * usize::from(self.context)
    }

    pub(crate) fn row_bytes(self) -> usize {
        let impression = [self.slate, self.place, self.propensity].map(usize::from).iter().sum::<usize>();
        self.learnt_bytes() + 4 + 8 * usize::from(self.time) + 4 * impression
    }
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.user.len()
    }

    pub(crate) fn clear(&mut self) {
        let Batch { user, item, target, weight, label, time, slate, place, propensity, occasion } = self;
        [user, item, slate, place, occasion].into_iter().for_each(Vec::clear);
        [target, weight, label, propensity].into_iter().for_each(Vec::clear);
        time.clear();
    }

    /// Adds a row of another batch.
    pub(crate) fn push_row(&mut self, of: &Batch, row: usize) {
        self.user.push(of.user[row]);
        self.item.push(of.item[row]);
        self.target.push(of.target[row]);
        self.weight.extend(of.weight.get(row));
        self.label.push(of.label[row]);
        self.time.extend(of.time.get(row));
        self.slate.extend(of.slate.get(row));
        self.place.extend(of.place.get(row));
        self.propensity.extend(of.propensity.get(row));
        self.occasion.extend(of.occasion.get(row));
    }

    /// Column by column, little-endian.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.clear();
        let Batch { user, item, target, weight, label, time, slate, place, propensity, occasion } = self;
        [user, item, occasion].into_iter().flatten().for_each(|x| bytes.extend(x.to_le_bytes()));
        [target, weight, label].into_iter().flatten().for_each(|x| bytes.extend(x.to_le_bytes()));
        time.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        [slate, place].into_iter().flatten().for_each(|x| bytes.extend(x.to_le_bytes()));
        propensity.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
    }

    /// Adds the rows of a block, or of its first bytes: columns that these do not reach stay as they are.
    pub(crate) fn decode(&mut self, bytes: &[u8], rows: usize, shape: Shape) {
        let mut rest = bytes;
        let mut column = |wanted: bool, width: usize| -> &[u8] {
            let bytes = if wanted { rows * width } else { 0 };
            let (column, behind) = rest.split_at(bytes.min(rest.len()));
            rest = behind;
            column
        };
        let whole = |bytes: &[u8]| -> Vec<u32> { bytes.as_chunks().0.iter().map(|&x| u32::from_le_bytes(x)).collect() };
        self.user.extend(whole(column(true, 4)));
        self.item.extend(whole(column(true, 4)));
        self.occasion.extend(whole(column(shape.context, 4)));
        for (numbers, wanted) in [(&mut self.target, true), (&mut self.weight, shape.weight), (&mut self.label, true)] {
            numbers.extend(column(wanted, 4).as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)));
        }
        self.time.extend(column(shape.time, 8).as_chunks().0.iter().map(|&x| f64::from_le_bytes(x)));
        self.slate.extend(whole(column(shape.slate, 4)));
        self.place.extend(whole(column(shape.place, 4)));
        let propensity = column(shape.propensity, 4);
        self.propensity.extend(propensity.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)));
    }
}
