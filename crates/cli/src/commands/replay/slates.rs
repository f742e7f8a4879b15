//! How the items of slates are ordered, as text.

use crate::term::SideBySide;
use brooklet_train::evaluate::{Difference, Estimate, Order, SlateOrder, Slates};

pub(super) fn print(slates: &Slates<Estimate>) {
    let Slates { all, by_slate } = slates;
    println!(
        "{} slates, {} with a click, which the figures are of: NDCG of 10 places, clicks in the first place",
        all.count, all.clicked
    );
    println!(
        "{:>8} {:>9}   {}",
        "slate",
        "clicked",
        ["as shown", "static", "personal", "NDCG personal - static"].map(|title| format!("{title:^22}")).join("  ")
    );
    for nth in by_slate {
        row(&nth.called(), &nth.order);
    }
    row("all", all);
    println!();
}

/// Several seeds by the order of the model that learns, then as the others have it.
pub(super) fn compare(table: &SideBySide, seeds: &[&Slates<Estimate>]) {
    let ndcg = |order: &'static str, of: fn(&SlateOrder<Estimate>) -> &Option<Order<Estimate>>| {
        table.row(order, seeds.iter().map(|slates| Some(&of(&slates.all).as_ref()?.ndcg.0)));
    };
    table.title("NDCG@10, by slate");
    for (i, nth) in seeds[0].by_slate.iter().enumerate() {
        let personal = seeds.iter().map(|slates| Some(&slates.by_slate[i].order.personal.as_ref()?.ndcg.0));
        table.row(&nth.called(), personal);
    }
    ndcg("all", |order| &order.personal);
    ndcg("all, static", |order| &order.fixed);
    ndcg("all, as shown", |order| &order.shown);
}

fn row(name: &str, order: &SlateOrder<Estimate>) {
    let gain = order.gain.as_ref().map(|gain| gain.ndcg.0);
    let ways = [&order.shown, &order.fixed, &order.personal].map(cell);
    println!("{}", format!("{name:>8} {:>9}   {}  {}", order.clicked, ways.join("  "), difference(gain)).trim_end());
}

/// NDCG ± its error, and the hit rate.
fn cell(order: &Option<Order<Estimate>>) -> String {
    let Some(Order { ndcg, hit_rate, .. }) = order else { return format!("{:>22}", "-") };
    let error = ndcg.0.error().map_or(String::new(), |error| format!(" ± {error:.4}"));
    format!("{:>22}", format!("{:.4}{error}  {:.3}", ndcg.0.value, hit_rate.0.value))
}

fn difference(gain: Option<Difference>) -> String {
    let Some(Difference { by, error }) = gain else { return format!("{:>22}", "-") };
    let error = error.map_or(String::new(), |error| format!(" ± {error:.4}"));
    format!("{:>22}", format!("{by:+.4}{error}"))
}
