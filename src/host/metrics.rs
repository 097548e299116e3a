//! Metric ids: one set for the whole VM, because Envoy keeps each definition for the VM's life.

use std::cell::OnceCell;

use super::hostcalls::{self, MetricKind};
use crate::report::{Counter, Gauge, KEY_FETCH_MS};

thread_local! {
    static IDS: OnceCell<Vec<(Metric, u32)>> = const { OnceCell::new() };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Metric {
    Counter(Counter),
    Gauge(Gauge),
    KeyFetchMs,
}

impl Metric {
    fn all() -> impl Iterator<Item = Self> {
        let counters = Counter::all().into_iter().map(Self::Counter);
        let gauges = Gauge::ALL.into_iter().map(Self::Gauge);
        counters.chain(gauges).chain([Self::KeyFetchMs])
    }

    fn define(self) -> Option<(Self, u32)> {
        let id = match self {
            Self::Counter(counter) => {
                hostcalls::define_metric(MetricKind::Counter, &counter.name())
            }
            Self::Gauge(gauge) => hostcalls::define_metric(MetricKind::Gauge, gauge.name()),
            Self::KeyFetchMs => hostcalls::define_metric(MetricKind::Histogram, KEY_FETCH_MS),
        };
        Some((self, id.ok()?))
    }
}

/// Its id; `None` if Envoy refused to define it. A metric must not keep a request from its answer.
fn id_of(metric: Metric) -> Option<u32> {
    IDS.with(|ids| {
        let ids = ids.get_or_init(|| Metric::all().filter_map(Metric::define).collect());
        let (_, id) = ids.iter().find(|(known, _)| *known == metric)?;
        Some(*id)
    })
}

/// Defines all metrics, so that they show with 0 before the first request.
pub(super) fn define_all() {
    let _ = id_of(Metric::KeyFetchMs);
}

/// Adds to a counter.
pub(super) fn count(counter: Counter, number: usize) {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    add(Metric::Counter(counter), number);
}

/// Moves a gauge.
pub(super) fn move_gauge(gauge: Gauge, change: i64) {
    add(Metric::Gauge(gauge), change);
}

fn add(metric: Metric, change: i64) {
    if let Some(id) = id_of(metric) {
        let _ = hostcalls::increment_metric(id, change);
    }
}

/// Records the length of a key fetch.
pub(super) fn record_key_fetch(milliseconds: u64) {
    if let Some(id) = id_of(Metric::KeyFetchMs) {
        let _ = hostcalls::record_metric(id, milliseconds);
    }
}
