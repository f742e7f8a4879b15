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
//! | `catalogue` | F16 or I8 \[n, c + 1\] | with `catalogue` in the metadata: what the whole catalogue is ranked by, and last what popularity adds |
//! | `catalogue_scale` | F32 \[n\]    | with I8, as `v_scale` |
//! | `evidence`  | U8 \[n\]          | optional: what each row was learnt from, see [`Evidence`](crate::Evidence) |
//! | `names`     | U8 \[bytes\]       | optional: names one after the other, UTF-8 |
//! | `name_ends` | U32 \[n\]          | with `names`: where each name ends |
//!
//! and `__metadata__.brooklet` is the JSON of [`Metadata`].
//!
//! That is format 1, in which seeds are kept and handed about. What browsers download is [`compact`](crate::format::compact), format 2; both are read.

use crate::error::{Error, Fault};
use crate::format::compact::{self, Layout};
use crate::format::metadata::Metadata;
use crate::input::feature::FeatureId;
use crate::input::place::{Bounds, Faults, Place, parsed, shown_number};
use crate::input::value::Value;
use crate::limits::MAX_HEADER;
use crate::maths::lanes::{LANES, narrow};
use crate::names::names;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// How the factors are stored; linear weights are always f16.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// Two bytes a number.
    #[default]
    F16,
    /// One byte a number and four a row.
    Int8,
    /// As f16, but whole multiples of a step for each column, which browsers are sent in a byte: see [`compact`].
    Steps,
}

names!(Precision, "precision": F16 = "f16", Int8 = "int8", Steps = "steps");

/// A base blob that was checked. Cloning shares the bytes.
#[derive(Debug, Clone)]
pub struct Base {
    bytes: Arc<[u8]>,
    /// Where the tensors lie: the blob itself, or what was made of a compact one.
    data: Arc<[u8]>,
    metadata: Arc<Metadata>,
    rows: usize,
    ids: Range<usize>,
    /// The bits that ids are known by.
    mask: u64,
    w: Table,
    v: Table,
    catalogue: Option<Table>,
    evidence: Option<Range<usize>>,
    names: Option<(Range<usize>, Range<usize>)>,
    /// Where each bucket of ids starts, see [`Base::bucket`].
    starts: Arc<[u32]>,
}

impl Base {
    /// Checks the bytes in the order length, header, bounds, content, and keeps them.
    pub fn decode(bytes: impl Into<Arc<[u8]>>) -> Result<Base, Error> {
        Base::decode_shared(bytes.into())
    }

    fn decode_shared(bytes: Arc<[u8]>) -> Result<Base, Error> {
        if bytes.starts_with(compact::MAGIC) {
            return Base::decode_compact(bytes);
        }
        let length = bytes.len();
        let file = |expected, found: &'static str| Error::BadBase(Fault::of("the file", expected, found.into()));
        let Some(header_length) = bytes.first_chunk::<8>() else {
            return Err(file("8 bytes that say how long its header is", "a shorter one"));
        };
        let header_length = usize::try_from(u64::from_le_bytes(*header_length)).unwrap_or(usize::MAX);
        if header_length > MAX_HEADER || header_length > length - 8 {
            return Err(file("a header within it, of at most 16 MiB", "a longer one"));
        }
        let data = 8 + header_length;
        let header = core::str::from_utf8(&bytes[8..data]).map_err(|_| file("a header of UTF-8", "other bytes"))?;
        let header = parsed("the header", header).map_err(Error::BadBase)?;
        let faults = Faults::default();
        let root = Place::root("the header", &header, &faults);
        let metadata = root.field("__metadata__");
        let metadata = metadata.field("brooklet");
        let text = metadata.text("the text of its metadata");
        faults.none().map_err(Error::BadBase)?;
        let metadata = Metadata::parse(text)?;
        let mut base = Base::of(metadata, &header, data, bytes).map_err(Error::BadBase)?;
        base.starts = base.buckets();
        Ok(base)
    }

