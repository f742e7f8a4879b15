//! The sections of the page: a sentence of what is shown, charts, and the figures themselves in a table.

use super::charts::{Chart, Line, Scale};
use super::told::Told;
use crate::largest::Row;
use crate::term::shown;
use anyhow::Result;
use brooklet_train::evaluate::{
    Bucket, Difference, Estimate, Frozen, JUDGED_EVENTS, JUDGED_FROM, Judged, Order, Reliability, Score, SlateOrder,
    Slates, minus,
};
use maud::{Markup, PreEscaped, html};

type Picked = fn(&Bucket<Estimate>) -> &Score<Estimate>;
type Figure = fn(&Score<Estimate>) -> &Option<Estimate>;

/// How events can be predicted, and what it is called.
const WAYS: [(&str, Picked); 3] =
    [("personal", |bucket| &bucket.personal), ("gated", |bucket| &bucket.gated), ("static", |bucket| &bucket.fixed)];
/// What is measured; the last is a regression's alone.
const FIGURES: [(&str, Figure); 3] =
    [("log-loss", |score| &score.log_loss), ("AUC", |score| &score.auc), ("RMSE", |score| &score.rmse)];

type Way = fn(&SlateOrder<Estimate>) -> &Option<Order<Estimate>>;

/// How a slate can be ordered, and what it is called.
const ORDERS: [(&str, Way); 3] =
    [("as shown", |order| &order.shown), ("static", |order| &order.fixed), ("personal", |order| &order.personal)];

pub(super) fn learning_curves(epochs: &[(f64, f64)]) -> Result<Markup> {
    let line = |name: &str, loss: fn(&(f64, f64)) -> f64| Line {
        name: name.to_owned(),
        points: epochs.iter().enumerate().map(|(i, losses)| ((i + 1) as f64, loss(losses))).collect(),
        dashed: false,
    };
    let lines = vec![line("rows trained on (a sample)", |losses| losses.0), line("rows held out", |losses| losses.1)];
    let chart = figure("Loss", Chart { x: "epoch", y: "loss", lines, scale: Scale::Counts })?;
    Ok(html! {
        @if let Some(chart) = chart {
            h2 { "Learning curves" }
            p { "The loss after each epoch of the run that held rows out: the cross-entropy against the target that is learnt,
                or the squared error of a regression." }
            div.side { (chart) }
        }
    })
}

/// Static, personal and gated by how many events a visitor had before; of several seeds the personal ones.
pub(super) fn personalisation(people: &str, models: &[Told]) -> Result<Markup> {
    let judged: Vec<(&Told, &Judged)> = models.iter().filter_map(|told| Some((told, told.judged?))).collect();
    let Some((_, first)) = judged.first() else { return Ok(html! {}) };
    let words: Vec<&str> = single_buckets(first).map(|bucket| bucket.bucket).collect();
    let mut charts = Vec::new();
    for (name, value) in FIGURES {
        let line = |name: String, judged: &Judged, way: Picked| Line {
            dashed: name == "gated",
            name,
            points: single_buckets(judged)
                .enumerate()
                .filter_map(|(i, bucket)| Some((i as f64, value(way(bucket)).as_ref()?.value)))
                .collect(),
        };
        let lines = match &judged[..] {
            [(_, judged)] => WAYS.map(|(name, way)| line(name.to_owned(), judged, way)).into(),
            several => several.iter().map(|(told, judged)| line(told.name.clone(), judged, |b| &b.personal)).collect(),
        };
        charts.extend(figure(name, Chart { x: "event of the visitor", y: name, lines, scale: Scale::Words(&words) })?);
    }
    Ok(html! {
        h2 { "Personalisation" }
        p { "Each event of " (people) ", predicted, then learnt from: by the model that learns (personal), by the seed as it is
            (static), and by whichever of the two the gate would serve (gated). Log-loss is the mean over visitors." }
        div.side { @for chart in &charts { (chart) } }
        @for (told, judged) in &judged {
            @if models.len() > 1 { h3 { (told.name) } }
            (bucket_table(judged))
        }
        @if judged.len() > 1 {
            @for (told, of) in &judged[1..] { (against(&told.name, &judged[0].0.name, of, first)) }
        }
    })
}

/// How frozen learners rank, by the number of events that they had seen.
pub(super) fn frozen(models: &[Told]) -> Result<Markup> {
    let judged: Vec<(&Told, &Judged)> = models.iter().filter_map(|told| Some((told, told.judged?))).collect();
    let line = |(told, judged): &(&Told, &Judged)| Line {
        name: told.name.clone(),
        points: (judged.figures.frozen.iter())
            .filter_map(|frozen| Some((frozen.after as f64, frozen.within_user_auc.as_ref()?.value)))
            .collect(),
        dashed: false,
    };
    let lines = judged.iter().map(line).collect();
    let title = "AUC within a visitor";
    let Some(chart) = figure(title, Chart { x: "events seen", y: "AUC", lines, scale: Scale::Counts })? else {
        return Ok(html! {});
    };
    Ok(html! {
        h2 { "Ranking, frozen" }
        p { "Learners that stop after so many events, judged on the same later events (from the " (JUDGED_FROM + 1) "st on, of
            visitors with " (JUDGED_EVENTS) " or more): the mean over visitors of the AUC within each, so that a visitor's general
            mood counts for nothing. The gain is over the learner that has seen the fewest, ± the standard error over visitors." }
        div.side {
            (chart)
            @for (nth, (told, of)) in judged.iter().enumerate() {
                @let others = (nth > 0).then_some(&judged[0].1.figures.frozen);
                div.scroll {
                    @if models.len() > 1 { h3 { (told.name) } }
                    (frozen_table(&of.figures.frozen, others.map(Vec::as_slice)))
                }
            }
        }
    })
}

/// `first` is what the same learners of the first seed did.
fn frozen_table(frozen: &[Frozen<Estimate>], first: Option<&[Frozen<Estimate>]>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "events seen" }
                    @if first.is_none() { th { "visitors" } }
                    th { "AUC" } th { "gain" }
                    @if first.is_some() { th { "over the first" } } @else { th { "log-loss" } }
                }
            }
            tbody {
                @for (i, of) in frozen.iter().enumerate() {
                    @let gain = minus(&of.within_user_auc, &frozen[0].within_user_auc).filter(|_| i > 0);
                    tr {
                        td { (of.after) }
                        @if first.is_none() { td { (of.users) } }
                        td { (number(&of.within_user_auc)) } td { (difference(gain)) }
                        @if let Some(first) = first {
                            td { (difference(minus(&of.within_user_auc, &first[i].within_user_auc))) }
                        } @else {
                            td { (number(&of.log_loss)) }
                        }
                    }
                }
            }
        }
    }
}

