//! A run is a list of named steps: each says its number when it starts and how long it took when it is done.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub(crate) struct Steps {
    total: usize,
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Steps {
        Steps { total, taken: Vec::new() }
    }

    /// Do `work` as the next step. A failure carries the step's name, and whoever gets it goes no further.
    pub(crate) fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let label = format!("[{}/{}] {name}", self.taken.len() + 1, self.total);
        println!("\n{label}");
        let started = Instant::now();
        let result = work();
        let duration = started.elapsed();
        self.taken.push((name, duration));

        let verdict = if result.is_ok() { "done" } else { "FAILED" };
        println!("{label}: {verdict} in {}", seconds(duration));
        result.with_context(|| format!("{label} failed"))
    }

    pub(crate) fn print_table(&self) {
        println!();
        for (name, duration) in &self.taken {
            println!("{:>10}  {name}", seconds(*duration));
        }
        let sum = self.taken.iter().map(|(_, duration)| *duration).sum();
        println!("{:>10}  in all", seconds(sum));
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
