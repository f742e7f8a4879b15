//! libFM's model file, as `-save_model` writes it: text, a section a kind of parameter, a column a line.
//!
//! ```text
//! #global bias W0
//! 0.5
//! #unary interactions Wj
//! 1
//! #pairwise interactions Vj,f
//! 0.25 -0.5
//! ```
//!
//! A section that the model was trained without (-dim) is not there.

use crate::error::{Context, Result};
use std::path::Path;

/// A model whose columns have names.
#[derive(Debug, PartialEq)]
pub(crate) struct Model {
    pub(crate) w0: f32,
    pub(crate) factors: usize,
    names: Vec<String>,
    /// For each name w, then v.
    rows: Vec<f32>,
}

impl Model {
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, &[f32])> {
        self.names.iter().map(String::as_str).zip(self.rows.chunks_exact(1 + self.factors))
    }
}

/// Reads a model and the names of its columns.
pub(crate) fn read(model: &Path, names: &Path) -> Result<Model> {
    let text = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let columns = parse_names(&text(names)?, &names.display().to_string())?;
    let Sections { w0, w, v } = Sections::parse(&text(model)?, &model.display().to_string())?;
    ensure!(
        !w.is_empty() || !v.is_empty(),
        Input,
        "{} has no weight of any column, so it was cut off or is no model: save it anew with -save_model",
        model.display()
    );
    for (section, found) in [("unary interactions", w.len()), ("pairwise interactions", v.len())] {
        ensure!(
            found == 0 || found == columns.len(),
            Input,
            "{} has {found} {section}, but {} names {} columns: it must have a line for each, from column 0 on",
            model.display(),
            names.display(),
            columns.len()
        );
    }
    let factors = v.first().map_or(0, Vec::len);
    let mut rows = Vec::with_capacity(columns.len() * (1 + factors));
    for column in 0..columns.len() {
        rows.push(w.get(column).copied().unwrap_or(0.0));
        rows.extend(v.get(column).into_iter().flatten());
    }
    Ok(Model { w0, factors, names: columns, rows })
}

fn parse_names(text: &str, path: &str) -> Result<Vec<String>> {
    // A mark or a space would make a user's name that of a shared feature, whose row is shipped.
    let names: Vec<String> = text.trim_start_matches('\u{feff}').lines().map(trimmed).collect();
    let mut lines: Vec<(&String, usize)> = names.iter().zip(1..).collect();
    lines.sort_unstable();
    if let Some((_, line)) = lines.iter().find(|(name, _)| name.is_empty()) {
        bail!(Input, "{path}:{line}: a column has no name");
    }
    if let Some(pair) = lines.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        bail!(Input, "{path}:{}: `{}` is named twice, first in line {}", pair[1].1, pair[1].0, pair[0].1);
    }
    Ok(names)
}

/// A name without spaces around its field and its category.
fn trimmed(line: &str) -> String {
    match line.split_once('=') {
        Some((field, category)) => format!("{}={}", field.trim(), category.trim()),
        None => line.trim().to_owned(),
    }
}

#[derive(Debug, Default)]
struct Sections {
    w0: f32,
    w: Vec<f32>,
    v: Vec<Vec<f32>>,
}

#[derive(Clone, Copy)]
enum Section {
    Global,
    Unary,
    Pairwise,
}

