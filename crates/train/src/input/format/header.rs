//! The names of the columns of a file.

use crate::error::{Error, Result};

/// The names of the columns of a file, and where they stand.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// File, and line if there is one.
    pub(crate) place: String,
    pub(crate) names: Vec<String>,
}

impl Header {
    /// The index of `column`; `flag` is what the person should set if the file calls it otherwise.
    pub(crate) fn column(&self, column: &str, flag: &str) -> Result<usize> {
        let mut found = (0..self.names.len()).filter(|&at| self.names[at] == column);
        let Some(at) = found.next() else { return Err(self.missing(column, flag)) };
        ensure!(found.next().is_none(), Input, "{}: two columns are called `{column}`: rename one of them", self.place);
        Ok(at)
    }

    fn missing(&self, column: &str, flag: &str) -> Error {
        let Header { place, names } = self;
        let advice = if names.iter().any(|name| name.trim().parse::<f64>().is_ok()) {
            "the first line seems to be a row: put a header line with the names of the columns before it, such as user,item,label,time"
                .to_owned()
        } else {
            format!("name the right one with {flag}")
        };
        Error::Input(format!("{place}: there is no column `{column}`; the columns are {}: {advice}", names.join(", ")))
    }
}
