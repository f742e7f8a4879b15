//! From labels to targets and clicks.

use crate::error::Result;
use brooklet_core::{Labels, Loss};

/// What a label of the file means: what is learnt, and what counts as a click when a model is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelRule {
    /// Learn the label itself.
    pub squared: bool,
    /// A click is a label of at least this.
    pub positive: Option<f32>,
    /// Graded targets by label.
    pub map: Vec<(f32, f32)>,
}

impl LabelRule {
    pub(crate) fn of(loss: Loss, labels: &Labels) -> LabelRule {
        LabelRule { squared: matches!(loss, Loss::Squared), positive: labels.positive, map: labels.map.clone() }
    }

    /// The target of a label, or what is wrong with the label.
    pub(crate) fn target(&self, label: f32) -> Result<f32, String> {
        if self.squared {
            return Ok(label);
        }
        if !self.map.is_empty() {
            return match self.map.iter().find(|(from, _)| *from == label) {
                Some(&(_, target)) => Ok(target),
                None => Err(format!("has no target: add `{label}=...` to --label-map")),
            };
        }
        match self.positive {
            Some(positive) => Ok(f32::from(u8::from(label >= positive))),
            None if (0.0..=1.0).contains(&label) => Ok(label),
            None => Err(
                "is not between 0 and 1: say with --positive which labels are clicks, or grade them with --label-map"
                    .into(),
            ),
        }
    }

    /// Whether a label counts as a click; None if the model is a regression and nobody said what a click is.
    pub(crate) fn click(&self, label: f32, target: f32) -> Option<bool> {
        match self.positive {
            Some(positive) => Some(label >= positive),
            None if self.squared => None,
            None => Some(target >= 0.5),
        }
    }
}

/// Parses `1=.05,2=.15,3=.35`: a graded target in [0, 1] for each label.
pub fn parse_label_map(text: &str) -> Result<Vec<(f32, f32)>> {
    let mut map = Vec::new();
    for pair in text.split(',') {
        let parsed = pair
            .split_once('=')
            .and_then(|(label, target)| Some((label.trim().parse::<f32>().ok()?, target.trim().parse::<f32>().ok()?)));
        match parsed {
            Some((label, target)) if label.is_finite() && (0.0..=1.0).contains(&target) => {
                if map.iter().any(|(other, _)| *other == label) {
                    bail!(Input, "the label {label} is mapped twice");
                }
                map.push((label, target));
            }
            _ => bail!(Input, "`{pair}` is not LABEL=TARGET with a target between 0 and 1, as in 1=.05,2=.15"),
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_targets() {
        let graded =
            LabelRule { squared: false, positive: Some(4.0), map: parse_label_map("1=.05, 4=.7,4.5=1").unwrap() };
        assert_eq!(graded.target(4.5), Ok(1.0));
        assert_eq!(graded.click(4.0, 0.7), Some(true));
        assert!(graded.target(2.0).unwrap_err().contains("add `2=...` to --label-map"));
        let plain = LabelRule { squared: false, positive: None, map: Vec::new() };
        assert_eq!(plain.target(0.25), Ok(0.25));
        assert!(plain.target(3.0).is_err());
        let squared = LabelRule { squared: true, positive: None, map: Vec::new() };
        assert_eq!(squared.target(-3.0), Ok(-3.0));
        assert_eq!(squared.click(-3.0, -3.0), None);
    }

    #[test]
    fn a_bad_map_is_refused() {
        for text in ["", "1", "1=2", "1=-0.1", "a=.5", "1=.5,1=.6", "1=nan"] {
            assert!(parse_label_map(text).is_err(), "{text}");
        }
    }
}
