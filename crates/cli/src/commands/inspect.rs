//! What is in a seed.

use super::inspect_diff::Diff;
use crate::args::DialectArgs;
use crate::largest::{Largest, length, notes, short};
use crate::term::kinds;
use anyhow::Result;
use brooklet_core::{Base, CataloguePrior, FieldKind, Kind, Scale, Value};
use brooklet_train::seed;
use serde_json::{Map, json};
use std::collections::HashMap;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brooklet inspect seed.safetensors
  brooklet inspect before.safetensors after.safetensors";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The seed.
    seed: PathBuf,
    /// Another seed: shows what changed from the first to it.
    other: Option<PathBuf>,
    /// File of items, if it is not where it was in training; its columns tell which item is which.
    #[arg(long)]
    items: Option<PathBuf>,
    #[command(flatten)]
    dialect: DialectArgs,
    /// How many of the largest rows to show, or of those that moved most.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let base = seed::open(&args.seed)?;
    let mut told = notes(&base, args.items.as_deref(), args.dialect.dialect())?;
    if let Some(path) = &args.other {
        let other = seed::open(path)?;
        told.extend(notes(&other, args.items.as_deref(), args.dialect.dialect())?);
        let diff = Diff::new(&base, &other, args.top, &told);
        if args.json {
            println!("{}", serde_json::to_string(&diff)?);
        } else {
            println!("{} -> {}", args.seed.display(), path.display());
            diff.print();
        }
        return Ok(());
    }
    let shown = describe(&base, args.top, &told);
    if args.json {
        println!("{shown}");
    } else {
        print(&base, &shown);
    }
    Ok(())
}

/// Everything that is shown, as JSON.
fn describe(base: &Base, top: usize, notes: &HashMap<String, String>) -> serde_json::Value {
    let metadata = base.metadata();
    let (schema, prior, rates) = (&metadata.schema, &metadata.prior, &metadata.rates);
    let width = base.width();
    let deviations: Vec<f32> = (0..width).map(|i| (prior.covariance[i * width + i] * prior.scale).sqrt()).collect();
    let largest = Largest::new(base, top, notes);
    json!({
        "model": metadata.model,
        "version": metadata.version,
        "bytes": base.bytes().len(),
        "rows": base.len(),
        "factors": metadata.factors,
        "loss": metadata.loss.as_str(),
        "w0": metadata.w0,
        "private_rows": metadata.private_rows,
        "schema": {
            "visitor": schema.visitor, "item": schema.item, "private": schema.private, "fields": schema.fields,
            "rates": schema.rates.iter().map(|f| json!({ "field": f.field, "rate": short(f.rate), "adagrad": f.adagrad }))
                .collect::<Vec<_>>(),
            "context": schema.context,
            "kinds": schema.kinds.iter().map(kind).collect::<Vec<_>>(),
        },
        "bounds": bounds(base),
        "fields": rows_by_field(base),
        "tensors": tensors(base),
        "rates": { "private": short(rates.private), "shared": short(rates.shared), "delta": short(rates.delta) },
        "calibration": { "a": short(metadata.calibration.a), "b": short(metadata.calibration.b) },
        "thresholds": plain(&metadata.thresholds.to_value()),
        "examination": metadata.examination.iter().map(|&chance| short(chance)).collect::<Vec<_>>(),
        "prior": { "mean": prior.mean, "deviation": deviations, "scale": prior.scale },
        "catalogue": metadata.catalogue.as_ref().map(catalogue),
        "labels": {
            "positive": metadata.labels.positive.map(short),
            "map": metadata.labels.map.iter().map(|&(label, target)| [short(label), short(target)]).collect::<Vec<_>>(),
        },
        "training": plain(&metadata.training),
        "top": largest,
    })
}

/// What ranks the whole catalogue before the first click, as JSON.
fn catalogue(prior: &CataloguePrior) -> serde_json::Value {
    let deviations = prior.covariance.iter().step_by(prior.mean.len() + 1).map(|variance| variance.sqrt());
    json!({
        "mean": prior.mean, "deviation": deviations.collect::<Vec<_>>(), "click": short(prior.click), "half": short(prior.half),
    })
}

/// A field's kind, as JSON.
fn kind(of: &FieldKind) -> serde_json::Value {
    match of.kind {
        Kind::Numeric(Scale { mean, deviation }) => {
            json!({ "field": of.field, "kind": of.kind.as_str(), "mean": short(mean), "deviation": short(deviation) })
        }
        Kind::Categorical | Kind::MultiHot => json!({ "field": of.field, "kind": of.kind.as_str() }),
    }
}

/// The least and the largest weight and factor, and the longest row of factors.
fn bounds(base: &Base) -> serde_json::Value {
    let mut row = vec![0.0; base.width()];
    let wider = |[low, high]: [f32; 2], x: &f32| [low.min(*x), high.max(*x)];
    let (mut w, mut v, mut norm) = ([0.0; 2], [0.0; 2], 0.0f32);
    for i in 0..base.len() {
        base.row_into(i, &mut row);
        w = row[..1].iter().fold(if i == 0 { [row[0]; 2] } else { w }, wider);
        v = row[1..].iter().fold(v, wider);
        norm = norm.max(length(&row[1..]));
    }
    json!({ "w": w.map(short), "v": v.map(short), "norm": short(norm) })
}

