//! The log: lines handed to a thread of their own, so that neither a full disk nor a reader who has gone or sleeps stops the
//! server. What cannot be written is counted.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

#[cfg(feature = "otel")]
use crate::traces::Traces;

/// Lines that the system did not take.
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// Counts lines for which the queue had no room.
static QUEUE: OnceLock<ErrorCounter> = OnceLock::new();
/// Whether the file is to be opened anew.
static REOPEN: AtomicBool = AtomicBool::new(false);

/// Writes out what is queued when it is dropped.
#[derive(Debug)]
#[must_use = "the last lines are written when this is dropped"]
pub struct LogGuard {
    #[cfg(feature = "otel")]
    _traces: Option<Traces>,
    _lines: WorkerGuard,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line, for programs that collect logs
    Json,
}

/// Writes the log to `file`, or to standard error: what `BROOKLET_LOG` says (`debug`, `brooklet_server=debug,tower_http=trace`),
/// `info` if it says nothing. Does nothing if the program has a log already.
pub fn init_logging(file: Option<&Path>, format: LogFormat) -> io::Result<LogGuard> {
    let sink = match file {
        Some(path) => Sink::File(open(path)?, path.into()),
        None => Sink::Stderr,
    };
    let colours = file.is_none() && io::stderr().is_terminal();
    let (lines, guard) = NonBlockingBuilder::default().thread_name("brooklet-log").finish(sink);
    QUEUE.get_or_init(|| lines.error_counter());
    let said = std::env::var("BROOKLET_LOG").ok().filter(|said| !said.is_empty());
    let filter = said.and_then(|said| EnvFilter::try_new(said).ok()).unwrap_or_else(|| EnvFilter::new("info"));
    let log = fmt::layer().with_ansi(colours).with_writer(lines);
    let log: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => log.with_filter(filter).boxed(),
        LogFormat::Json => log.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let log = tracing_subscriber::registry().with(log);
    #[cfg(feature = "otel")]
    let traces = Traces::begin()?;
    #[cfg(feature = "otel")]
    let log = log.with(traces.as_ref().map(Traces::layer));
    let _ = log.try_init();
    Ok(LogGuard {
        #[cfg(feature = "otel")]
        _traces: traces,
        _lines: guard,
    })
}

/// Lines that were lost.
pub(crate) fn lost() -> u64 {
    let queue = QUEUE.get().map_or(0, ErrorCounter::dropped_lines);
    REFUSED.load(Ordering::Relaxed) + queue as u64
}

/// The next line goes to a file that is opened by its name anew.
pub(crate) fn reopen() {
    REOPEN.store(true, Ordering::Relaxed);
}

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

enum Sink {
    Stderr,
    File(File, PathBuf),
}

impl Write for Sink {
    /// Takes every line, so that nobody tries to tell of one that was lost in another.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Sink::File(file, path) = self
            && REOPEN.swap(false, Ordering::Relaxed)
        {
            match open(path) {
                Ok(opened) => *file = opened,
                // The old one is better than none.
                Err(_) => _ = REFUSED.fetch_add(1, Ordering::Relaxed),
            }
        }
        let written = match self {
            Sink::Stderr => io::stderr().write_all(line),
            Sink::File(file, _) => file.write_all(line),
        };
        if written.is_err() {
            REFUSED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_away_is_made_again_and_lines_that_fail_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let [path, moved] = ["log", "log.1"].map(|name| folder.path().join(name));
        let mut sink = Sink::File(open(&path).unwrap(), path.clone());
        sink.write_all(b"first\n").unwrap();
        std::fs::rename(&path, &moved).unwrap();
        sink.write_all(b"second\n").unwrap();
        reopen();
        sink.write_all(b"third\n").unwrap();
        let read = |path| std::fs::read_to_string(path).unwrap();
        assert_eq!((read(&moved).as_str(), read(&path).as_str()), ("first\nsecond\n", "third\n"));

        let before = lost();
        let mut full = Sink::File(File::open(&path).unwrap(), path);
        full.write_all(b"this file is open for reading\n").unwrap();
        assert_eq!(lost() - before, 1);
    }
}
