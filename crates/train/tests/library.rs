//! What a program relies on that uses the library without the command.

#![allow(clippy::unwrap_used)]

use brooklet_core::Base;
use brooklet_train::Error;
use brooklet_train::input::{BadRows, Columns, Dialect, LabelRule, Roles, Row, SideTable, events_of};
use brooklet_train::training::{EventFiles, Files, Recipe, Training};

/// Who, what, and whether it was clicked.
fn events() -> Vec<(String, String, f64)> {
    let event = |n: usize| {
        let (user, item) = (n % 40, n * 7 % 31);
        (format!("u{user}"), format!("i{item}"), f64::from(u8::from((user + item).is_multiple_of(3))))
    };
    (0..1200).map(event).collect()
}

fn rows(events: &[(String, String, f64)]) -> impl Iterator<Item = Row<'_>> {
    events.iter().map(|(user, item, label)| Row { user, item, label: *label, ..Row::default() })
}

/// The numbers of a seed, without what it says of where they are from.
fn numbers(bytes: Vec<u8>) -> Vec<f32> {
    let base = Base::decode(bytes).unwrap();
    let mut numbers = vec![base.metadata().w0];
    for i in 0..base.len() {
        let mut row = vec![0.0; base.width()];
        base.row_into(i, &mut row);
        numbers.extend(row);
    }
    numbers
}

#[test]
fn events_from_an_iterator_teach_what_those_of_a_file_teach() {
    let (events, recipe) = (events(), Recipe { factors: 3, epochs: Some(2), ..Recipe::default() });
    let nothing = SideTable::default;
    let training = Training::of_events(&recipe, Columns::default(), rows(&events), nothing(), nothing(), &()).unwrap();
    let held = training.seed().unwrap();

    let folder = std::env::temp_dir();
    let path = folder.join(format!("brooklet-library-{}.csv", std::process::id()));
    let lines: String = events.iter().map(|(user, item, label)| format!("{user},{item},{label}\n")).collect();
    std::fs::write(&path, format!("user,item,label\n{lines}")).unwrap();
    let files = Files {
        events: EventFiles {
            paths: vec![path.clone()],
            roles: Roles::default(),
            roles_file: None,
            dialect: Dialect::default(),
            bad_rows: BadRows::Count(0),
            memory: usize::MAX,
            folder,
            cache: None,
        },
        items: None,
        item_fields: Vec::new(),
        users: None,
        user_fields: Vec::new(),
        context_fields: Vec::new(),
    };
    let read = Training::read(&recipe, &files, &()).unwrap().seed().unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!((held.rows, held.users, held.items), (1200, 40, 31));
    assert_eq!(numbers(held.bytes), numbers(read.bytes));
}

#[test]
fn an_event_that_is_wrong_is_named_by_its_number() {
    let rule = LabelRule { squared: false, positive: None, map: Vec::new() };
    let row = |label, time| Row { user: "u", item: "i", label, time, ..Row::default() };
    let error = |rows: Vec<Row<'_>>| match events_of(rows, &Columns::default(), &rule).unwrap_err() {
        Error::Input(text) => text,
        other => panic!("{other}"),
    };
    let text = error(vec![row(1.0, None), row(7.0, None)]);
    assert!(text.contains("event 2: column `label`: `7` is not between 0 and 1"), "{text}");
    let text = error(vec![row(1.0, None), row(1.0, Some(3.0))]);
    assert!(text.contains("event 2 has a time"), "{text}");
    assert!(error(Vec::new()).contains("no event"));
}
