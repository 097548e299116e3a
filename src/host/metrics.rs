//! Metric ids: one set for the whole VM, because Envoy keeps each definition for the VM's life.

use std::cell::OnceCell;

use super::hostcalls::{self, MetricKind};
use crate::report::{Counter, Gauge, KEY_FETCH_MS};

thread_local! {
    static METRICS: OnceCell<Metrics> = const { OnceCell::new() };
}

struct Metrics {
    counters: Vec<(Counter, u32)>,
    gauges: Vec<(Gauge, u32)>,
    key_fetch_ms: Option<u32>,
}

impl Metrics {
    fn define() -> Self {
        let counter = |counter: Counter| {
            Some((
                counter,
                hostcalls::define_metric(MetricKind::Counter, &counter.name()).ok()?,
            ))
        };
        let gauge = |gauge: Gauge| {
            Some((
                gauge,
                hostcalls::define_metric(MetricKind::Gauge, gauge.name()).ok()?,
            ))
        };
        Self {
            counters: Counter::all().into_iter().filter_map(counter).collect(),
            gauges: Gauge::ALL.into_iter().filter_map(gauge).collect(),
            key_fetch_ms: hostcalls::define_metric(MetricKind::Histogram, KEY_FETCH_MS).ok(),
        }
    }
}

fn with<T>(use_metrics: impl FnOnce(&Metrics) -> T) -> T {
    METRICS.with(|metrics| use_metrics(metrics.get_or_init(Metrics::define)))
}

fn id_of<T: PartialEq>(ids: &[(T, u32)], metric: T) -> Option<u32> {
    ids.iter()
        .find(|(known, _)| *known == metric)
        .map(|(_, id)| *id)
}

/// Defines all metrics, so that they show with 0 before the first request.
pub(super) fn define_all() {
    with(|_| ());
}

/// Adds to a counter. A metric that Envoy refuses must not keep a request from its answer.
pub(super) fn count(counter: Counter, number: usize) {
    if let Some(id) = with(|metrics| id_of(&metrics.counters, counter)) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let _ = hostcalls::increment_metric(id, number);
    }
}

/// Moves a gauge.
pub(super) fn move_gauge(gauge: Gauge, change: i64) {
    if let Some(id) = with(|metrics| id_of(&metrics.gauges, gauge)) {
        let _ = hostcalls::increment_metric(id, change);
    }
}

/// Records the length of a key fetch.
pub(super) fn record_key_fetch(milliseconds: u64) {
    if let Some(id) = with(|metrics| metrics.key_fetch_ms) {
        let _ = hostcalls::record_metric(id, milliseconds);
    }
}