/// How many rows each field has, by the names in the file.
fn rows_by_field(base: &Base) -> Map<String, serde_json::Value> {
    let mut fields = Map::new();
    for i in 0..base.len() {
        let field = base.name(i).map_or("(unnamed)", |name| name.split_once('=').map_or(name, |(field, _)| field));
        let count = fields.get(field).and_then(serde_json::Value::as_u64).unwrap_or(0);
        fields.insert(field.to_owned(), (count + 1).into());
    }
    fields
}

/// Type, shape and size of each tensor. The file was checked when it was opened, so its header reads.
fn tensors(base: &Base) -> Map<String, serde_json::Value> {
    let header = base.bytes().first_chunk::<8>().and_then(|length| {
        let end = 8 + u64::from_le_bytes(*length) as usize;
        serde_json::from_slice::<Map<String, serde_json::Value>>(base.bytes().get(8..end)?).ok()
    });
    let tensors = header.unwrap_or_default().into_iter().filter(|(name, _)| name != "__metadata__");
    let describe = |(name, tensor): (String, serde_json::Value)| {
        let bytes =
            tensor["data_offsets"][1].as_u64().zip(tensor["data_offsets"][0].as_u64()).map(|(end, start)| end - start);
        (name, json!({ "dtype": tensor["dtype"], "shape": tensor["shape"], "bytes": bytes }))
    };
    tensors.map(describe).collect()
}

fn plain(value: &Value) -> serde_json::Value {
    // It was read from JSON, so its JSON reads.
    serde_json::from_str(&value.to_json()).unwrap_or_default()
}

fn print(base: &Base, shown: &serde_json::Value) {
    let metadata = base.metadata();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let list = |value: &serde_json::Value| {
        let items: Vec<String> = value.as_array().into_iter().flatten().map(text).collect();
        if items.is_empty() { "-".to_owned() } else { items.join(", ") }
    };
    let pairs = |value: &serde_json::Value| {
        let items: Vec<String> =
            value.as_object().into_iter().flatten().map(|(k, v)| format!("{k} {}", text(v))).collect();
        items.join(", ")
    };
    let numbers = |value: &serde_json::Value| {
        let items: Vec<String> =
            value.as_array().into_iter().flatten().filter_map(|x| Some(format!("{:.3}", x.as_f64()?))).collect();
        items.join(" ")
    };
    let range = |value: &serde_json::Value| numbers(value).replace(' ', " to ");
    println!("{} version {}, {} bytes", metadata.model, metadata.version, base.bytes().len());
    println!(
        "{} rows of 1 + {} numbers, {} loss, w0 {:.4}",
        base.len(),
        metadata.factors,
        text(&shown["loss"]),
        metadata.w0
    );
    if metadata.private_rows {
        println!("HOLDS PRIVATE ROWS: for evaluation, never to be shipped");
    }
    println!();
    println!("visitor      {} (private: {})", metadata.schema.visitor, list(&shown["schema"]["private"]));
    println!("item         {} (fields: {})", metadata.schema.item, list(&shown["schema"]["fields"]));
    if !metadata.schema.kinds.is_empty() {
        println!("kinds        {}", kinds(&metadata.schema.kinds));
    }
    println!("rows         {}", pairs(&shown["fields"]));
    for (name, tensor) in shown["tensors"].as_object().into_iter().flatten() {
        println!(
            "tensor       {name:<10} {} [{}] {} bytes",
            text(&tensor["dtype"]),
            list(&tensor["shape"]),
            tensor["bytes"]
        );
    }
    println!("rates        {}", pairs(&shown["rates"]));
    for field in &metadata.schema.rates {
        let falling = if field.adagrad { ", falling (AdaGrad)" } else { "" };
        println!("             {} {}{falling}", field.field, field.rate);
    }
    let bounds = &shown["bounds"];
    println!(
        "bounds       w {}, v {}, |v| at most {}",
        range(&bounds["w"]),
        range(&bounds["v"]),
        text(&bounds["norm"])
    );
    println!("calibration  {}", pairs(&shown["calibration"]));
    println!("thresholds   {}", pairs(&shown["thresholds"]));
    if !metadata.examination.is_empty() {
        println!("looked at    {}", numbers(&shown["examination"]));
    }
    println!("prior        mean {}", numbers(&shown["prior"]["mean"]));
    println!("             +-   {} (scale {})", numbers(&shown["prior"]["deviation"]), metadata.prior.scale);
    let catalogue = &shown["catalogue"];
    if !catalogue.is_null() {
        println!("catalogue    mean {}", numbers(&catalogue["mean"]));
        println!("             +-   {}", numbers(&catalogue["deviation"]));
        println!(
            "             a click weighs {}, popularity counts half after {}",
            catalogue["click"], catalogue["half"]
        );
    }
    for (key, value) in shown["training"].as_object().into_iter().flatten() {
        println!("trained      {key}: {}", text(value));
    }
    for (title, key) in [("largest weights", "weight"), ("longest factors", "norm")] {
        println!();
        println!("{title:<24} {:>9} {:>9}", "w", "|v|");
        for row in shown["top"][key].as_array().into_iter().flatten() {
            let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
            let note = row["note"].as_str().unwrap_or_default();
            println!("{:<24} {:>9.4} {:>9.4}  {note}", text(&row["name"]), number("w"), number("norm"));
        }
    }
}
