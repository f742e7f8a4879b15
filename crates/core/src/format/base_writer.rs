//! Encoding a base, which a trainer and the central endpoint do and a browser never: it stands apart so that a browser need not
//! download it.

use crate::error::{Error, Fault};
use crate::format::base::{Base, Precision};
use crate::format::evidence::Evidence;
use crate::format::metadata::{Metadata, Steps};
use crate::input::feature::FeatureId;
use crate::input::place::shown_number;
use crate::limits::MAX_WEIGHT;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use safetensors::{Dtype, View};

/// Rows by feature, in any order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// n ids, none twice.
    pub ids: Vec<FeatureId>,
    /// n rows of 1 + k numbers: w, then v.
    pub rows: Vec<f32>,
    /// n rows of c + 1 numbers that the whole catalogue is ranked by, where the metadata say that it is.
    pub catalogue: Option<Vec<f32>>,
    /// n names, for people to read.
    pub names: Option<Vec<String>>,
    /// What each of the n rows was learnt from, where it is known.
    pub evidence: Option<Vec<Evidence>>,
}

impl Rows {
    /// Those of a base, dequantised.
    pub fn of(base: &Base) -> Rows {
        let (n, width) = (base.len(), base.width());
        let mut rows = vec![0.0; n * width];
        for (i, row) in (0..n).zip(rows.chunks_exact_mut(width)) {
            base.row_into(i, row);
        }
        let names = (0..n).map(|i| base.name(i).map(String::from)).collect();
        let c = base.catalogue_width();
        let mut catalogue = vec![0.0; n * c];
        (0..n).zip(catalogue.chunks_exact_mut(c.max(1))).for_each(|(i, row)| base.catalogue_into(i, row));
        Rows {
            ids: (0..n).map(|i| base.id(i)).collect(),
            rows,
            catalogue: (c > 0).then_some(catalogue),
            names,
            evidence: (0..n).map(|i| base.evidence(i)).collect(),
        }
    }
}

/// Writes a base blob. Equal input gives equal bytes.
pub fn encode_base(metadata: &Metadata, rows: &Rows, precision: Precision) -> Result<Vec<u8>, Error> {
    if precision == Precision::Steps {
        let steps = metadata.steps.clone().map_or_else(|| Steps::of(metadata, rows), |steps| steps.fitting(rows));
        let mut rows = rows.clone();
        steps.round(&mut rows);
        return encode(&Metadata { steps: Some(steps), ..metadata.clone() }, &rows, Precision::F16);
    }
    encode(&Metadata { steps: None, ..metadata.clone() }, rows, precision)
}

