//! The report of a training, for people.

use super::report::Report;
use crate::args::RecipeArgs;
use crate::largest::{Largest, notes};
use crate::report::{Report as Page, TOP, Told};
use crate::term::shown;
use anyhow::Result;
use brooklet_core::Base;
use brooklet_train::training::Fit;
use std::path::Path;

/// Writes it: what was trained on, how it went, and what came of it.
pub(super) fn write(
    path: &Path,
    recipe: &RecipeArgs,
    report: &Report,
    base: &Base,
    curve: &[(f64, f64)],
    clicks: Option<f64>,
) -> Result<()> {
    let Fit { log_loss, auc, rmse } = report.validation;
    let mut facts = vec![
        ("events", recipe.title()),
        ("rows", report.rows.to_string()),
        ("users", report.users.to_string()),
        ("items", report.items.to_string()),
        ("share of clicks", clicks.map_or("-".to_owned(), |share| format!("{:.1} %", 100.0 * share))),
        ("features", report.features.to_string()),
        ("factors", recipe.factors.to_string()),
        ("epochs", report.epochs.to_string()),
        ("time", format!("{:.1} s", report.seconds)),
        ("trained", format!("{:.1} million rows/s", report.rows_per_s / 1e6)),
        ("validation", format!("log-loss {}, AUC {}, RMSE {}", shown(log_loss), shown(auc), shown(rmse))),
        ("prior", format!("of {} users, x {}", report.prior_users, report.prior_scale)),
        ("shared rate", report.shared_rate.to_string()),
        ("calibration", format!("{:.3} s {:+.3}", report.calibration[0], report.calibration[1])),
        ("seed", format!("{}, {} bytes", report.out.display(), report.bytes)),
    ];
    facts.extend(recipe.items.iter().map(|items| ("items' fields", items.display().to_string())));
    facts.extend(recipe.users.iter().map(|users| ("users' fields", users.display().to_string())));
    let people = report.tuning.as_ref().map_or(0, |tuning| tuning.users);
    let told = Told {
        name: recipe.model.clone(),
        judged: report.tuning.as_ref().and_then(|tuning| tuning.judged.as_ref()),
        largest: Largest::new(base, TOP, &notes(base, None, recipe.dialect())?),
    };
    let page = Page {
        title: &format!("{}, trained on {}", recipe.model, recipe.title()),
        facts,
        epochs: curve,
        people: format!(
            "{people} people who were held out from training (the settings were chosen on them, so the figures are a little \
             kind)"
        ),
        models: vec![told],
    };
    page.write(path)
}
