//! What the command says on standard output, written in one place: the standard library's `println!` panics where it cannot
//! write, and who reads may have had enough, as `head` has.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};
use std::process::exit;

/// In place of the standard library's. It is known to the modules that come after this one in `main.rs`.
macro_rules! println {
    () => { $crate::term::output::line(format_args!("")) };
    ($($part:tt)*) => { $crate::term::output::line(format_args!($($part)*)) };
}

/// Writes a line.
pub(crate) fn line(text: Arguments<'_>) {
    written(writeln!(std::io::stdout(), "{text}"));
}

/// Writes what is whole already.
pub(crate) fn all(bytes: &[u8]) {
    written(std::io::stdout().write_all(bytes));
}

/// There is nobody to go on for where writing fails: it ends the process, quietly if the reader has gone.
fn written(result: std::io::Result<()>) {
    let Err(error) = result else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        exit(0);
    }
    eprintln!("brooklet: cannot write to standard output: {error}");
    exit(1);
}
