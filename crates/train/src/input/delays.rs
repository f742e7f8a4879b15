//! Labels that come late: a column that says how late.

use super::format::Table;
use crate::error::Result;
use crate::watch::Watch;
use csv::ByteRecord;
use std::path::Path;

/// How long after its event each label of a CSV file of events arrived, row by row.
pub fn read_delays(path: &Path, column: &str, watch: &dyn Watch) -> Result<Vec<f64>> {
    let mut table = Table::open(path, watch)?;
    let column = table.column(column, "--delay-column")?;
    let mut delays = Vec::new();
    let mut record = ByteRecord::new();
    loop {
        let read = table.read(&mut record)?;
        match read.and_then(|more| if more { delay(&table, &record, column).map(Some) } else { Ok(None) }) {
            Ok(Some(delay)) => delays.push(delay),
            Ok(None) => return Ok(delays),
            Err(why) => bail!(Input, "{}: {why}", table.place(&record)),
        }
    }
}

fn delay(table: &Table, record: &ByteRecord, column: usize) -> Result<f64, String> {
    let delay = table.number(record, column)?;
    if delay < 0.0 {
        return Err(table.bad(record, column, "is a label before its event: a delay is 0 or more"));
    }
    Ok(delay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::told;
    use crate::testing::temp_file;

    #[test]
    fn a_label_never_comes_before_its_event() {
        let read = |text: &str| read_delays(temp_file(text).path(), "late", &()).map_err(|error| told(&error));
        assert_eq!(read("user,late\na,2.5\nb,0\n"), Ok(vec![2.5, 0.0]));
        let error = read("user,late\na,-1\n").unwrap_err();
        assert!(error.contains(":2: column `late`: `-1` is a label before its event"), "{error}");
        let error = read("user,item\na,x\n").unwrap_err();
        assert!(error.contains("name the right one with --delay-column"), "{error}");
    }
}
