//! Events as they were read, kept for the next run.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `BRKEVENT` |
//! | 4 | format number, 2 |
//! | 4 | zero |
//! | ... | blocks of 4096 rows, by column: user, item, the occasion if contexts are told, target, weight if there is one, label, and what there is of time, slate, place, propensity |
//! | ... | summary (see [`super::codec`]), behind what the file was made from |
//! | 8 | where the summary begins |
//! | 8 | xxh3 of everything before |
//!
//! Everything is little-endian. It holds users' ids, as the file of events does.

use super::blocks::{Blocks, Store};
use super::builder::Sink;
use super::codec::{Decoder, Encoder};
use super::summary::Summary;
use crate::error::{Context, Result, told};
use crate::input::BadRows;
use crate::watch::Watch;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;
use tempfile::NamedTempFile;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 8] = b"BRKEVENT";
const FORMAT: u32 = 2;
const HEADER: u64 = 16;
const FOOTER: u64 = 16;

/// The place of one set of events in a folder of caches.
pub(crate) struct Cache<'a> {
    folder: &'a Path,
    path: PathBuf,
    files: &'a [PathBuf],
    /// What it is made from: names, sizes and times of the files, roles of the columns, what labels mean.
    origin: String,
}

impl<'a> Cache<'a> {
    /// `how` is how the files are read: events that are read otherwise are others.
    pub(crate) fn new(folder: &'a Path, files: &'a [PathBuf], how: &str) -> Result<Cache<'a>> {
        // A file that changes is cached in the place of what it was, so its size and time are not in the name.
        let names = files.iter().map(|file| std::fs::canonicalize(file).unwrap_or_else(|_| file.clone()));
        let name = format!("{:?} {how}", names.collect::<Vec<_>>());
        let path = folder.join(format!("{:016x}.events", xxh3_64(name.as_bytes())));
        if let Some(file) = files
            .iter()
            .find(|file| file.canonicalize().is_ok_and(|file| path.canonicalize().is_ok_and(|path| path == file)))
        {
            bail!(Setting, "--cache would replace {}, which is read: name another folder", file.display());
        }
        let origin = origin(&name, files)?;
        Ok(Cache { folder, path, files, origin })
    }

    /// What is kept, if it was made from these very files and is whole.
    pub(crate) fn open(&self, bad_rows: BadRows, watch: &dyn Watch) -> Option<Store> {
        let mut file = File::open(&self.path).ok()?;
        match self.summary(&mut file) {
            Ok(Some(summary)) => {
                let store = Store { summary, blocks: Blocks::File(Mutex::new(file), HEADER) };
                let Summary { bad, rows, .. } = *store.summary();
                if bad > 0 && bad_rows.allow(bad, rows as u64 + bad) {
                    watch.warn(&format!("{bad} bad rows left out"));
                }
                // If there are too many, the files are read again to say which.
                bad_rows.allow(bad, rows as u64 + bad).then_some(store)
            }
            Ok(None) => None,
            Err(why) => {
                watch.warn(&format!("the cache {} is damaged and is made anew: {}", self.path.display(), told(&why)));
                None
            }
        }
    }

    /// Begins a new one under another name.
    pub(crate) fn create(&self) -> Result<Unfinished> {
        let file = std::fs::create_dir_all(self.folder)
            .and_then(|()| NamedTempFile::new_in(self.folder))
            .with_context(|| format!("cannot write into the folder {}", self.folder.display()))?;
        let mut unfinished = Unfinished { file: BufWriter::with_capacity(1 << 20, file), hash: Xxh3::new(), at: 0 };
        unfinished.write(MAGIC)?;
        unfinished.write(&FORMAT.to_le_bytes())?;
        unfinished.write(&[0; 4])?;
        Ok(unfinished)
    }

    /// Gives it its name, now that it is whole.
    pub(crate) fn keep(&self, mut unfinished: Unfinished, summary: Summary) -> Result<Store> {
        let name = self.origin.lines().next().unwrap_or_default();
        ensure!(
            origin(name, self.files)? == self.origin,
            Input,
            "the events changed while they were read: start again"
        );
        let begin = unfinished.at;
        let mut encoder = Encoder::default();
        encoder.text(&self.origin);
        summary.encode(&mut encoder);
        unfinished.write(&encoder.0)?;
        unfinished.write(&begin.to_le_bytes())?;
        let cannot = || format!("cannot write the cache {}", self.path.display());
        let hash = unfinished.hash.digest();
        unfinished.write(&hash.to_le_bytes())?;
        let file = unfinished.file.into_inner().map_err(|error| error.into_error()).with_context(cannot)?;
        let file = file.persist(&self.path).map_err(|failed| failed.error).with_context(cannot)?;
        Ok(Store { summary, blocks: Blocks::File(Mutex::new(file), HEADER) })
    }

    /// The summary, or nothing if it is of something else. The bytes are known to be those that were written before any of
    /// them is believed.
    fn summary(&self, file: &mut File) -> Result<Option<Summary>> {
        let length = file.metadata()?.len();
        ensure!(length >= HEADER + FOOTER, Input, "it is {length} bytes long");
        let mut header = [0; HEADER as usize];
        file.read_exact(&mut header)?;
        ensure!(header.starts_with(MAGIC), Input, "it does not begin as one");
        if header[8..12] != FORMAT.to_le_bytes() {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(length - FOOTER))?;
        let mut begin = [0; 8];
        file.read_exact(&mut begin)?;
        let begin = u64::from_le_bytes(begin);
        ensure!((HEADER..=length - FOOTER).contains(&begin), Input, "its summary is nowhere");
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        (&*file).take(length - FOOTER - begin).read_to_end(&mut bytes)?;
        let mut decoder = Decoder(&bytes);
        if decoder.text()? != self.origin {
            return Ok(None);
        }
        verify(file)?;
        let summary = Summary::decode(&mut decoder)?;
        let blocks = summary.rows as u64 * summary.shape.row_bytes() as u64;
        ensure!(HEADER + blocks == begin, Input, "its blocks are not as long as its summary says");
        Ok(Some(summary))
    }
}

/// The name of a cache, and what its files were like when it was made.
fn origin(name: &str, files: &[PathBuf]) -> Result<String> {
    let mut origin = name.to_owned();
    for file in files {
        let metadata = std::fs::metadata(file).with_context(|| format!("cannot open {}", file.display()))?;
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        origin += &format!("\n{} bytes, {} ns", metadata.len(), changed.as_nanos());
    }
    Ok(origin)
}

/// Whether the bytes are those that were written.
fn verify(file: &mut File) -> Result<()> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let (mut hash, mut piece, mut left) = (Xxh3::new(), vec![0; 1 << 20], length - 8);
    while left > 0 {
        let n = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.read_exact(&mut piece[..n])?;
        hash.update(&piece[..n]);
        left -= n as u64;
    }
    let mut expected = [0; 8];
    file.read_exact(&mut expected)?;
    ensure!(hash.digest() == u64::from_le_bytes(expected), Input, "its checksum is wrong");
    Ok(())
}

/// A cache that is being written. Dropped, it is removed.
pub(crate) struct Unfinished {
    file: BufWriter<NamedTempFile>,
    hash: Xxh3,
    at: u64,
}

impl Unfinished {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.at += bytes.len() as u64;
        self.file
            .write_all(bytes)
            .with_context(|| format!("cannot write the cache {}", self.file.get_ref().path().display()))
    }
}

impl Sink for Unfinished {
    fn add(&mut self, block: &[u8]) -> Result<()> {
        self.write(block)
    }
}
