//! The logger behind `log`'s macros: Envoy's own log. The SDK's logger panics if Envoy refuses a line.

use super::hostcalls;

/// Writes each record to Envoy's log.
struct EnvoyLog;

impl log::Log for EnvoyLog {
    /// Envoy filters by its own level.
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Trace => 0,
            log::Level::Debug => 1,
            log::Level::Info => 2,
            log::Level::Warn => 3,
            log::Level::Error => 4,
        };
        hostcalls::log(level, &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Installs the logger, once for each VM.
pub(super) fn init() {
    if log::set_logger(&EnvoyLog).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

/// Writes a line above every level of `log`'s.
pub(super) fn critical(text: &str) {
    hostcalls::log(5, text);
}