fn encode(metadata: &Metadata, rows: &Rows, precision: Precision) -> Result<Vec<u8>, Error> {
    metadata.check()?;
    let (n, width) = (rows.ids.len(), 1 + metadata.factors);
    let lengths = [rows.names.as_ref().map(Vec::len), rows.evidence.as_ref().map(Vec::len)];
    if rows.rows.len() != n * width || lengths.iter().flatten().any(|length| *length != n) {
        return Err(bad("rows", "rows, ids, names and evidence of one length", "other lengths"));
    }
    let c = metadata.catalogue.as_ref().map(|prior| prior.mean.len() + 1);
    if c.map(|c| c * n) != rows.catalogue.as_ref().map(Vec::len) {
        return Err(bad("catalogue", "c + 1 numbers a row, with a prior of c in the metadata", "other lengths"));
    }
    let ranked = rows.catalogue.as_deref().unwrap_or_default();
    for (path, numbers) in [("rows", &*rows.rows), ("catalogue", ranked)] {
        // Written so that NaN is refused as well.
        if let Some(at) = numbers.iter().position(|x| !(-MAX_WEIGHT..=MAX_WEIGHT).contains(x)) {
            let found = shown_number(numbers[at].into());
            return Err(Error::BadBase(Fault::at(path, at, "a number from -10000 to 10000", found)));
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by_key(|&i| rows.ids[i]);
    if let Some(pair) = order.windows(2).find(|pair| rows.ids[pair[0]] == rows.ids[pair[1]]) {
        return Err(Error::BadBase(Fault::at("ids", pair[1], "an id of its own", "one that stands twice".into())));
    }

    let half = |x: f32| half::f16::from_f32(x).to_le_bytes();
    let mut ids = Vec::with_capacity(8 * n);
    let mut w = Vec::with_capacity(2 * n);
    for &i in &order {
        ids.extend_from_slice(&rows.ids[i].0.to_le_bytes());
        w.extend_from_slice(&half(rows.rows[i * width]));
    }
    let mut tensors = Vec::from([
        ("ids", Tensor { dtype: Dtype::U64, shape: [n, 1], dimensions: 1, bytes: ids }),
        ("w", Tensor { dtype: Dtype::F16, shape: [n, 1], dimensions: 1, bytes: w }),
    ]);
    // The numbers of rows from `first` on.
    let mut table = |names: [&'static str; 2], rows: &[f32], first: usize, width: usize| {
        let columns = width - first;
        let (mut numbers, mut scales) = (Vec::with_capacity(2 * n * columns), Vec::new());
        for &i in &order {
            let row = &rows[i * width + first..(i + 1) * width];
            match precision {
                Precision::F16 | Precision::Steps => row.iter().for_each(|x| numbers.extend_from_slice(&half(*x))),
                Precision::Int8 => {
                    let scale = row.iter().fold(0f32, |max, x| max.max(x.abs())) / 127.0;
                    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
                    let eighth = |x: &f32| libm::rintf(x * inverse).clamp(-127.0, 127.0) as i8 as u8;
                    numbers.extend(row.iter().map(eighth));
                    scales.extend_from_slice(&scale.to_le_bytes());
                }
            }
        }
        let dtype = if precision == Precision::Int8 { Dtype::I8 } else { Dtype::F16 };
        tensors.push((names[0], Tensor { dtype, shape: [n, columns], dimensions: 2, bytes: numbers }));
        if precision == Precision::Int8 {
            tensors.push((names[1], Tensor { dtype: Dtype::F32, shape: [n, 1], dimensions: 1, bytes: scales }));
        }
    };
    table(["v", "v_scale"], &rows.rows, 1, width);
    if let Some(c) = c {
        table(["catalogue", "catalogue_scale"], ranked, 0, c);
    }
    if let Some(evidence) = &rows.evidence {
        let bytes = order.iter().map(|&i| evidence[i].0).collect();
        tensors.push(("evidence", Tensor { dtype: Dtype::U8, shape: [n, 1], dimensions: 1, bytes }));
    }
    if let Some(names) = &rows.names {
        let mut text = Vec::new();
        let mut ends = Vec::with_capacity(4 * n);
        for &i in &order {
            text.extend_from_slice(names[i].as_bytes());
            let end = u32::try_from(text.len()).map_err(|_| bad("names", "at most 4 GiB", "more"))?;
            ends.extend_from_slice(&end.to_le_bytes());
        }
        tensors.push(("names", Tensor { dtype: Dtype::U8, shape: [text.len(), 1], dimensions: 1, bytes: text }));
        tensors.push(("name_ends", Tensor { dtype: Dtype::U32, shape: [n, 1], dimensions: 1, bytes: ends }));
    }
    serialize(tensors, metadata).ok_or_else(|| bad("the file", "what safetensors can hold", "more"))
}

fn bad(path: &'static str, expected: &'static str, found: &'static str) -> Error {
    Error::BadBase(Fault::of(path, expected, found.into()))
}

/// One tensor of a safetensors file.
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: [usize; 2],
    /// How many of the shape's numbers count.
    pub(crate) dimensions: usize,
    pub(crate) bytes: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape[..self.dimensions]
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

pub(crate) fn serialize(tensors: Vec<(&str, Tensor)>, metadata: &Metadata) -> Option<Vec<u8>> {
    let metadata = core::iter::once((String::from("brooklet"), metadata.to_json())).collect();
    safetensors::serialize(tensors, Some(metadata)).ok()
}