impl Sections {
    fn parse(text: &str, path: &str) -> Result<Sections> {
        let mut sections = Sections::default();
        let mut section = None;
        for (line, n) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            if let Some(title) = line.strip_prefix('#') {
                section = Some(match title {
                    "global bias W0" => Section::Global,
                    "unary interactions Wj" => Section::Unary,
                    "pairwise interactions Vj,f" => Section::Pairwise,
                    _ => bail!(
                        Input,
                        "{path}:{n}: `{line}` is no section of a libFM model: save it anew with -save_model"
                    ),
                });
                continue;
            }
            let numbers = line.split_ascii_whitespace().map(|word| match word.parse::<f32>() {
                Ok(x) if x.is_finite() => Ok(x),
                _ => bail!(Input, "{path}:{n}: `{word}` is not a finite number"),
            });
            let numbers: Vec<f32> = numbers.collect::<Result<_>>()?;
            match (section, &numbers[..]) {
                (Some(Section::Global), [w0]) => sections.w0 = *w0,
                (Some(Section::Unary), [w]) => sections.w.push(*w),
                (Some(Section::Global | Section::Unary), _) => {
                    bail!(Input, "{path}:{n}: a weight is one number a line")
                }
                (Some(Section::Pairwise), _) => {
                    if let Some(first) = sections.v.first().filter(|first| first.len() != numbers.len()) {
                        bail!(Input, "{path}:{n}: {} factors, but the rows before have {}", numbers.len(), first.len());
                    }
                    sections.v.push(numbers);
                }
                (None, _) => {
                    bail!(
                        Input,
                        "{path}:{n}: this stands before any section: a libFM model starts with #global bias W0"
                    )
                }
            }
        }
        Ok(sections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::told;
    use crate::testing::temp_file;

    const MODEL: &str =
        "#global bias W0\n0.5\n#unary interactions Wj\n1\n-2\n#pairwise interactions Vj,f\n0.25 -0.5\n1 2 \n";

    #[test]
    fn rows_are_as_libfm_wrote_them() {
        let (model, names) = (temp_file(MODEL), temp_file("user=a\nitem=x\n"));
        let model = read(model.path(), names.path()).unwrap();
        assert_eq!((model.w0, model.factors), (0.5, 2));
        let rows: Vec<_> = model.rows().collect();
        assert_eq!(rows, [("user=a", &[1.0, 0.25, -0.5][..]), ("item=x", &[-2.0, 1.0, 2.0][..])]);
    }

    #[test]
    fn marks_and_spaces_around_names_are_no_part_of_them() {
        let (model, names) = (temp_file(&format!("\u{feff}{MODEL}")), temp_file("\u{feff}user =a \r\n\titem= x\r\n"));
        let model = read(model.path(), names.path()).unwrap();
        assert_eq!(model.rows().map(|(name, _)| name).collect::<Vec<_>>(), ["user=a", "item=x"]);
    }

    #[test]
    fn a_section_may_be_missing() {
        let names = temp_file("user=a\nitem=x\n");
        let only_w = temp_file("#unary interactions Wj\n1\n2\n");
        let model = read(only_w.path(), names.path()).unwrap();
        assert_eq!((model.w0, model.factors, model.rows), (0.0, 0, vec![1.0, 2.0]));
        let only_v = temp_file("#global bias W0\n1\n#pairwise interactions Vj,f\n3\n4\n");
        assert_eq!(read(only_v.path(), names.path()).unwrap().rows, [0.0, 3.0, 0.0, 4.0]);
    }

    #[test]
    fn what_is_broken_is_named_by_file_and_line() {
        let cases = [
            (MODEL, "user=a\n", "has 2 unary interactions"),
            (MODEL, "user=a\n\n", ":2: a column has no name"),
            (MODEL, "user=a\nuser=a\n", ":2: `user=a` is named twice, first in line 1"),
            ("", "a\n", "has no weight of any column"),
            ("#global bias W0\n2\n#pairwise interactions Vj,f\n", "a\n", "has no weight of any column"),
            ("1\n", "a\n", ":1: this stands before any section"),
            ("#unary interactions Wj\n1 2\n", "a\n", ":2: a weight is one number a line"),
            ("#unary interactions Wj\nnan\n", "a\n", ":2: `nan` is not a finite number"),
            ("#pairwise interactions Vj,f\n1 2\n1\n", "a\nb\n", ":3: 1 factors, but the rows before have 2"),
            ("#weights\n", "a\n", ":1: `#weights` is no section of a libFM model"),
        ];
        for (model, names, expected) in cases {
            let (model, names) = (temp_file(model), temp_file(names));
            let error = told(&read(model.path(), names.path()).unwrap_err());
            assert!(error.contains(expected), "{error:?} lacks {expected:?}");
        }
    }
}
