//! The page as a whole.

use super::told::Told;
use super::{charts, sections};
use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::Path;

/// What there is to tell. A section without anything to show is left out.
pub(crate) struct Report<'a> {
    pub(crate) title: &'a str,
    /// The data's summary and the run's: what, how much.
    pub(crate) facts: Vec<(&'a str, String)>,
    /// The losses after each epoch: of rows that are trained on, and of rows held out.
    pub(crate) epochs: &'a [(f64, f64)],
    /// Who was replayed, for a sentence: "1,208 visitors of replay.csv".
    pub(crate) people: String,
    pub(crate) models: Vec<Told<'a>>,
}

impl Report<'_> {
    /// Writes the page.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        crate::files::write_whole(path, self.page()?.into_string().as_bytes())
    }

    fn page(&self) -> Result<Markup> {
        let command = command_line(std::env::args());
        Ok(html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    style { (PreEscaped(style())) }
                }
                body {
                    h1 { (self.title) }
                    dl {
                        @for (name, value) in &self.facts {
                            div { dt { (name) } dd { (value) } }
                        }
                    }
                    pre { code { @for word in &command { span { (word) } " " } } }
                    (sections::learning_curves(self.epochs)?)
                    (sections::personalisation(&self.people, &self.models)?)
                    (sections::slates(&self.models)?)
                    (sections::frozen(&self.models)?)
                    (sections::calibration(&self.models)?)
                    (sections::features(&self.models))
                    footer { "brooklet " (env!("CARGO_PKG_VERSION")) }
                }
            }
        })
    }
}

/// Word by word as it could be typed again.
fn command_line(args: impl Iterator<Item = String>) -> Vec<String> {
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
    let quoted = |(i, arg): (usize, String)| match arg {
        // Where the command lies is of no use to anybody.
        arg if i == 0 => arg.rsplit(['/', '\\']).next().unwrap_or(&arg).to_owned(),
        arg if !arg.is_empty() && arg.chars().all(plain) => arg,
        arg => format!("'{}'", arg.replace('\'', r"'\''")),
    };
    args.enumerate().map(quoted).collect()
}

/// The style sheet, with the charts' colours for both themes.
fn style() -> String {
    let dark = ["#5BB0E8", "#FF8A4C", "#3CC79A", "#E5A3C9", "#F2B84B", "#8FD0F5"];
    let variables = |colours: &mut dyn Iterator<Item = &str>| -> String {
        colours.enumerate().map(|(i, colour)| format!("--c{i}:{colour};")).collect()
    };
    let rules: String = (charts::COLOURS.iter().enumerate())
        .map(|(i, (name, _))| {
            format!(
                "svg [stroke='{name}']{{stroke:var(--c{i})}} svg [fill='{name}']{{fill:var(--c{i})}} .c{i}{{background:var(--c{i})}}\n"
            )
        })
        .collect();
    let (axes, _) = charts::AXES;
    include_str!("report.css")
        .replace("/* light colours */", &variables(&mut charts::COLOURS.iter().map(|(name, _)| *name)))
        .replace("/* dark colours */", &variables(&mut dark.into_iter()))
        + &rules
        + &format!("svg [stroke='{axes}']{{stroke:var(--axes)}} svg text{{fill:var(--faint)}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_typed_again() {
        let args = ["/usr/bin/brooklet", "train", "my file.csv", "it's", "--label-map", "1=.05,2=.15", ""];
        let line = command_line(args.into_iter().map(str::to_owned)).join(" ");
        assert_eq!(line, r"brooklet train 'my file.csv' 'it'\''s' --label-map 1=.05,2=.15 ''");
    }
}
