//! Whether a file of items or users is of those that the events name.

use crate::error::Result;
use crate::input::{Interner, SideTable};
use crate::watch::Watch;
use std::path::Path;

/// A file that lists fewer than this share of those who occur is taken for a mistake: ids that are written otherwise, another shop.
const LEAST: f64 = 0.02;
/// So many ids of each side are shown.
const SHOWN: usize = 3;

/// Tells how many of the events' items, or users, a file lists, unless all are; it is an error if next to none is. `what` are they,
/// `path` is the file, which `flag` names.
pub(crate) fn ensure_listed(
    [what, flag]: [&str; 2],
    path: &Path,
    table: &SideTable,
    occurring: &Interner,
    watch: &dyn Watch,
) -> Result<()> {
    let missing: Vec<&str> = occurring.names().filter(|id| !table.has(id)).take(SHOWN).collect();
    if missing.is_empty() || table.fields().is_empty() {
        return Ok(());
    }
    let (all, listed) = (occurring.len(), occurring.names().filter(|id| table.has(id)).count());
    let others = table.ids().filter(|id| occurring.find(id).is_none()).take(SHOWN);
    let told = format!(
        "{}: {listed} of the {all} {what} of the events are listed; not listed are {}{}",
        path.display(),
        shown(missing.into_iter()),
        match shown(others) {
            none if none.is_empty() => String::new(),
            others => format!(", listed but in no event {others}"),
        }
    );
    if (listed as f64) < LEAST * all as f64 {
        bail!(Input, "{told}: write ids alike in both files, or name the right one with {flag}");
    }
    watch.warn(&told);
    Ok(())
}

/// Ids with what does not show, as the accents that Unicode writes in two ways, spelt out.
fn shown<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let shown = |id: &str| {
        let spelt = |c: char| if c.is_ascii_graphic() { c.to_string() } else { c.escape_unicode().to_string() };
        let spelt: String = id.chars().map(|c| if c == ' ' { " ".to_owned() } else { spelt(c) }).collect();
        if spelt == id { format!("`{id}`") } else { format!("`{id}` ({spelt})") }
    };
    ids.map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Warnings;

    fn listed(occurring: &[&str], listed: &[&str]) -> (Result<()>, Vec<String>) {
        let mut table = SideTable::of_fields(&["genre".into()]);
        listed.iter().for_each(|id| table.add(id, [("genre", "g")]));
        let mut ids = Interner::default();
        occurring.iter().for_each(|id| _ = ids.intern(id));
        let warnings = Warnings::default();
        let result = ensure_listed(["items", "--items"], Path::new("items.csv"), &table, &ids, &warnings);
        (result, warnings.said())
    }

    #[test]
    fn a_file_of_all_is_not_worth_a_word() {
        let (result, said) = listed(&["a", "b"], &["b", "a", "c"]);
        assert!(result.is_ok() && said.is_empty(), "{said:?}");
    }

    #[test]
    fn how_many_are_listed_is_told_with_examples_of_both_sides() {
        let (result, said) = listed(&["a", "b", "A c"], &["b", "B"]);
        assert!(result.is_ok());
        assert_eq!(
            said,
            [
                "items.csv: 1 of the 3 items of the events are listed; not listed are `a`, `A c`, listed but in no event `B`"
            ]
        );
    }

    #[test]
    fn a_file_of_none_is_refused_and_what_looks_alike_is_spelt() {
        let error = listed(&["Caf\u{e9}"], &["Cafe\u{301}"]).0.unwrap_err().to_string();
        assert!(
            error.contains("0 of the 1") && error.contains("(Caf\\u{e9})") && error.contains("e\\u{301}"),
            "{error}"
        );
    }
}
