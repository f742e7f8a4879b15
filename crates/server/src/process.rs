//! What the system tells of the process itself, under the names that Prometheus' own libraries give it.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering};

/// Processor time, memory and files. Where the system is not Linux they stay 0.
#[derive(Debug, Default)]
pub(crate) struct Process {
    cpu: Counter<f64, AtomicU64>,
    resident: Gauge,
    files: Gauge,
    most_files: Gauge,
    started: Gauge<f64, AtomicU64>,
}

impl Process {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let seconds = Unit::Seconds;
        registry.register_with_unit(
            "process_cpu",
            "Processor time, of users and the system",
            seconds,
            self.cpu.clone(),
        );
        registry.register_with_unit("process_resident_memory", "Memory in use", Unit::Bytes, self.resident.clone());
        registry.register("process_open_fds", "Open files and connections", self.files.clone());
        registry.register("process_max_fds", "How many may be open", self.most_files.clone());
        let since = "When the process was started, since 1970";
        registry.register_with_unit("process_start_time", since, Unit::Seconds, self.started.clone());
    }

    /// Looks. What cannot be told stays as it was.
    #[cfg(target_os = "linux")]
    pub(crate) fn look(&self) {
        use std::fs::{read_dir, read_to_string};

        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let stat = read_to_string("/proc/self/stat").unwrap_or_default();
        // The second field is the program's name in parentheses, and may have anything in it.
        let fields: Vec<f64> = stat
            .rsplit_once(')')
            .map_or("", |(_, rest)| rest)
            .split_whitespace()
            .map(|field| field.parse().unwrap_or(0.0))
            .collect();
        // proc(5) counts from 1, and these begin with the third.
        let field = |n: usize| fields.get(n - 3).copied();
        if let (Some(user), Some(system), Some(started)) = (field(14), field(15), field(22)) {
            self.cpu.inner().store(((user + system) / ticks).to_bits(), Ordering::Relaxed);
            let boot = read_to_string("/proc/stat").unwrap_or_default();
            let boot = boot.lines().find_map(|line| line.strip_prefix("btime ")?.parse::<f64>().ok());
            self.started.set(boot.unwrap_or(0.0) + started / ticks);
        }
        let memory = read_to_string("/proc/self/statm").unwrap_or_default();
        if let Some(pages) = memory.split_whitespace().nth(1).and_then(|pages| pages.parse::<i64>().ok()) {
            self.resident.set(pages * rustix::param::page_size() as i64);
        }
        if let Ok(files) = read_dir("/proc/self/fd") {
            self.files.set(files.count() as i64);
        }
        let limits = read_to_string("/proc/self/limits").unwrap_or_default();
        let most = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
        if let Some(most) = most.and_then(|most| most.parse().ok()) {
            self.most_files.set(most);
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn look(&self) {}
}
