//! From arrows to circles, among the parts of each module: itself, and each of its children with all that is below.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::names::Arrow;
use super::tree::Tree;

/// Each circle as text: a line for each of its arrows, the first of those between the same two parts.
pub(super) fn circles(tree: &Tree, arrows: &[Arrow]) -> Vec<String> {
    let mut levels: BTreeMap<usize, BTreeMap<(usize, usize), &Arrow>> = BTreeMap::new();
    for arrow in arrows {
        let (level, from, to) = parts(tree, arrow);
        levels.entry(level).or_default().entry((from, to)).or_insert(arrow);
    }
    levels.values().flat_map(|level| among(tree, level)).collect()
}

fn among(tree: &Tree, arrows: &BTreeMap<(usize, usize), &Arrow>) -> Vec<String> {
    let graph: DiGraphMap<usize, ()> = arrows.keys().copied().collect();
    let circles = tarjan_scc(&graph).into_iter().filter(|parts| parts.len() > 1);
    circles
        .map(|parts| {
            let inside = arrows.iter().filter(|((from, to), _)| parts.contains(from) && parts.contains(to));
            let lines = inside.map(|(_, arrow)| {
                let file = |module: usize| tree.modules[module].file.display();
                format!("    {}:{} uses {} of {}", file(arrow.from), arrow.line, arrow.name, file(arrow.to))
            });
            format!("  a circle of {}\n{}", parts.len(), lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// The lowest module that both ends of an arrow are in, and in which of its parts each is.
fn parts(tree: &Tree, arrow: &Arrow) -> (usize, usize, usize) {
    let (from, to) = (line_of(tree, arrow.from), line_of(tree, arrow.to));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let level = from[shared - 1];
    let part = |line: &[usize]| line.get(shared).copied().unwrap_or(level);
    (level, part(&from), part(&to))
}

/// From the root down to a module; the root is always shared.
fn line_of(tree: &Tree, module: usize) -> Vec<usize> {
    let mut line = vec![module];
    while let Some(parent) = tree.modules[line[line.len() - 1]].parent {
        line.push(parent);
    }
    line.reverse();
    line
}
