//! From paths to arrows: which module defines what a path names, through imports and re-exports.

use std::collections::HashSet;

use super::tree::Tree;

/// One module names something that another defines.
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) line: usize,
    pub(super) name: String,
}

/// The arrows of a crate. A path that leads out of it is none, nor is one that ends at a module.
pub(super) fn arrows(tree: &Tree) -> Vec<Arrow> {
    let mut arrows = Vec::new();
    for (from, module) in tree.modules.iter().enumerate() {
        for mention in &module.mentions {
            let mut search = Search { tree, asked: HashSet::new() };
            if let Some((to, name)) = search.definition(from, &mention.path)
                && to != from
            {
                arrows.push(Arrow { from, to, line: mention.line, name });
            }
        }
    }
    arrows
}

/// For what one path means.
struct Search<'a> {
    tree: &'a Tree,
    /// Which names were looked for in which module: an import can lead back to itself, and one from another crate seems to.
    asked: HashSet<(usize, String)>,
}

impl Search<'_> {
    /// Where the thing that `path` means in module `from` is defined, and its name there.
    fn definition(&mut self, from: usize, path: &[String]) -> Option<(usize, String)> {
        let (mut at, mut rest) = (from, path);
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" => at = 0,
                "self" => {}
                "super" => at = self.tree.modules[at].parent?,
                _ => break,
            }
            rest = others;
        }
        self.within(at, rest)
    }

    fn within(&mut self, at: usize, path: &[String]) -> Option<(usize, String)> {
        let (first, rest) = path.split_first()?;
        let module = &self.tree.modules[at];
        if let (Some(&child), false) = (module.children.get(first), rest.is_empty()) {
            return self.within(child, rest);
        }
        if module.defines.contains(first) {
            return Some((at, first.clone()));
        }
        if !self.asked.insert((at, first.clone())) {
            return None;
        }
        if let Some(import) = module.imports.get(first) {
            return self.definition(at, &[import, rest].concat());
        }
        module.globs.iter().find_map(|glob| self.definition(at, &[glob, path].concat()))
    }
}
