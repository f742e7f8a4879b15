//! Numbers on the command line, checked where they are given, and figures as they are shown.

/// A number of 0 or more.
pub(crate) fn not_negative(text: &str) -> Result<f32, String> {
    number(text).filter(|x| *x >= 0.0).ok_or_else(|| "give a number of 0 or more".into())
}

/// A number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f32, String> {
    number(text).filter(|x| (0.0..=1.0).contains(x)).ok_or_else(|| "give a number from 0 to 1".into())
}

/// Any number but infinity and NaN.
pub(crate) fn finite(text: &str) -> Result<f32, String> {
    number(text).ok_or_else(|| "give a number".into())
}

/// A figure to four digits, a dash where there is none.
pub(crate) fn shown(figure: Option<f64>) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.4}"))
}

fn number(text: &str) -> Option<f32> {
    text.trim().parse().ok().filter(|x: &f32| x.is_finite())
}
