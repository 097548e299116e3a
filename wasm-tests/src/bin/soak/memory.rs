//! Envoy's memory over time (Linux's `/proc`).

use std::fs;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(5);
/// Growth after the first quarter of a phase that counts as growing, MiB: V8 and Envoy's buffers breathe.
const TOLERATED: u64 = 48;

/// What was sampled.
pub(crate) struct Memory {
    process: u32,
    started: Instant,
    last: Option<(Instant, &'static str)>,
    /// Phase and resident set, MiB.
    samples: Vec<(&'static str, u64)>,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Self {
        println!(
            "{:>6} {:>24} {:>10} {:>8}",
            "s", "phase", "requests", "RSS MiB"
        );
        Self {
            process,
            started: Instant::now(),
            last: None,
            samples: Vec::new(),
        }
    }

    /// Looks at it where the last look was some time ago, or in another phase.
    pub(crate) fn sample(&mut self, phase: &'static str, requests: usize) {
        let is_due =
            |(time, earlier): (Instant, &str)| earlier != phase || time.elapsed() >= INTERVAL;
        if !self.last.is_none_or(is_due) {
            return;
        }
        self.last = Some((Instant::now(), phase));
        let resident = resident_mib(self.process);
        let seconds = self.started.elapsed().as_secs();
        println!("{seconds:>6} {phase:>24} {requests:>10} {resident:>8}");
        self.samples.push((phase, resident));
    }

    /// Phases during which memory grew on and on.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut phases: Vec<&str> = self.samples.iter().map(|(phase, _)| *phase).collect();
        phases.dedup();
        phases
            .into_iter()
            .filter_map(|phase| self.growth(phase))
            .collect()
    }

    fn growth(&self, phase: &str) -> Option<String> {
        let of_phase = self.samples.iter().filter(|(own, _)| *own == phase);
        let values: Vec<u64> = of_phase.map(|(_, resident)| *resident).collect();
        let warm = *values.get(values.len() / 4)?;
        let last = *values.last()?;
        (last > warm + TOLERATED).then(|| format!("{phase}: memory grew from {warm} to {last} MiB"))
    }
}

fn resident_mib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<u64> = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    kib.unwrap_or(0) / 1024
}
