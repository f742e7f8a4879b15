//! What a policy would have earned, as it is shown.

use super::figures::figure;
use brooklet_train::evaluate::{Interval, OffPolicy};

/// A line for each estimate.
pub(crate) fn off_policy(of: &OffPolicy) {
    println!("click rate logged {:.4}", of.logged);
    let (intervals, relative) = (&of.intervals, &of.relative);
    for (name, estimate, interval, relative) in [
        ("IPS", &of.ips, intervals.ips, relative.ips),
        ("SNIPS", &of.snips, intervals.snips, relative.snips),
        ("doubly robust", &of.dr, intervals.dr, relative.dr),
    ] {
        let within = interval.map_or(String::new(), |Interval { low, high }| format!(", 95 % {low:.4} to {high:.4}"));
        let times = relative.map_or(String::new(), |times| format!(", {times:.3} times the log's"));
        println!("{name:<14} {}{within}{times}", figure(estimate));
    }
}
