//! What the package weighs: each file as it goes over the wire, and the wasm by the crate that its code comes from.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use wasmparser::{KnownCustom, Name, NameSectionReader, Parser, Payload, TypeRef};

/// The sizes of files, plain and compressed, and what a visitor downloads of them in all.
pub(crate) fn print_total(files: &[PathBuf]) -> Result<()> {
    let mut sum = 0;
    for file in files {
        let bytes = read(file)?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&bytes)?;
        let gzipped = gzip.finish()?.len();
        sum += gzipped;
        let name = file.file_name().unwrap_or_default().display();
        println!("{name:<18} {:>9} bytes, {gzipped:>8} with gzip -9", bytes.len());
    }
    println!("{:<18} {:>9}        {sum:>8} with gzip -9", "in all", "");
    Ok(())
}

/// The size of the code that each crate brings, the heaviest first. Code that the compiler has made for a crate out of
/// another's generics goes by the name of the other: most of `core` and `alloc` is such.
pub(crate) fn print_parts(path: &Path) -> Result<()> {
    let wasm = read(path)?;
    let mut parts: HashMap<String, usize> = HashMap::new();
    for (name, size) in functions(&wasm)? {
        *parts.entry(origin(&name).to_owned()).or_default() += size;
    }
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(name, size)| (std::cmp::Reverse(*size), name.clone()));

    println!("code by crate, before wasm-opt and gzip:");
    let (heavy, light) = parts.split_at(parts.len().min(10));
    for (name, size) in heavy {
        println!("{size:>9} bytes  {name}");
    }
    let rest: usize = light.iter().map(|(_, size)| size).sum();
    println!("{rest:>9} bytes  {} others", light.len());
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The name and the size of every function in the module. The index that names go by counts the imported ones first.
fn functions(wasm: &[u8]) -> Result<Vec<(String, usize)>> {
    let (mut imported, mut sizes, mut names) = (0, Vec::new(), HashMap::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => sizes.push(body.as_bytes().len()),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(section) = section.as_known() {
                    names = function_names(section)?;
                }
            }
            _ => {}
        }
    }
    let name = |index| names.get(&index).copied().unwrap_or("?").to_owned();
    Ok((imported..).map(name).zip(sizes).collect())
}

fn function_names(section: NameSectionReader<'_>) -> Result<HashMap<u32, &str>> {
    let mut names = HashMap::new();
    for part in section {
        if let Name::Function(map) = part? {
            for naming in map {
                let naming = naming?;
                names.insert(naming.index, naming.name);
            }
        }
    }
    Ok(names)
}

/// The crate in a function's name, which is the first word before `::` or `[`: `core` in `core::slice::sort` and in
/// `<f64 as core[e24a2770]::str::FromStr>::from_str`. What has none is exported, with what is inlined there.
fn origin(name: &str) -> &str {
    let mut rest = name;
    while let Some(start) = rest.find(is_word) {
        rest = &rest[start..];
        let (word, after) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
        if after.starts_with("::") || after.starts_with('[') {
            return word;
        }
        rest = after;
    }
    "exported"
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_comes_from_the_first_crate_in_its_name() {
        for (name, expected) in [
            ("core::slice::sort::quicksort", "core"),
            ("<f64 as core[c5930c85a12de822]::str::FromStr>::from_str", "core"),
            ("<dlmalloc[e24a]::Dlmalloc<dlmalloc[e24a]::sys::System>>::malloc", "dlmalloc"),
            ("hashbrown::raw::RawTable<T,A>::reserve_rehash::h0f0c", "hashbrown"),
            ("learner_click", "exported"),
        ] {
            assert_eq!(origin(name), expected, "{name}");
        }
    }
}
