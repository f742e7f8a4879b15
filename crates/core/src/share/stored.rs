//! An aggregate as bytes, for whoever keeps it between versions.

use crate::error::Error;
use crate::format::base_writer::{Rows, Tensor, serialize};
use crate::format::metadata::Metadata;
use crate::input::feature::FeatureId;
use crate::share::aggregate::{Aggregate, places_of};
use crate::share::fold::Reports;
use crate::share::influence::{Row, Waiting};
use crate::share::owed::Owed;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use safetensors::{Dtype, SafeTensors};

impl Aggregate {
    /// Bytes to store: a safetensors file with the tensors `ids`, `rows` and `seed` (F32 \[n, 1 + k\]), `known` (F32 \[n, 1\]),
    /// `evidence` (F32 \[n, 2\]), `catalogue` (F32 \[n, c + 1\], where the seed has it), `owed_ids` and `owed` (F32 \[m, 1 + k\]), `reports` (I64 \[3\]),
    /// `waiting_ids`, `waiting` (F32 \[w, 3 + k\]), `waiting_since`, `waiting_clients` (U64, one list after the other) with their `waiting_ends`,
    /// `left_out` (U64 \[1\]), `spent` (F64 \[1\]), and `names` and `name_ends` as in a base.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let (n, width) = (self.rows.ids.len(), 1 + self.metadata.factors);
        let table = |xs: &[f32], rows: usize, columns: usize| Tensor {
            dtype: Dtype::F32,
            shape: [rows, columns],
            dimensions: 2,
            bytes: xs.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let list =
            |dtype: Dtype, length: usize, bytes: Vec<u8>| Tensor { dtype, shape: [length, 1], dimensions: 1, bytes };
        let eights = |numbers: &mut dyn Iterator<Item = u64>| {
            let bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
            list(Dtype::U64, bytes.len() / 8, bytes)
        };
        let mut owed: Vec<_> = self.owed.rows(width).map(|(i, gradient)| (self.rows.ids[i], gradient)).collect();
        owed.sort_unstable_by_key(|(id, _)| *id);
        let gradients: Vec<f32> = owed.iter().flat_map(|(_, gradient)| *gradient).copied().collect();
        let Reports { deltas, sum, squares } = self.reports;
        let reports = [deltas as i64, sum, squares].iter().flat_map(|x| x.to_le_bytes()).collect();
        let mut tensors = Vec::from([
            ("ids", eights(&mut self.rows.ids.iter().map(|id| id.0))),
            ("rows", table(&self.rows.rows, n, width)),
            ("seed", table(&self.seed, n, width)),
            ("known", table(&self.known, n, 1)),
            ("evidence", table(&self.evidence, n, 2)),
            ("owed_ids", eights(&mut owed.iter().map(|(id, _)| id.0))),
            ("owed", table(&gradients, owed.len(), width)),
            ("reports", list(Dtype::I64, 3, reports)),
        ]);
        if let Some(catalogue) = &self.rows.catalogue {
            tensors.push(("catalogue", table(catalogue, n, catalogue.len() / n.max(1))));
        }
        let waiting = self.waiting.rows();
        let w = waiting.len();
        let numbers: Vec<f32> = waiting.values().flat_map(|row| &row.numbers).copied().collect();
        let clients: Vec<u64> = waiting.values().flat_map(|row| &row.clients).copied().collect();
        let mut end = 0;
        let ends = waiting.values().map(|row| {
            end += row.clients.len() as u64;
            end
        });
        tensors.extend([
            ("waiting_ids", eights(&mut waiting.keys().map(|id| id.0))),
            ("waiting", table(&numbers, w, width + 2)),
            ("waiting_since", eights(&mut waiting.values().map(|row| row.since))),
            ("waiting_clients", eights(&mut clients.into_iter())),
            ("waiting_ends", eights(&mut ends.collect::<Vec<_>>().into_iter())),
            ("left_out", eights(&mut [self.left_out].into_iter())),
            ("spent", list(Dtype::F64, 1, self.spent.to_le_bytes().to_vec())),
        ]);
        if let Some(names) = &self.rows.names {
            let text: Vec<u8> = names.iter().flat_map(|name| name.bytes()).collect();
            let mut end = 0u32;
            let ends = names.iter().flat_map(|name| {
                end += name.len() as u32;
                end.to_le_bytes()
            });
            let ends = ends.collect();
            tensors.push(("names", list(Dtype::U8, text.len(), text)));
            tensors.push(("name_ends", list(Dtype::U32, n, ends)));
        }
        serialize(tensors, &self.metadata).ok_or(Error::BadAggregate("it cannot be written as safetensors"))
    }

