//! What a seed never heard of is learnt from deltas: a field of items, a context, items that only clients know. A number is as the
//! seed's schema says.

use super::federate::federate;
use super::population::Population;
use super::simulation::{Figures, figures};
use crate::evaluate::Visitors;
use crate::input::{Columns, Events, LabelRule, Row, SideTable, events_of};
use crate::maths::{Rng, sigmoid};
use crate::training::{Method, Recipe, Training};
use brooklet_core::{Base, Config, FeatureId, FoldConfig, Privacy};

const PEOPLE: usize = 260;
const OF_SEED: usize = 60;
const JUDGED: usize = 50;
const ITEMS: usize = 80;
/// Items from this one on are new since the seed.
const NEW: usize = 60;

/// Slates of eight items. A click goes by the item's brand, by its year, and on a telephone by whether it is short.
struct Shop {
    rows: Vec<(usize, usize, usize, bool)>,
    years: SideTable,
    both: SideTable,
    devices: SideTable,
}

impl Shop {
    fn new(seed: u64) -> Shop {
        let mut rng = Rng::new(seed, 0);
        let table = |fields: &[&str]| SideTable::of_fields(&fields.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>());
        let (mut years, mut both, mut devices) = (table(&["year"]), table(&["brand", "year"]), table(&["device"]));
        for item in 0..ITEMS {
            let (id, brand, year) = (format!("i{item}"), format!("b{}", item % 5), (1950 + item * 7 % 70).to_string());
            years.add(&id, [("year", year.as_str())]);
            both.add(&id, [("brand", brand.as_str()), ("year", year.as_str())]);
        }
        let mut rows = Vec::new();
        for person in 0..PEOPLE {
            devices.add(&format!("p{person}"), [("device", if person % 2 == 0 { "phone" } else { "desk" })]);
            for slate in 0..6 {
                for _ in 0..8 {
                    let item = rng.below(if person < OF_SEED { NEW } else { ITEMS });
                    let liked =
                        1.6 * f32::from(u8::from(item.is_multiple_of(5))) - 1.2 * f32::from(u8::from(item % 5 == 3));
                    let recent = (item * 7 % 70) as f32 / 35.0 - 1.0;
                    let device = if person % 2 == 0 { 0.6 } else { -0.6 };
                    let click = rng.unit() < f64::from(sigmoid(liked + 0.8 * recent + device - 1.0));
                    rows.push((person, person * 6 + slate, item, click));
                }
            }
        }
        Shop { rows, years, both, devices }
    }

    /// Of some people: user, slate, item, click.
    fn rows(&self, people: std::ops::Range<usize>) -> Vec<(String, String, String, f64)> {
        let rows = self.rows.iter().filter(|row| people.contains(&row.0));
        rows.map(|(p, s, i, click)| (format!("p{p}"), s.to_string(), format!("i{i}"), f64::from(u8::from(*click))))
            .collect()
    }

    fn events(&self, people: std::ops::Range<usize>) -> Events {
        events_of(impressions(&self.rows(people)), &columns(), &rule()).unwrap()
    }

    /// A seed of the first people, who tell of each item nothing but its year.
    fn seed(&self) -> Base {
        let recipe = Recipe {
            positive: Some(1.0),
            method: Some(Method::Bayes),
            factors: 2,
            numeric: vec!["year".into()],
            ..Recipe::default()
        };
        let rows = self.rows(0..OF_SEED);
        let training =
            Training::of_events(&recipe, columns(), impressions(&rows), SideTable::default(), self.years.clone(), &());
        Base::decode(training.unwrap().seed().unwrap().bytes).unwrap()
    }
}

fn impressions(rows: &[(String, String, String, f64)]) -> impl Iterator<Item = Row<'_>> {
    rows.iter().map(|(user, slate, item, label)| Row {
        user,
        item,
        slate: Some(slate),
        label: *label,
        ..Row::default()
    })
}

fn columns() -> Columns {
    Columns { slate: Some("slate".into()), ..Columns::default() }
}

fn rule() -> LabelRule {
    LabelRule { squared: false, positive: Some(1.0), map: Vec::new() }
}

fn judge(visitors: &Visitors, base: &Base) -> Figures {
    figures(&visitors.replay(base, &Config::default(), &[], 1, || {}).unwrap())
}

#[test]
fn what_a_seed_never_heard_of_is_learnt_from_deltas() {
    let shop = Shop::new(5);
    let seed = shop.seed();
    assert!(seed.find(FeatureId::named("brand=b0")).is_none());
    let visitors = |people, users: &SideTable, items: &SideTable| {
        Visitors::new(&seed, &shop.events(people), &rule(), users, items).unwrap()
    };
    let population = Population {
        visit: 8,
        cut: 60,
        passes: 1,
        stale: 2,
        drop_out: 0.1,
        hostile: 0.0,
        targets: Vec::new(),
        noise_multiplier: 0.0,
        privacy: Privacy::default(),
        items: Vec::new(),
        fold: FoldConfig::default(),
        from_nothing: false,
        seed: 3,
    };
    let (clients, judged) = (OF_SEED..PEOPLE - JUDGED, PEOPLE - JUDGED..PEOPLE);
    let nobody = SideTable::default();
    let run = |users: &SideTable, items: &SideTable| {
        let taught = federate(&seed, &visitors(clients.clone(), users, items), &population, None, &()).unwrap();
        let judged = visitors(judged.clone(), users, items);
        (judge(&judged, &seed).log_loss.unwrap(), judge(&judged, &taught.base).log_loss.unwrap(), taught.base)
    };
    let (plain_seed, plain, _) = run(&nobody, &shop.years);
    let (fields_seed, fields, base) = run(&shop.devices, &shop.both);
    let weight = |feature: &str| {
        let mut row = vec![0.0; base.width()];
        base.row_into(base.find(FeatureId::named(feature)).unwrap_or_else(|| panic!("no row of {feature}")), &mut row);
        row[0]
    };
    // The rows of items that the seed knows hold most of what their brands do.
    let brands = ["b0", "b1", "b3"].map(|brand| weight(&format!("brand={brand}")));
    assert!(brands[0] > brands[1] + 0.05 && brands[1] > brands[2] + 0.05, "{brands:?}");
    assert!(weight("device=phone") > weight("device=desk"), "a context");
    assert!(base.find(FeatureId::named(&format!("item=i{}", ITEMS - 1))).is_some(), "an item that only clients met");
    assert!(base.find(FeatureId::named("year")).is_some(), "a number has one row");
    assert!(base.find(FeatureId::named("year=1950")).is_none(), "a number is no category");
    assert!(fields < fields_seed - 0.01, "{fields_seed} {fields}");
    assert!(plain < plain_seed, "{plain_seed} {plain}");
    assert!(fields < plain, "what the fields tell pays: {fields} {plain}");
}
