//! A table of several seeds: their figures, and how far each is from the first.

use brooklet_train::evaluate::Estimate;
use std::path::Path;

pub(crate) struct SideBySide {
    seeds: usize,
}

const LABEL: usize = 20;

impl SideBySide {
    /// Prints which seed is which.
    pub(crate) fn new(seeds: &[&Path]) -> SideBySide {
        for (i, seed) in seeds.iter().enumerate() {
            println!("[{}] {}", i + 1, seed.display());
        }
        SideBySide { seeds: seeds.len() }
    }

    pub(crate) fn title(&self, title: &str) {
        let seeds: String = (1..=self.seeds).map(|i| format!(" {:>9}", format!("[{i}]"))).collect();
        let differences: String = (2..=self.seeds).map(|i| format!("  {:>19}  ", format!("[{i}] - [1]"))).collect();
        println!("\n{}", format!("{title:<LABEL$}{seeds}{differences}").trim_end());
    }

    /// One figure of every seed, in their order.
    pub(crate) fn row<'a>(&self, label: &str, figures: impl Iterator<Item = Option<&'a Estimate>>) {
        let figures: Vec<Option<&Estimate>> = figures.collect();
        let shown: String = figures
            .iter()
            .map(|figure| figure.map_or(format!(" {:>9}", "-"), |f| format!(" {:>9.4}", f.value)))
            .collect();
        let differences: String = figures
            .iter()
            .skip(1)
            .map(|figure| {
                let difference = figure.zip(figures[0]).map(|(figure, first)| figure.minus(first));
                let Some(difference) = difference else { return format!("  {:>19}  ", "-") };
                let error = difference.error.map_or(String::new(), |error| format!(" ± {error:.4}"));
                let star = if difference.stands_out() { '*' } else { ' ' };
                format!("  {:>19} {star}", format!("{:+.4}{error}", difference.by))
            })
            .collect();
        println!("{}", format!("{label:<LABEL$}{shown}{differences}").trim_end());
    }

    pub(crate) fn footnote(&self, over: &str) {
        println!("\n± is the standard error over {over} of the paired difference; * marks more than two of them");
    }
}
