//! Items on their way into the catalogue: objects or columns, at once or in slices.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_core::Features;
use js_sys::{IntoIter, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::api::argument::item_id;
use crate::page::error::Failure;
use crate::page::object::{field, only};
use crate::page::vocabulary::{self, JsItem, is_item, row_of};
use crate::tab::client::Client;

/// How long a slice keeps the page's thread, in milliseconds.
const SLICE: f64 = 3.0;
/// So many items are read between two looks at the clock.
const BETWEEN_LOOKS: usize = 16;

type Item = (String, Features);

/// What a page hands over, item by item.
pub(crate) enum Items {
    Objects(IntoIter),
    /// `row` is filled anew for each.
    Columns {
        ids: JsValue,
        columns: JsValue,
        row: JsValue,
        at: u32,
        length: u32,
    },
}

impl Items {
    /// `{ ids, features }`, or an iterable of `{ id, features }`.
    pub(crate) fn of(items: &JsValue) -> Result<Items, Failure> {
        if let Some(iterator) = js_sys::try_iter(items).ok().flatten() {
            return Ok(Items::Objects(iterator));
        }
        let wanted = "items are an iterable of { id, features }, or { ids, features } with columns";
        if !items.is_object() {
            return Err(Failure::argument(wanted));
        }
        only(items, &["ids", "features"], "a catalogue in columns")?;
        let ids = field(items, "ids")?.ok_or(Failure::argument(wanted))?;
        let columns = field(items, "features")?.unwrap_or_else(|| Object::new().into());
        let length = |column: &JsValue| Some(field(column, "length").ok()??.as_f64()? as u32);
        let all = length(&ids).ok_or(Failure::argument(wanted))?;
        let values = columns.dyn_ref::<Object>().map(Object::values).ok_or(Failure::argument(wanted))?;
        if values.iter().any(|column| !column.is_object() || length(&column) != Some(all)) {
            return Err(Failure::argument("every column of `features` is an array as long as `ids`"));
        }
        Ok(Items::Columns { ids, columns, row: Object::new().into(), at: 0, length: all })
    }

    /// All of them.
    pub(crate) fn read(mut self, client: &Client) -> Result<Vec<Item>, Failure> {
        let mut read = Vec::new();
        while let Some(item) = self.next(client) {
            read.push(item?);
        }
        Ok(read)
    }

    fn next(&mut self, client: &Client) -> Option<Result<Item, Failure>> {
        match self {
            Items::Objects(iterator) => {
                let item = iterator.next()?.map_err(|thrown| Failure::thrown("bad_argument", &thrown));
                Some(item.and_then(|item| object(client, item)))
            }
            Items::Columns { ids, columns, row, at, length } => {
                if at == length {
                    return None;
                }
                row_of(columns, *at, row);
                let id = Reflect::get_u32(ids, *at).unwrap_or_default();
                *at += 1;
                Some(item_id(&id).and_then(|id| item(client, id, row)))
            }
        }
    }
}

fn object(client: &Client, value: JsValue) -> Result<Item, Failure> {
    if !is_item(&value) {
        only(&value, &["id", "features"], "an item")?;
    }
    let thrown = |thrown| Failure::thrown("bad_argument", &thrown);
    let value = value.unchecked_into::<JsItem>();
    item(client, item_id(&value.id().map_err(thrown)?)?, &value.features().map_err(thrown)?)
}

fn item(client: &Client, id: String, features: &JsValue) -> Result<Item, Failure> {
    match client.features(features) {
        Ok(features) => Ok((id, features)),
        Err(failure) => Err(failure.of("item ", &id)),
    }
}

/// Adds items in slices, between which the page does what it has to. If one of them is bad, none is added.
pub(crate) async fn add_in_slices(client: Rc<Client>, mut items: Items) -> Result<(), Failure> {
    let mut slice = Slice { began: js_sys::Date::now() };
    let mut read = Vec::new();
    while let Some(item) = items.next(&client) {
        read.push(item?);
        if read.len().is_multiple_of(BETWEEN_LOOKS) {
            slice.end().await?;
        }
    }
    for items in read.chunks(BETWEEN_LOOKS) {
        client.set_items(items, true)?;
        slice.end().await?;
    }
    Ok(())
}

struct Slice {
    began: f64,
}

impl Slice {
    /// Begins another if this one is long enough.
    async fn end(&mut self) -> Result<(), Failure> {
        if (js_sys::Date::now() - self.began).abs() >= SLICE {
            JsFuture::from(vocabulary::breath()).await.map_err(|thrown| Failure::thrown("unexpected", &thrown))?;
            self.began = js_sys::Date::now();
        }
        Ok(())
    }
}
