//! The dashboard and the alerts of this folder, and a Prometheus to prove them with.
//!
//! `PROMETHEUS_DIR` names the folder with `prometheus` and `promtool` (default: both from `PATH`). The tests are
//! ignored by default, since Prometheus is not everywhere: `make test-dashboards` installs and runs them.

mod files;
mod prometheus;

pub use files::{Record, Target, alert, each_rule, records, rules, targets};
pub use prometheus::{Prometheus, Sample, promtool};
