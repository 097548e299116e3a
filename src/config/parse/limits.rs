//! `publicKeys` and `tokenCache`: every bound on what senders can make grow.

use std::time::Duration;

use crate::config::Mode;
use crate::config::reader::Object;
use crate::key_source::KeyLimits;

/// In observe mode nothing is refused, so nothing should be delayed for long either.
const MAX_WAIT_IN_OBSERVE: Duration = Duration::from_millis(500);

pub(super) fn read_key_limits(root: &mut Object<'_>, mode: Mode) -> KeyLimits {
    let mut limits = KeyLimits {
        fetch_timeout: Duration::from_secs(5),
        refresh_interval: Duration::from_secs(3600),
        max_stale: Duration::from_secs(24 * 3600),
        negative_ttl: Duration::from_secs(5),
        max_keys: 64,
        max_pending_fetches: 8,
        max_waiting_requests: 1024,
        max_wait: Duration::from_secs(10),
    };
    if let Some(mut object) = root.optional("publicKeys").and_then(|node| node.object()) {
        let o = &mut object;
        limits = KeyLimits {
            fetch_timeout: o.or("fetchTimeout", limits.fetch_timeout, |n| {
                n.duration("100ms"..="60s")
            }),
            refresh_interval: o.or("refreshInterval", limits.refresh_interval, |n| {
                n.duration("1m"..="24h")
            }),
            max_stale: o.or("maxStale", limits.max_stale, |n| n.duration("0s"..="168h")),
            negative_ttl: o.or("negativeTtl", limits.negative_ttl, |n| {
                n.duration("1s"..="10m")
            }),
            max_keys: o.or("maxKeys", limits.max_keys, |n| n.integer(1..=1024)),
            max_pending_fetches: o.or("maxPendingFetches", limits.max_pending_fetches, |n| {
                n.integer(1..=64)
            }),
            max_waiting_requests: o.or("maxWaitingRequests", limits.max_waiting_requests, |n| {
                n.integer(1..=16_384)
            }),
            max_wait: o.or("maxWait", limits.max_wait, |n| n.duration("100ms"..="60s")),
        };
        object.finish();
    }
    if mode == Mode::Observe {
        limits.max_wait = limits.max_wait.min(MAX_WAIT_IN_OBSERVE);
    }
    limits
}

pub(super) fn read_token_cache(root: &mut Object<'_>) -> usize {
    let default = 4_194_304;
    let Some(mut object) = root.optional("tokenCache").and_then(|node| node.object()) else {
        return default;
    };
    let bytes = object.or("maxBytes", default, |n| n.integer(0..=67_108_864));
    object.finish();
    bytes
}