    /// Reads what [`Aggregate::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Aggregate, Error> {
        let bad = |_| Error::BadAggregate("it is not safetensors, or a tensor is missing");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let metadata = header.metadata().as_ref().and_then(|m| m.get("brooklet"));
        let metadata = Metadata::parse(metadata.ok_or(Error::BadAggregate("it has no brooklet metadata"))?)?;
        let file = SafeTensors::deserialize(bytes).map_err(bad)?;
        let floats = |name| {
            let tensor = file.tensor(name).map_err(bad)?;
            Ok(tensor.data().as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect::<Vec<f32>>())
        };
        let eights = |name| Ok(file.tensor(name).map_err(bad)?.data().as_chunks::<8>().0.to_vec());
        let ids = |name| Ok(eights(name)?.into_iter().map(|id| FeatureId(u64::from_le_bytes(id))).collect::<Vec<_>>());
        let names = match (file.tensor("names"), file.tensor("name_ends")) {
            (Ok(names), Ok(ends)) => Some(split(names.data(), ends.data())?),
            _ => None,
        };
        let (places, rows, seed) = (ids("ids")?, floats("rows")?, floats("seed")?);
        let (known, evidence) = (floats("known")?, floats("evidence")?);
        let c = metadata.catalogue.as_ref().map_or(0, |prior| prior.mean.len() + 1);
        let catalogue = if c > 0 { Some(floats("catalogue")?) } else { None };
        let (debtors, owed) = (ids("owed_ids")?, floats("owed")?);
        let (n, width) = (places.len(), 1 + metadata.factors);
        let ranked = catalogue.as_ref().map_or(0, Vec::len);
        let lengths = [rows.len(), seed.len(), known.len(), evidence.len(), owed.len(), ranked];
        if lengths != [n * width, n * width, n, 2 * n, debtors.len() * width, n * c] {
            return Err(Error::BadAggregate("its tensors must be of one length"));
        }
        let reports: Vec<i64> = eights("reports")?.into_iter().map(i64::from_le_bytes).collect();
        let [deltas, sum, squares] = reports[..] else {
            return Err(Error::BadAggregate("its reports must be three numbers"));
        };
        let owed = owed_by(&debtors, &owed, places_of(&places), width)?;
        let reports = Reports { deltas: deltas.max(0) as u64, sum, squares };
        let rows = Rows { ids: places, rows, catalogue, names, evidence: None };
        // Aggregates of before there was a quorum, or noise, have none of these.
        let numbers = |name: &'static str| match file.tensor(name) {
            Ok(_) => eights(name).map(|list| list.into_iter().map(u64::from_le_bytes).collect::<Vec<u64>>()),
            Err(_) => Ok(Vec::new()),
        };
        let about = if file.tensor("waiting").is_ok() { floats("waiting")? } else { Vec::new() };
        let lists = [numbers("waiting_ids")?, numbers("waiting_since")?, numbers("waiting_ends")?];
        let waiting = waiting(lists, &numbers("waiting_clients")?, &about, width + 2)?;
        let left_out = numbers("left_out")?.first().copied().unwrap_or(0);
        let spent = numbers("spent")?.first().map_or(0.0, |bits| f64::from_bits(*bits));
        Ok(Aggregate { metadata, rows, seed, known, evidence, owed, reports, waiting, left_out, spent })
    }
}

/// What is owed, from its columns.
fn owed_by(
    ids: &[FeatureId],
    numbers: &[f32],
    place: impl Fn(FeatureId) -> Option<usize>,
    width: usize,
) -> Result<Owed, Error> {
    let places: Option<Vec<usize>> = ids.iter().map(|id| place(*id)).collect();
    let mut owed = Owed::default();
    for (place, row) in
        places.ok_or(Error::BadAggregate("it owes rows that it does not have"))?.iter().zip(numbers.chunks_exact(width))
    {
        owed.row(*place, width).copy_from_slice(row);
    }
    owed.settle(width);
    Ok(owed)
}

/// Rows that wait, from their columns.
fn waiting(
    [ids, since, ends]: [Vec<u64>; 3],
    clients: &[u64],
    numbers: &[f32],
    width: usize,
) -> Result<Waiting, Error> {
    let broken = Error::BadAggregate("its rows that wait are broken");
    if [since.len(), ends.len(), numbers.len() / width] != [ids.len(); 3] {
        return Err(broken);
    }
    let mut start = 0;
    let mut rows = BTreeMap::new();
    for (i, (id, end)) in ids.into_iter().zip(ends).enumerate() {
        let end = usize::try_from(end).map_err(|_| broken.clone())?;
        let clients = clients.get(start..end).ok_or(broken.clone())?.to_vec();
        let numbers = numbers[i * width..(i + 1) * width].to_vec();
        rows.insert(FeatureId(id), Row { clients, since: since[i], numbers });
        start = end;
    }
    Ok(Waiting::of(rows))
}

fn split(names: &[u8], ends: &[u8]) -> Result<Vec<String>, Error> {
    let broken = Error::BadAggregate("its names are broken");
    let mut start = 0;
    let mut split = Vec::new();
    for end in ends.as_chunks::<4>().0 {
        let end = u32::from_le_bytes(*end) as usize;
        let name = names.get(start..end).and_then(|name| core::str::from_utf8(name).ok());
        split.push(String::from(name.ok_or(broken.clone())?));
        start = end;
    }
    Ok(split)
}
