//! The base: an immutable blob, read in place.
//!
//! The file is a safetensors file, so that numpy, PyTorch and JAX read it:
//!
//! | tensor      | dtype, shape       | holds |
//! |-------------|--------------------|-------|
//! | `ids`       | U64 \[n\]          | feature ids, ascending |
//! | `w`         | F16 \[n\]          | linear weights |
//! | `v`         | F16 or I8 \[n, k\] | factors |
//! | `v_scale`   | F32 \[n\]          | with I8: what a row's numbers are multiplied with |
//! | `names`     | U8 \[bytes\]       | optional: names one after the other, UTF-8 |
//! | `name_ends` | U32 \[n\]          | with `names`: where each name ends |
//!
//! and `__metadata__.brooklet` is the JSON of [`Metadata`].

use crate::{Error, FeatureId, Metadata, Value};
use alloc::sync::Arc;
use alloc::vec;
use core::ops::Range;

/// The longest header that is read.
pub(crate) const MAX_HEADER: usize = 16 << 20;

/// A base blob that was checked. Cloning shares the bytes.
#[derive(Debug, Clone)]
pub struct Base {
    bytes: Arc<[u8]>,
    metadata: Arc<Metadata>,
    rows: usize,
    ids: Range<usize>,
    w: Range<usize>,
    v: Range<usize>,
    /// Present if `v` is int8.
    v_scale: Option<Range<usize>>,
    names: Option<(Range<usize>, Range<usize>)>,
    /// Where each bucket of ids starts, see [`Base::bucket`].
    starts: Arc<[u32]>,
}

impl Base {
    /// Checks the bytes in the order length, header, bounds, content, and keeps them.
    pub fn read(bytes: impl Into<Arc<[u8]>>) -> Result<Base, Error> {
        Base::read_shared(bytes.into())
    }

    fn read_shared(bytes: Arc<[u8]>) -> Result<Base, Error> {
        let header_length = bytes.first_chunk::<8>().ok_or(Error::BadBase("it is shorter than 8 bytes"))?;
        let header_length = usize::try_from(u64::from_le_bytes(*header_length)).unwrap_or(usize::MAX);
        if header_length > MAX_HEADER || header_length > bytes.len() - 8 {
            return Err(Error::BadBase("its header is longer than the file, or than 16 MiB"));
        }
        let data = 8 + header_length;
        let header = core::str::from_utf8(&bytes[8..data]).map_err(|_| Error::BadBase("its header is not UTF-8"))?;
        let header = Value::parse(header).map_err(|_| Error::BadBase("its header is not JSON"))?;
        let metadata = header
            .field("__metadata__")
            .and_then(|m| m.field("brooklet"))
            .and_then(Value::as_str)
            .ok_or(Error::BadBase("it has no brooklet metadata"))?;
        let metadata = Metadata::parse(metadata)?;

        let tensor = |name: &str| Tensor::find(&header, name, data, bytes.len());
        let ids = tensor("ids")?.ok_or(Error::BadBase("it has no tensor `ids`"))?;
        let rows = ids.shape.0;
        let k = metadata.factors;
        let ids = ids.expect("U64", 8, (rows, 1))?;
        let w = tensor("w")?.ok_or(Error::BadBase("it has no tensor `w`"))?.expect("F16", 2, (rows, 1))?;
        let v = tensor("v")?.ok_or(Error::BadBase("it has no tensor `v`"))?;
        let (v, v_scale) = if v.dtype == "I8" {
            let scale = tensor("v_scale")?.ok_or(Error::BadBase("it has no tensor `v_scale`"))?;
            (v.expect("I8", 1, (rows, k))?, Some(scale.expect("F32", 4, (rows, 1))?))
        } else {
            (v.expect("F16", 2, (rows, k))?, None)
        };
        let names = match (tensor("names")?, tensor("name_ends")?) {
            (Some(names), Some(ends)) => {
                let length = names.shape.0;
                Some((names.expect("U8", 1, (length, 1))?, ends.expect("U32", 4, (rows, 1))?))
            }
            (None, None) => None,
            _ => return Err(Error::BadBase("`names` and `name_ends` go together")),
        };
        let mut base =
            Base { bytes, metadata: Arc::new(metadata), rows, ids, w, v, v_scale, names, starts: Arc::default() };
        base.check()?;
        base.starts = base.buckets();
        Ok(base)
    }

