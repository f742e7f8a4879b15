//! Figures as they are shown.

use brooklet_train::evaluate::Estimate;

/// A figure to four digits, a dash where there is none.
pub(crate) fn shown(figure: Option<f64>) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.4}"))
}

/// The same of a figure that has an error.
pub(crate) fn figure(figure: &Option<Estimate>) -> String {
    shown(figure.as_ref().map(|figure| figure.value))
}
