//! Progress on stderr where a person waits. indicatif hides it when stderr is no terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::Read;
use std::time::Duration;

pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Progress through a file.
    pub(crate) fn bytes(what: &str, length: u64) -> Progress {
        Progress::styled(what, length, "{msg:<28} {bar:32} {binary_bytes_per_sec} {eta}")
    }

    /// Progress through a known number of steps; `note` may tell more.
    pub(crate) fn steps(what: &str, steps: usize) -> Progress {
        Progress::styled(what, steps as u64, "{msg:<28} {bar:32} {pos}/{len} {prefix}")
    }

    /// What is read from `file` is progress.
    pub(crate) fn wrap<R: Read>(&self, file: R) -> impl Read + use<R> {
        self.0.wrap_read(file)
    }

    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    pub(crate) fn note(&self, note: String) {
        self.0.set_prefix(note);
    }

    pub(crate) fn done(self) {
        self.0.finish_and_clear();
    }

    fn styled(what: &str, length: u64, template: &str) -> Progress {
        let bar = ProgressBar::new(length);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(bar)
    }
}
