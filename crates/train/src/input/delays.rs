//! Labels that come late: a column that says how late.

use super::dialect::Dialect;
use super::files::InputFile;
use super::format::read_cells;
use crate::error::Result;
use crate::watch::Watch;

/// How long after its event each label of a file of events arrived, row by row.
pub fn read_delays(file: &InputFile, dialect: Dialect, column: &str, watch: &dyn Watch) -> Result<Vec<f64>> {
    let mut delays = Vec::new();
    read_cells(file, dialect, watch, &|header| Ok(vec![header.column(column, "--delay-column")?]), &mut |cells| {
        let cell = cells[0].join("|");
        let bad = |why: &str| format!("column `{column}`: `{cell}` {why}");
        match cell.trim().parse::<f64>() {
            Ok(delay) if delay < 0.0 => Err(bad("is a label before its event: a delay is 0 or more")),
            Ok(delay) if delay.is_finite() => {
                delays.push(delay);
                Ok(())
            }
            _ => Err(bad("is not a finite number")),
        }
    })?;
    Ok(delays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::told;
    use crate::testing::temp_file;

    #[test]
    fn a_label_never_comes_before_its_event() {
        let read = |text: &str| {
            read_delays(&InputFile::once(temp_file(text).path()), Dialect::default(), "late", &())
                .map_err(|error| told(&error))
        };
        assert_eq!(read("user,late\na,2.5\nb,0\n"), Ok(vec![2.5, 0.0]));
        let error = read("user,late\na,-1\n").unwrap_err();
        assert!(error.contains(":2: column `late`: `-1` is a label before its event"), "{error}");
        let error = read("user,item\na,x\n").unwrap_err();
        assert!(error.contains("name the right one with --delay-column"), "{error}");
    }
}
