//! What the values of fields are, as a seed's schema says it, and the numbers of numeric ones.

use crate::error::Result;
use crate::input::{Columns, SideTable};
use brooklet_core::{FieldKind, Kind, MAX_NUMBER, Scale, Value};

/// A category of the users' fields that fewer of them have would say something of single people.
pub(crate) const LEAST_PEOPLE: usize = 20;

/// The item's field, those of items, those of users and those of contexts. Of each of the fields named `numeric` the mean and the deviation are found; any
/// other is categories, and multi-hot where something has several.
pub(crate) fn kinds(
    columns: &Columns,
    items: &SideTable,
    users: &SideTable,
    contexts: &SideTable,
    numeric: &[String],
) -> Result<Vec<FieldKind>> {
    let mut kinds = vec![FieldKind { field: columns.item.clone(), kind: Kind::Categorical }];
    for (table, private) in [(items, false), (users, true), (contexts, false)] {
        for field in table.fields() {
            let kind = if numeric.contains(field) {
                Kind::Numeric(scale(table, field, private)?)
            } else if table.ids().any(|id| table.values(id, field).nth(1).is_some()) {
                Kind::MultiHot
            } else {
                Kind::Categorical
            };
            kinds.push(FieldKind { field: field.clone(), kind });
        }
    }
    Ok(kinds)
}

/// The mean and the deviation of a field over all that a table lists.
fn scale(table: &SideTable, field: &str, private: bool) -> Result<Scale> {
    let mut numbers = Vec::new();
    for id in table.ids() {
        let mut values = table.values(id, field);
        numbers.extend(values.next().map(|text| number(field, id, text)).transpose()?);
        ensure!(values.next().is_none(), Setting, "`{field}` of `{id}` is several values, and --numeric takes one");
    }
    ensure!(!numbers.is_empty(), Setting, "--numeric: nothing has a number in `{field}`");
    ensure!(
        !private || numbers.len() >= LEAST_PEOPLE,
        Setting,
        "--numeric: only {} users have a number in `{field}`, and their mean is in the seed: at least {LEAST_PEOPLE} must",
        numbers.len()
    );
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    // Numbers that are all alike are 0 each.
    let deviation = if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 };
    Ok(Scale { mean: mean as f32, deviation: deviation.max(f32::MIN_POSITIVE) })
}

/// The number that a cell holds, read as a browser reads one.
pub(crate) fn number(field: &str, id: &str, text: &str) -> Result<f64> {
    match Value::parse(text) {
        Ok(Value::Number(x)) if x.abs() <= MAX_NUMBER => Ok(x),
        _ => bail!(
            Setting,
            "`{field}` of `{id}` is `{text}`, and --numeric takes numbers of at most a million: 12, -0.5 or 3e4"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::told;
    use crate::testing::columns;

    fn table(field: &str, values: &[&str]) -> SideTable {
        let mut table = SideTable::of_fields(&[field.into()]);
        for (n, value) in values.iter().enumerate() {
            table.add(&n.to_string(), value.split('|').map(|value| (field, value)));
        }
        table
    }

    #[test]
    fn a_field_is_one_kind() {
        let of = |values: &[&str], numeric: &[String]| {
            let none = SideTable::default();
            let kinds = kinds(&columns(), &table("size", values), &none, &none, numeric).unwrap();
            assert_eq!(kinds[0], FieldKind { field: "item".into(), kind: Kind::Categorical });
            assert_eq!((kinds.len(), kinds[1].field.as_str()), (2, "size"));
            kinds[1].kind
        };
        assert_eq!(of(&["1", "2", "2"], &[]), Kind::Categorical);
        assert_eq!(of(&["1", "2|3", ""], &[]), Kind::MultiHot);
        // 1, 2, 6: mean 3, squared deviations 4, 1 and 9.
        let deviation = (14.0f64 / 3.0).sqrt() as f32;
        let numeric = ["size".to_owned()];
        assert_eq!(of(&["1", "2", "", "6"], &numeric), Kind::Numeric(Scale { mean: 3.0, deviation }));
        assert_eq!(of(&["7", "7.0"], &numeric), Kind::Numeric(Scale { mean: 7.0, deviation: 1.0 }));
    }

    #[test]
    fn what_is_no_number_is_named() {
        let error = |items: &[&str], users: &[&str]| {
            let (items, users) = (table("size", items), table("age", users));
            told(&kinds(&columns(), &items, &users, &SideTable::default(), &["size".into(), "age".into()]).unwrap_err())
        };
        assert!(error(&["1", "XL"], &[]).contains("`size` of `1` is `XL`"));
        assert!(error(&["1", "2e6"], &[]).contains("`size` of `1` is `2e6`"));
        assert!(error(&["1|2"], &[]).contains("`size` of `0` is several values"));
        assert!(error(&[""], &[]).contains("nothing has a number in `size`"));
        // The mean of three people would tell of them.
        assert!(error(&["1"], &["30", "40", "50"]).contains("only 3 users have a number in `age`"));
    }
}
