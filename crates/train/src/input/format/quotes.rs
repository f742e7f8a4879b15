//! Quotes that do not pair: a stray one, an inch sign at the beginning of a cell, would swallow all rows up to the next.

use memchr::memchr;

/// Cells of this many lines are none.
const MOST_LINES: u64 = 1000;
/// A cell with at least so many lines inside, each with as many separators as the header, is swallowed rows.
const ROWS: u64 = 3;

/// Follows the quotes of a table, as RFC 4180 has them: a cell that begins with one ends with one, and two within stand for one.
pub(super) struct Quotes {
    separator: u8,
    /// Separators of the header, once its line is over.
    header: Option<u64>,
    /// Of this line so far, within quotes or without.
    separators: u64,
    state: State,
    /// Where the quote stands that is open: line, and lines of the cell with and without as many separators as the header.
    line: u64,
    alike: u64,
    unlike: u64,
    /// Cells of several lines, and where the first begins.
    pub(super) several: u64,
    pub(super) first_several: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Where a cell begins.
    Begin,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end of the cell, unless another follows.
    Closed,
}

/// What is wrong, and the line where the quote stands.
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) why: String,
}

impl Quotes {
    pub(super) fn new(separator: u8) -> Quotes {
        Quotes {
            separator,
            header: None,
            separators: 0,
            state: State::Begin,
            line: 0,
            alike: 0,
            unlike: 0,
            several: 0,
            first_several: 0,
        }
    }

    /// Follows a piece that begins on `line`; `end` ends lines.
    pub(super) fn follow(&mut self, bytes: &[u8], mut line: u64, end: u8) -> Result<(), Fault> {
        // Most tables have no quote behind the header.
        let outside = matches!(self.state, State::Begin | State::Plain);
        if self.header.is_some() && outside && memchr(b'"', bytes).is_none() {
            self.state = match bytes.last() {
                None => self.state,
                Some(last) if *last == self.separator || matches!(last, b'\n' | b'\r') => State::Begin,
                Some(_) => State::Plain,
            };
            return Ok(());
        }
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Begin, b'"') => {
                    (self.line, self.alike, self.unlike) = (line, 0, 0);
                    State::Quoted
                }
                (State::Quoted, b'"') => State::Closed,
                (State::Closed, b'"') => State::Quoted,
                (State::Quoted, _) => State::Quoted,
                (_, b'\n' | b'\r') => State::Begin,
                (_, byte) if byte == self.separator => State::Begin,
                (State::Closed, _) => return Err(self.fault("and something follows the quote that closes it")),
                (State::Begin | State::Plain, _) => State::Plain,
            };
            self.separators += u64::from(byte == self.separator);
            if byte == end {
                self.end_line(line)?;
                line += 1;
            }
        }
        Ok(())
    }

    /// At the end of the file.
    pub(super) fn finish(&self) -> Result<(), Fault> {
        if self.state == State::Quoted { Err(self.fault("and none closes it")) } else { Ok(()) }
    }

    fn end_line(&mut self, line: u64) -> Result<(), Fault> {
        let separators = std::mem::take(&mut self.separators);
        if self.state != State::Quoted {
            // Blank lines are before the header, too.
            self.header = self.header.or((separators > 0).then_some(separators));
            return Ok(());
        }
        if line == self.line {
            self.several += 1;
            if self.several == 1 {
                self.first_several = line;
            }
            return Ok(());
        }
        let header = self.header.unwrap_or(u64::MAX);
        *(if separators == header { &mut self.alike } else { &mut self.unlike }) += 1;
        let lines = self.alike + self.unlike;
        if lines >= MOST_LINES {
            return Err(self.fault(&format!("and none closes it within {MOST_LINES} lines")));
        }
        if self.alike >= ROWS && self.unlike == 0 && header > 1 {
            return Err(self.fault("and the lines behind it are rows"));
        }
        Ok(())
    }

    fn fault(&self, why: &str) -> Fault {
        let why = format!(
            "a quote begins a cell here, {why}: close it, write it twice within quotes, or say --quoting none if quotes are \
             characters like any other"
        );
        Fault { line: self.line, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the fault is, however the text is cut.
    fn fault(text: &str) -> Option<(u64, String)> {
        let mut found = Vec::new();
        for size in [1, 2, 7, 4096] {
            let (mut quotes, mut line) = (Quotes::new(b','), 1);
            let result = text.as_bytes().chunks(size).try_for_each(|piece| {
                quotes.follow(piece, line, b'\n')?;
                line += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
                Ok(())
            });
            let fault = result.and_then(|()| quotes.finish()).err();
            found.push(fault.map(|Fault { line, why }| (line, why)));
        }
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{text}: {found:?}");
        found.remove(0)
    }

    #[test]
    fn quotes_that_pair_are_none_of_its_business() {
        for text in [
            "",
            "a,b\n1,2\n",
            "a,b\n\"1\",\"x, \"\"y\"\"\"\n5\" disk,2\"\n",
            "a,\"b\nc\"\n1,2",
            "a,b,c\n1,2,\"one\ntwo, three\n\nfour,\n\"\n\"\",\"\"\"\",3",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_is_found_where_it_begins() {
        let rows = "1,2,3\n".repeat(5000);
        for (text, line, why) in [
            (format!("a,b,c\n1,2,3\n1,\"2,3\n{rows}"), 3, "the lines behind it are rows"),
            ("a,b,c\n1,2,3\n1,\"2,3\n1,2,3\n".to_owned(), 3, "none closes it"),
            (format!("a,b,c\n1,\"2,3\n{}", "words\n".repeat(2000)), 2, "within 1000 lines"),
            (format!("a,b,c\n{rows}1,\"12 inch,3\n1,\"14 inch,3\n"), 5002, "something follows"),
            ("a,b\n1,\"x\"y\n".to_owned(), 2, "something follows"),
        ] {
            let found = fault(&text).unwrap();
            assert!(found.0 == line && found.1.contains(why), "{line} {why}: {found:?}");
        }
    }
}