    /// Finds the tensors, which lie behind the first `data` bytes, and checks what they hold.
    fn of(metadata: Metadata, header: &Value, data: usize, bytes: Arc<[u8]>) -> Result<Base, Fault> {
        let faults = Faults::default();
        let tensor = |path| Entry::find(header, path, data..bytes.len(), &faults);
        let (ids, w, v, names, ends) = (tensor(IDS), tensor(W), tensor(V), tensor(NAMES), tensor(NAME_ENDS));
        let (rows, k) = (ids.rows(), metadata.factors);
        let ids = ids.expect("U64", 8, rows, 1);
        let w = Table { numbers: w.expect("F16", 2, rows, 1), scale: Scale::Half, columns: 1 };
        let v = Table::find(v, || tensor(V_SCALE), rows, k);
        let catalogue = metadata.catalogue.as_ref();
        let catalogue = catalogue
            .map(|prior| Table::find(tensor(CATALOGUE), || tensor(CATALOGUE_SCALE), rows, prior.mean.len() + 1));
        let evidence = tensor(EVIDENCE);
        let evidence = (!evidence.is_absent()).then(|| evidence.expect("U8", 1, rows, 1));
        let named = !(names.is_absent() && ends.is_absent());
        let names = named.then(|| (names.expect("U8", 1, names.rows(), 1), ends.expect("U32", 4, rows, 1)));
        faults.none()?;
        let base = Base {
            data: bytes.clone(),
            bytes,
            metadata: Arc::new(metadata),
            rows,
            ids,
            mask: u64::MAX,
            w,
            v,
            catalogue,
            evidence,
            names,
            starts: Arc::default(),
        };
        base.check()?;
        Ok(base)
    }

    /// Of a compact blob: rows line by line, so that one is read in one place.
    fn decode_compact(bytes: Arc<[u8]>) -> Result<Base, Error> {
        let (layout, metadata) = Layout::of(&bytes)?;
        let (rows, width) = (layout.rows, 1 + metadata.factors);
        let steps = metadata.steps.iter().flat_map(|steps| [&*steps.rows, &*steps.catalogue].concat());
        let steps: Vec<f32> = steps.collect();
        let ids = layout.ids(&bytes).map_err(Error::BadBase)?;
        let mut data: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        let mut table = |columns: Range<usize>| {
            let from = layout.numbers.start;
            let start = data.len();
            let numbers = from + rows * columns.start..from + rows * columns.end;
            data.extend(compact::transposed(&bytes[numbers], rows));
            let (scale, columns) = (Scale::Columns(steps[columns.clone()].into()), columns.len());
            Table { numbers: start..data.len(), scale, columns }
        };
        let (w, v) = (table(0..1), table(1..width));
        let catalogue = metadata.catalogue.is_some().then(|| table(width..steps.len()));
        let mut base = Base {
            bytes,
            data: data.into(),
            metadata: Arc::new(metadata),
            rows,
            ids: 0..8 * rows,
            mask: compact::mask(layout.bits),
            w,
            v,
            catalogue,
            evidence: None,
            names: None,
            starts: Arc::default(),
        };
        base.starts = base.buckets();
        Ok(base)
    }

    /// What the base says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// How its factors are stored.
    pub fn precision(&self) -> Precision {
        match (&self.v.scale, &self.metadata.steps) {
            (Scale::Rows(_), _) => Precision::Int8,
            (Scale::Half, None) => Precision::F16,
            _ => Precision::Steps,
        }
    }