/// How the items of slates are ordered, by the number of the slate of its person.
pub(super) fn slates(models: &[Told]) -> Result<Markup> {
    let judged: Vec<(String, &Slates<Estimate>)> =
        models.iter().filter_map(|told| Some((told.name.clone(), told.judged?.figures.slates.as_ref()?))).collect();
    let line = |name: String, slates: &Slates<Estimate>, way: Way| Line {
        dashed: name == "as shown",
        name,
        points: (slates.by_slate.iter())
            .filter_map(|nth| Some((nth.slate as f64, way(&nth.order).as_ref()?.ndcg.0.value)))
            .collect(),
    };
    let lines = match &judged[..] {
        [(_, slates)] => ORDERS.map(|(name, way)| line(name.to_owned(), slates, way)).into(),
        several => several.iter().map(|(name, slates)| line(name.clone(), slates, |order| &order.personal)).collect(),
    };
    let title = "NDCG of 10 places within a slate";
    let Some(chart) = figure(title, Chart { x: "slate of the visitor", y: "NDCG", lines, scale: Scale::Counts })?
    else {
        return Ok(html! {});
    };
    Ok(html! {
        h2 { "Slates" }
        p { "The items of each slate in the order in which they were shown, in the seed's, and in that of the model that has learnt
            from the slates before. Slates without a click tell of no order. ± is the standard error over visitors." }
        div.side {
            (chart)
            @for (name, slates) in &judged {
                div.scroll {
                    @if judged.len() > 1 { h3 { (name) } }
                    (slate_table(slates))
                }
            }
        }
    })
}

fn slate_table(slates: &Slates<Estimate>) -> Markup {
    let numbered = slates.by_slate.iter().map(|nth| (nth.called(), &nth.order));
    html! {
        table {
            thead {
                tr {
                    th { "slate" } th { "with a click" }
                    @for (name, _) in ORDERS { th { (name) } }
                    th { "personal over static" }
                }
            }
            tbody {
                @for (name, order) in numbered.chain([("all".to_owned(), &slates.all)]) {
                    tr.all[name == "all"] {
                        td { (name) } td { (order.clicked) }
                        @for (_, way) in ORDERS { td { (shown(way(order).as_ref().map(|order| order.ndcg.0.value))) } }
                        td { (difference(order.gain.as_ref().map(|gain| gain.ndcg.0))) }
                    }
                }
            }
        }
    }
}

/// Reliability: predicted probability against the share of clicks.
pub(super) fn calibration(models: &[Told]) -> Result<Markup> {
    let judged: Vec<(&Told, &Judged)> = models.iter().filter_map(|told| Some((told, told.judged?))).collect();
    let named: Vec<(String, &Reliability)> = match &judged[..] {
        [(_, one)] => {
            let calibration = &one.calibration;
            vec![("personal".to_owned(), &calibration.personal), ("static".to_owned(), &calibration.fixed)]
        }
        several => several.iter().map(|(told, of)| (told.name.clone(), &of.calibration.personal)).collect(),
    };
    let lines = named.iter().map(|(name, reliability)| Line {
        name: name.clone(),
        points: reliability.bins.iter().map(|bin| (bin.predicted, bin.clicked)).collect(),
        dashed: false,
    });
    let (x, y) = ("predicted probability", "share of clicks");
    let Some(chart) = figure("Reliability", Chart { x, y, lines: lines.collect(), scale: Scale::Probabilities })?
    else {
        return Ok(html! {});
    };
    Ok(html! {
        h2 { "Calibration" }
        p { "By tenths of the predicted probability: on the dashed line, what is said to happen in 3 of 10 cases happens in 3 of 10.
            The expected calibration error is the mean distance from it, over events." }
        div.side {
            (chart)
            @for (name, reliability) in &named {
                div {
                    h3 { (name) ", expected calibration error " (shown(reliability.error)) }
                    table {
                        thead { tr { th { "from" } th { "to" } th { "events" } th { "predicted" } th { "clicked" } } }
                        tbody {
                            @for bin in &reliability.bins {
                                tr {
                                    td { (format!("{:.1}", bin.from)) } td { (format!("{:.1}", bin.to)) } td { (bin.events) }
                                    td { (format!("{:.3}", bin.predicted)) } td { (format!("{:.3}", bin.clicked)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// The largest rows by name.
pub(super) fn features(models: &[Told]) -> Markup {
    html! {
        h2 { "Largest features" }
        p { "Rows of the seed. w moves every visitor's score alike; the longer v, the more visitors differ about it." }
        @for told in models {
            @if models.len() > 1 { h3 { (told.name) } }
            div.side {
                (rows("by weight", &told.largest.weight))
                (rows("by length of v", &told.largest.norm))
            }
        }
    }
}

fn rows(title: &str, rows: &[Row]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th { (title) } th { "w" } th { "|v|" } th.note {} } }
                tbody {
                    @for row in rows {
                        tr {
                            td { (row.name) } td { (format!("{:+.3}", row.w)) } td { (format!("{:.3}", row.norm)) }
                            td.note { (row.note.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            }
        }
    }
}

fn bucket_table(judged: &Judged) -> Markup {
    let buckets = &judged.figures.buckets;
    let told: Vec<(&str, Figure)> =
        FIGURES.into_iter().filter(|(_, value)| buckets.iter().any(|b| value(&b.personal).is_some())).collect();
    let gains = [judged.gain.log_loss, judged.gain.auc, judged.gain.rmse];
    html! {
        div.scroll {
            table {
                thead {
                    tr { th {} th {} @for (name, _) in WAYS { th.group colspan=(told.len()) { (name) } } }
                    tr { th { "event" } th { "events" } @for _ in WAYS { @for (name, _) in &told { th { (name) } } } }
                }
                tbody {
                    @for bucket in buckets {
                        tr.all[bucket.bucket == "all"] {
                            td { (bucket.bucket) } td { (bucket.events) }
                            @for (_, way) in WAYS { @for (_, value) in &told { td { (number(value(way(bucket)))) } } }
                        }
                    }
                }
            }
        }
        p { "Personal over static, all events: "
            @for ((name, _), gain) in FIGURES.iter().zip(gains).filter(|(_, gain)| gain.is_some()) {
                (name) " " (difference(gain)) ". "
            }
            @if judged.forgotten_labels > 0 {
                (judged.forgotten_labels) " labels came too late for a browser's memory, and were not learnt. "
            }
            @if judged.drifts > 0 { (judged.drifts) " drift alarms." }
        }
    }
}

/// How much the personal figures of one seed are above those of the first.
fn against(name: &str, first: &str, of: &Judged, to: &Judged) -> Markup {
    let differences = of.figures.minus(&to.figures);
    html! {
        h3 { (name) ", less " (first) }
        table {
            thead { tr { th { "event" } th { "log-loss" } th { "AUC" } } }
            tbody {
                @for bucket in &differences.buckets {
                    tr.all[bucket.bucket == "all"] {
                        td { (bucket.bucket) } td { (difference(bucket.personal.log_loss)) } td { (difference(bucket.personal.auc)) }
                    }
                }
            }
        }
        p { "Paired differences of the personal figures, ± the standard error over visitors. Faint ones are within two of them:
            they may be noise." }
    }
}

/// A chart under its title and the names of its lines.
fn figure(title: &str, chart: Chart) -> Result<Option<Markup>> {
    let Some(svg) = chart.svg()? else { return Ok(None) };
    Ok(Some(html! {
        figure {
            figcaption {
                b { (title) }
                @for (i, line) in chart.lines.iter().enumerate() {
                    span { span class={ "swatch c" (i % super::charts::COLOURS.len()) } {} (line.name) }
                }
            }
            (PreEscaped(svg))
        }
    }))
}

/// All but the one that holds all events.
fn single_buckets(judged: &Judged) -> impl Iterator<Item = &Bucket<Estimate>> {
    judged.figures.buckets.iter().filter(|bucket| bucket.bucket != "all")
}

fn number(figure: &Option<Estimate>) -> String {
    shown(figure.as_ref().map(|figure| figure.value))
}

fn difference(difference: Option<Difference>) -> Markup {
    let Some(difference) = difference else { return html! { "-" } };
    let error = difference.error.map_or(String::new(), |error| format!(" ± {error:.4}"));
    html! { span.weak[!difference.stands_out()] { (format!("{:+.4}{error}", difference.by)) } }
}
