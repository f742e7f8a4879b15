//! Progress on stderr where a person waits. indicatif hides it when stderr is no terminal.

use brooklet_train::watch::{Length, Progress, Watch};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// Shows a bar for each work, and a line for each warning.
pub(crate) struct Bars;

/// A bar, taken away when its work has ended.
struct Bar(ProgressBar);

impl Watch for Bars {
    fn begin(&self, work: &str, length: Length) -> Arc<dyn Progress> {
        let (length, template, rows) = match length {
            Length::Bytes(bytes) => (bytes, "{msg:<28} {bar:32} {binary_bytes_per_sec} {eta}", 0),
            Length::Steps(steps) => (steps as u64, "{msg:<28} {bar:32} {pos}/{len} {prefix}", 0),
            Length::Epochs { most, rows } => {
                (most as u64, "{msg:<28} {bar:32} {pos}/{len} {rate} {eta} {prefix}", rows)
            }
        };
        let rate = move |state: &ProgressState, to: &mut dyn Write| {
            let per_s = state.per_sec() * rows as f64;
            // What cannot be written is a bar that nobody sees.
            let _ =
                if per_s < 1e6 { write!(to, "{per_s:.0} rows/s") } else { write!(to, "{:.1}M rows/s", per_s / 1e6) };
        };
        let bar = ProgressBar::new(length);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key("rate", rate));
        }
        bar.set_message(work.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Arc::new(Bar(bar))
    }

    fn warn(&self, warning: &str) {
        eprintln!("brooklet: {warning}");
    }
}

impl Progress for Bar {
    fn advance(&self, units: u64) {
        self.0.inc(units);
    }

    fn note(&self, note: &str) {
        self.0.set_prefix(note.to_owned());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