    /// What the base says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// How its factors are stored.
    #[cfg(feature = "write")]
    pub fn precision(&self) -> crate::Precision {
        if self.v_scale.is_some() { crate::Precision::Int8 } else { crate::Precision::F16 }
    }

    /// The blob.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The 64-bit xxh3 of the blob, to know a base by.
    pub fn digest(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.bytes)
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Numbers in a row: 1 + k.
    pub fn width(&self) -> usize {
        1 + self.metadata.factors
    }

    /// The id of row `i < len`.
    pub fn id(&self, i: usize) -> FeatureId {
        FeatureId(u64::from_le_bytes(self.at(&self.ids, i)))
    }

    /// The name of row `i < len`, if the file carries names.
    pub fn name(&self, i: usize) -> Option<&str> {
        let (names, _) = self.names.as_ref()?;
        let start = if i == 0 { 0 } else { self.name_end(i - 1)? };
        core::str::from_utf8(&self.bytes[names.start + start..names.start + self.name_end(i)?]).ok()
    }

    /// Where the row of a feature is: by binary search in its bucket, which holds one row on average.
    pub fn find(&self, id: FeatureId) -> Option<usize> {
        let bucket = self.bucket(id);
        let (mut low, mut high) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        while low < high {
            let middle = low.midpoint(high);
            match self.id(middle).cmp(&id) {
                core::cmp::Ordering::Equal => return Some(middle),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Dequantises row `i < len` into `row`, 1 + k long: w, then v.
    pub fn row_into(&self, i: usize, row: &mut [f32]) {
        row[0] = half(self.at(&self.w, i));
        let k = self.metadata.factors;
        match &self.v_scale {
            None => {
                let bytes = &self.bytes[self.v.start + 2 * k * i..self.v.start + 2 * k * (i + 1)];
                for (x, pair) in row[1..].iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *x = half(*pair);
                }
            }
            Some(scale) => {
                let scale = f32::from_le_bytes(self.at(scale, i));
                let bytes = &self.bytes[self.v.start + k * i..self.v.start + k * (i + 1)];
                for (x, byte) in row[1..].iter_mut().zip(bytes) {
                    *x = f32::from(*byte as i8) * scale;
                }
            }
        }
    }

    /// Element `i` of a tensor whose elements have `N` bytes.
    fn at<const N: usize>(&self, tensor: &Range<usize>, i: usize) -> [u8; N] {
        let mut element = [0; N];
        element.copy_from_slice(&self.bytes[tensor.start + N * i..tensor.start + N * (i + 1)]);
        element
    }

    /// Ids are hashes, so their first bits spread them evenly over as many buckets as there are rows, to a power of two.
    fn bucket(&self, id: FeatureId) -> usize {
        let bits = self.rows.checked_ilog2().unwrap_or(0);
        id.0.checked_shr(64 - bits).unwrap_or(0) as usize
    }

    /// Where each bucket starts, and the end of the last.
    fn buckets(&self) -> Arc<[u32]> {
        let buckets = 1usize << self.rows.checked_ilog2().unwrap_or(0);
        let mut starts = vec![0u32; buckets + 1];
        for i in 0..self.rows {
            starts[self.bucket(self.id(i)) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        starts.into()
    }

    fn name_end(&self, i: usize) -> Option<usize> {
        let (_, ends) = self.names.as_ref()?;
        Some(u32::from_le_bytes(self.at(ends, i)) as usize)
    }

    fn check(&self) -> Result<(), Error> {
        if (1..self.rows).any(|i| self.id(i - 1) >= self.id(i)) {
            return Err(Error::BadBase("its ids do not ascend"));
        }
        // The exponent's bits are all ones in infinities and NaNs alone.
        let finite = |tensor: &Range<usize>| {
            self.bytes[tensor.clone()].as_chunks::<2>().0.iter().all(|x| u16::from_le_bytes(*x) & 0x7c00 != 0x7c00)
        };
        if !finite(&self.w) || (self.v_scale.is_none() && !finite(&self.v)) {
            return Err(Error::BadBase("a weight is not finite"));
        }
        if let Some(scale) = &self.v_scale {
            let bounded = |i| f32::from_le_bytes(self.at(scale, i)).abs() <= crate::learner::MAX_WEIGHT;
            if !(0..self.rows).all(bounded) {
                return Err(Error::BadBase("a scale is not finite"));
            }
        }
        if let Some((names, _)) = &self.names {
            let mut start = 0;
            for i in 0..self.rows {
                // `names` exist, so every end does.
                let end = self.name_end(i).unwrap_or(0);
                let name =
                    (start <= end && end <= names.len()).then(|| &self.bytes[names.start + start..names.start + end]);
                if name.is_none_or(|name| core::str::from_utf8(name).is_err()) {
                    return Err(Error::BadBase("its names are broken"));
                }
                start = end;
            }
        }
        Ok(())
    }
}

/// A finite f16 as an f32. Its exponent is rebased by a multiplication, which serves the subnormal ones too, without a branch.
fn half(bytes: [u8; 2]) -> f32 {
    const REBASE: f32 = f32::from_bits((127 + 112) << 23);
    let bits = u32::from(u16::from_le_bytes(bytes));
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * REBASE;
    f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16)
}

/// A tensor of the header whose bounds were checked against the file.
struct Tensor<'a> {
    dtype: &'a str,
    /// Rows and columns; a vector has one column.
    shape: (usize, usize),
    range: Range<usize>,
}

impl<'a> Tensor<'a> {
    fn find(header: &'a Value, name: &str, data: usize, length: usize) -> Result<Option<Tensor<'a>>, Error> {
        const BROKEN: Error = Error::BadBase("a tensor's description is broken");
        let Some(tensor) = header.field(name) else {
            return Ok(None);
        };
        let whole = |value: &Value| {
            let number = value.as_number()?;
            (number >= 0.0 && number <= length as f64 && number as usize as f64 == number).then_some(number as usize)
        };
        let numbers = |key| tensor.field(key).and_then(Value::as_array).ok_or(BROKEN);
        let shape = match numbers("shape")? {
            [rows] => (whole(rows).ok_or(BROKEN)?, 1),
            [rows, columns] => (whole(rows).ok_or(BROKEN)?, whole(columns).ok_or(BROKEN)?),
            _ => return Err(BROKEN),
        };
        let [start, end] = numbers("data_offsets")? else {
            return Err(BROKEN);
        };
        let (start, end) = (whole(start).ok_or(BROKEN)?, whole(end).ok_or(BROKEN)?);
        if start > end || end > length - data {
            return Err(Error::BadBase("a tensor lies outside of the file"));
        }
        let dtype = tensor.field("dtype").and_then(Value::as_str).ok_or(BROKEN)?;
        Ok(Some(Tensor { dtype, shape, range: data + start..data + end }))
    }

    /// The bytes, if they hold elements of this type in this shape.
    fn expect(self, dtype: &str, size: usize, shape: (usize, usize)) -> Result<Range<usize>, Error> {
        let bytes = shape.0.checked_mul(shape.1).and_then(|n| n.checked_mul(size));
        if self.dtype != dtype || self.shape != shape || bytes != Some(self.range.len()) {
            return Err(Error::BadBase("a tensor has another type or shape than the format says"));
        }
        Ok(self.range)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_finite_half_is_read_as_the_library_reads_it() {
        for bits in (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00) {
            let ours = super::half(bits.to_le_bytes());
            assert_eq!(ours.to_bits(), half::f16::from_bits(bits).to_f32().to_bits(), "{bits:#x}");
        }
    }
}