    /// Whether the blob is a compact one, which has no name, and of ids the first bits alone.
    pub fn is_compact(&self) -> bool {
        self.bytes.starts_with(compact::MAGIC)
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

    /// The id of row `i < len`; of a compact base its first bits, and zeros behind them.
    pub fn id(&self, i: usize) -> FeatureId {
        FeatureId(u64::from_le_bytes(self.at(&self.ids, i)))
    }

    /// What row `i` was learnt from in training, if the base says.
    pub fn evidence(&self, i: usize) -> Option<crate::format::evidence::Evidence> {
        Some(crate::format::evidence::Evidence(self.data[self.evidence.as_ref()?.start + i]))
    }

    /// The name of row `i < len`, if the file carries names.
    pub fn name(&self, i: usize) -> Option<&str> {
        let (names, _) = self.names.as_ref()?;
        let start = if i == 0 { 0 } else { self.name_end(i - 1)? };
        core::str::from_utf8(&self.data[names.start + start..names.start + self.name_end(i)?]).ok()
    }

    /// Where the row of a feature is: by binary search in its bucket, which holds one row on average.
    pub fn find(&self, id: FeatureId) -> Option<usize> {
        let id = FeatureId(id.0 & self.mask);
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
        self.read(&self.w, i, &mut row[..1]);
        self.read(&self.v, i, &mut row[1..]);
    }

    /// Numbers of a row by which the whole catalogue is ranked: c + 1, or none.
    pub fn catalogue_width(&self) -> usize {
        self.catalogue.as_ref().map_or(0, |table| table.columns)
    }

    /// Dequantises what row `i < len` has for ranking the whole catalogue into `row`, [`catalogue_width`](Base::catalogue_width) long:
    /// c numbers, then what popularity adds.
    pub fn catalogue_into(&self, i: usize, row: &mut [f32]) {
        if let Some(table) = &self.catalogue {
            self.read(table, i, row);
        }
    }

    fn read(&self, table: &Table, i: usize, row: &mut [f32]) {
        let Table { numbers, scale, columns } = table;
        let bytes = &self.data[numbers.clone()];
        let eighth = |byte: &u8| f32::from(*byte as i8);
        let (lanes, rest) = row.as_chunks_mut::<LANES>();
        match scale {
            Scale::Half => {
                let pairs = row_of(bytes, 2 * columns, i).as_chunks::<2>().0;
                let (fours, last) = pairs.as_chunks::<LANES>();
                for (lane, [a, b, c, d]) in lanes.iter_mut().zip(fours) {
                    *lane = [half(*a), half(*b), half(*c), half(*d)];
                }
                rest.iter_mut().zip(last).for_each(|(x, pair)| *x = half(*pair));
            }
            Scale::Rows(scale) => {
                let scale = f32::from_le_bytes(self.at(scale, i));
                row.iter_mut().zip(row_of(bytes, *columns, i)).for_each(|(x, byte)| *x = eighth(byte) * scale);
            }
            Scale::Columns(steps) => {
                let (fours, last) = row_of(bytes, *columns, i).as_chunks::<LANES>();
                let (steps, last_steps) = steps.as_chunks::<LANES>();
                for ((lane, [a, b, c, d]), steps) in lanes.iter_mut().zip(fours).zip(steps) {
                    *lane = (narrow(&[eighth(a), eighth(b), eighth(c), eighth(d)]) * narrow(steps)).to_array();
                }
                rest.iter_mut().zip(last.iter().zip(last_steps)).for_each(|(x, (byte, step))| *x = eighth(byte) * step);
            }
        }
    }

    /// Element `i` of a tensor whose elements have `N` bytes.
    fn at<const N: usize>(&self, tensor: &Range<usize>, i: usize) -> [u8; N] {
        let mut element = [0; N];
        element.copy_from_slice(&self.data[tensor.start + N * i..tensor.start + N * (i + 1)]);
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

    fn check(&self) -> Result<(), Fault> {
        if let Some(at) = (1..self.rows).find(|i| self.id(i - 1) >= self.id(*i)) {
            return Err(Fault::at(IDS, at, "an id above the one before", "one that is not".into()));
        }
        // The exponent's bits are all ones in infinities and NaNs alone.
        let infinite = |tensor: &Range<usize>| {
            let numbers = self.data[tensor.clone()].as_chunks::<2>().0;
            numbers.iter().position(|x| u16::from_le_bytes(*x) & 0x7c00 == 0x7c00)
        };
        let tables = [
            (W, "", Some(&self.w)),
            (V, V_SCALE, Some(&self.v)),
            (CATALOGUE, CATALOGUE_SCALE, self.catalogue.as_ref()),
        ];
        for (path, scale_path, table) in tables {
            let Some(Table { numbers, scale, .. }) = table else { continue };
            let Scale::Rows(scale) = scale else {
                if let Some(at) = infinite(numbers) {
                    return Err(Fault::at(path, at, "a finite number", "another".into()));
                }
                continue;
            };
            let scale = |i| f32::from_le_bytes(self.at(scale, i));
            // Written so that NaN is refused as well.
            let bounded = |i: &usize| scale(*i).abs() <= crate::limits::MAX_WEIGHT;
            if let Some(at) = (0..self.rows).find(|i| !bounded(i)) {
                let found = shown_number(scale(at).into());
                return Err(Fault::at(scale_path, at, "a number from -10000 to 10000", found));
            }
        }
        if let Some((names, _)) = &self.names {
            let names = &self.data[names.clone()];
            let mut start = 0;
            for i in 0..self.rows {
                // `names` exist, so every end does.
                let end = self.name_end(i).unwrap_or(0);
                let Some(name) = names.get(start..end) else {
                    let found = shown_number(end as f64);
                    return Err(Fault::at(
                        NAME_ENDS,
                        i,
                        "a place in the names, not before that of the row before",
                        found,
                    ));
                };
                if core::str::from_utf8(name).is_err() {
                    return Err(Fault::at(NAME_ENDS, i, "a name of UTF-8 to end here", "other bytes".into()));
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

/// Tensors, as faults tell them.
const IDS: &str = "tensor ids";
const W: &str = "tensor w";
const V: &str = "tensor v";
const V_SCALE: &str = "tensor v_scale";
const CATALOGUE: &str = "tensor catalogue";
const CATALOGUE_SCALE: &str = "tensor catalogue_scale";
const EVIDENCE: &str = "tensor evidence";
const NAMES: &str = "tensor names";
const NAME_ENDS: &str = "tensor name_ends";

/// Rows of so many numbers.
#[derive(Debug, Clone)]
struct Table {
    numbers: Range<usize>,
    scale: Scale,
    columns: usize,
}

/// What a table's numbers are.
#[derive(Debug, Clone)]
enum Scale {
    /// f16.
    Half,
    /// int8, with an f32 for each row that they are multiplied with.
    Rows(Range<usize>),
    /// int8, with one for each column.
    Columns(Arc<[f32]>),
}

fn row_of(bytes: &[u8], width: usize, i: usize) -> &[u8] {
    &bytes[width * i..width * (i + 1)]
}

impl Table {
    fn find<'a>(numbers: Entry<'a>, scale: impl FnOnce() -> Entry<'a>, rows: usize, columns: usize) -> Table {
        let int8 = numbers.is("I8");
        let (dtype, size) = if int8 { ("I8", 1) } else { ("F16", 2) };
        if !(numbers.is_absent() || numbers.is(dtype)) {
            numbers.place.field("dtype").fault("F16 or I8");
        }
        let numbers = numbers.expect(dtype, size, rows, columns);
        let scale = if int8 { Scale::Rows(scale().expect("F32", 4, rows, 1)) } else { Scale::Half };
        Table { numbers, scale, columns }
    }
}

/// A tensor of the header, if it is there.
struct Entry<'a> {
    place: Place<'a>,
    /// Where in the file tensors lie.
    data: Range<usize>,
}

impl<'a> Entry<'a> {
    fn find(header: &'a Value, path: &'static str, data: Range<usize>, faults: &'a Faults) -> Entry<'a> {
        let name = path.strip_prefix("tensor ").unwrap_or(path);
        Entry { place: Place::named(path, header.field(name), faults), data }
    }

    fn is_absent(&self) -> bool {
        self.place.is_absent()
    }

    fn is(&self, dtype: &str) -> bool {
        self.place.field("dtype").value().and_then(Value::as_str) == Some(dtype)
    }

    /// The first number of its shape; no tensor has more rows than the file has bytes.
    #[inline(never)]
    fn rows(&self) -> usize {
        if self.is_absent() {
            self.place.fault("a tensor");
        }
        let shape = self.place.field("shape");
        let most = Bounds::new(0.0, self.data.end as f64, "as many rows as the file can hold");
        shape.elements("[n], and of v [n, k]").first().map_or(0, |rows| rows.whole(&most) as usize)
    }

    /// Where its bytes lie in the file, if they hold elements of `size` bytes in so many rows and columns.
    #[inline(never)]
    fn expect(&self, dtype: &'static str, size: usize, rows: usize, columns: usize) -> Range<usize> {
        let [of, shape, offsets] = ["dtype", "shape", "data_offsets"].map(|key| self.place.field(key));
        if self.is_absent() {
            self.place.fault("a tensor");
        }
        if !self.is(dtype) {
            of.fault(dtype);
        }
        let found = match shape.value().and_then(Value::as_array) {
            Some([Value::Number(rows)]) => Some((*rows, 1.0)),
            Some([Value::Number(rows), Value::Number(columns)]) => Some((*rows, *columns)),
            _ => None,
        };
        if found != Some((rows as f64, columns as f64)) {
            shape.fault("[n], and of v [n, k], with n as of ids");
        }
        let bytes = rows.checked_mul(columns).and_then(|n| n.checked_mul(size));
        if let (Some(bytes), Some([Value::Number(start), Value::Number(end)])) =
            (bytes, offsets.value().and_then(Value::as_array))
            && (0.0..=self.data.len() as f64).contains(end)
            && *start == *end - bytes as f64
            && *start >= 0.0
            && *end as usize as f64 == *end
        {
            return self.data.start + *start as usize..self.data.start + *end as usize;
        }
        offsets.fault("a begin and an end within the file, as far apart as the tensor is long");
        0..0
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
