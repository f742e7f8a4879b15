//! Progress on stderr where a person waits. indicatif hides it when stderr is no terminal.

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;
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

    /// Progress through epochs of so many rows; `note` may tell the loss.
    pub(crate) fn epochs(what: &str, epochs: usize, rows: usize) -> Progress {
        let progress = Progress::steps(what, epochs);
        let rate = move |state: &ProgressState, to: &mut dyn Write| {
            let per_s = state.per_sec() * rows as f64;
            // What cannot be written is a bar that nobody sees.
            let _ =
                if per_s < 1e6 { write!(to, "{per_s:.0} rows/s") } else { write!(to, "{:.1}M rows/s", per_s / 1e6) };
        };
        let style = progress.0.style().with_key("rate", rate);
        if let Ok(style) = style.template("{msg:<28} {bar:32} {pos}/{len} {rate} {eta} {prefix}") {
            progress.0.set_style(style);
        }
        progress
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
