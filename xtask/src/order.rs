//! The order of the wasm's functions, which is ours to choose: gzip finds a repetition no further back than 32 KB, so functions
//! that are alike are put side by side. In the order of their names, which has the same idea, the download is 3 KB larger.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::Path;

use anyhow::Result;
use wasm_encoder::{Module, NameMap, NameSection, RawSection};
use wasmparser::{Parser, Payload, TypeRef};

/// Functions are alike in the runs of so many bytes that they share.
const RUN: usize = 6;
/// The next function is the one that is most like so many before it.
const RECENT: usize = 5;

/// Names the functions by the places that they should have.
pub(crate) fn name_by_place(wasm: &Path) -> Result<()> {
    let bytes = fs::read(wasm)?;
    let (mut imported, mut bodies, mut module) = (0, Vec::new(), Module::new());
    for payload in Parser::new(0).parse_all(&bytes) {
        let payload = payload?;
        match &payload {
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &bytes[range.start as usize..range.end as usize] });
        }
    }
    let mut places = vec![0; bodies.len()];
    for (place, function) in likeness(&bodies).into_iter().enumerate() {
        places[function] = place;
    }
    let mut names = NameMap::new();
    for (index, place) in (imported..).zip(places) {
        names.append(index, &format!("{place:06}"));
    }
    let mut section = NameSection::new();
    section.functions(&names);
    module.section(&section);
    fs::write(wasm, module.finish())?;
    Ok(())
}

/// Begins with the longest and goes on with what is most like the recent ones, for its length; a run counts by its rarity.
fn likeness(bodies: &[&[u8]]) -> Vec<usize> {
    let (runs, users) = shared_runs(bodies);
    let rarity = |run: usize| 1.0 / users[run].len() as f64;
    let mut likeness = vec![0.0; bodies.len()];
    let mut present = vec![0u32; users.len()];
    let mut recent = VecDeque::new();
    let mut left: Vec<usize> = (0..bodies.len()).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let merit = |function: usize| match order.len() {
            0 => bodies[function].len() as f64,
            _ => likeness[function] / (4.0 + (bodies[function].len() as f64).sqrt()),
        };
        let best = (0..left.len()).max_by(|a, b| merit(left[*a]).total_cmp(&merit(left[*b])));
        let Some(best) = best else { break };
        let next = left.remove(best);
        order.push(next);
        recent.push_back(next);
        for &run in &runs[next] {
            if present[run] == 0 {
                users[run].iter().for_each(|user| likeness[*user] += rarity(run));
            }
            present[run] += 1;
        }
        if recent.len() > RECENT
            && let Some(past) = recent.pop_front()
        {
            for &run in &runs[past] {
                present[run] -= 1;
                if present[run] == 0 {
                    users[run].iter().for_each(|user| likeness[*user] -= rarity(run));
                }
            }
        }
    }
    order
}

/// The runs of each function that another has too, by number; and the functions that have each.
fn shared_runs(bodies: &[&[u8]]) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let mut users: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (function, body) in bodies.iter().enumerate() {
        for run in body.windows(RUN) {
            let users = users.entry(run).or_default();
            if users.last() != Some(&function) {
                users.push(function);
            }
        }
    }
    let mut users: Vec<Vec<usize>> = users.into_values().filter(|users| users.len() > 1).collect();
    // A hash map has no order of its own, and the build is to be the same every time.
    users.sort_unstable();
    let mut runs = vec![Vec::new(); bodies.len()];
    for (run, users) in users.iter().enumerate() {
        users.iter().for_each(|user| runs[*user].push(run));
    }
    (runs, users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_stands_together() {
        let bodies: [&[u8]; 5] = [b"abcdefghij", b"0123456789-", b"bcdefghijk", b"123456789-+", b"cdefghijkl"];
        assert_eq!(likeness(&bodies).iter().map(|at| at % 2).collect::<Vec<_>>(), [1, 1, 0, 0, 0]);
    }
}
