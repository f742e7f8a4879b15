//! How long work says how far it is: this crate prints nothing, and tells whoever watches.

use std::io::Read;
use std::sync::Arc;

/// Watches work of this crate. `()` looks away.
///
/// ```
/// use brooklet_train::watch::{Length, Progress, Watch};
/// use std::sync::Arc;
///
/// /// Says what begins, and nothing of how far it is.
/// struct Log;
///
/// impl Watch for Log {
///     fn begin(&self, work: &str, _: Length) -> Arc<dyn Progress> {
///         println!("{work} ...");
///         Arc::new(())
///     }
///
///     fn warn(&self, warning: &str) {
///         println!("note: {warning}");
///     }
/// }
/// # Log.begin("reading events", Length::Bytes(10)).advance(10);
/// ```
pub trait Watch: Sync {
    /// Work begins. It has ended when what is returned is dropped.
    fn begin(&self, work: &str, length: Length) -> Arc<dyn Progress>;

    /// Something was left out or made anew, which is no error.
    fn warn(&self, warning: &str);
}

/// How far one work is.
pub trait Progress: Send + Sync {
    /// So many more of its units are done.
    fn advance(&self, units: u64);

    /// What came of it so far, in a few words.
    fn note(&self, note: &str);
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Bytes of files.
    Bytes(u64),
    /// Steps, all of about the same size.
    Steps(usize),
    /// Passes over rows. There may be fewer, if more would not help.
    Epochs {
        /// The most passes.
        most: usize,
        /// Rows of each.
        rows: usize,
    },
}

impl Watch for () {
    fn begin(&self, _: &str, _: Length) -> Arc<dyn Progress> {
        Arc::new(())
    }

    fn warn(&self, _: &str) {}
}

impl Progress for () {
    fn advance(&self, _: u64) {}

    fn note(&self, _: &str) {}
}

/// A reader whose bytes are progress.
pub(crate) struct Watched<R> {
    pub(crate) inner: R,
    pub(crate) progress: Arc<dyn Progress>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.progress.advance(n as u64);
        Ok(n)
    }
}
