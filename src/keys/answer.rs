//! What a key endpoint's answer means.

use std::fmt;

use super::{KeySet, PublicKey};
use crate::reason::Rejection;

/// What one attempt brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// The key.
    Key(PublicKey),
    /// The key set.
    KeySet(KeySet),
    /// No key.
    Failed(FetchFailure),
}

impl AttemptResult {
    /// Reads an HTTP answer. `status` is `None` if the call ended without one (reset, timeout).
    pub fn from_http(status: Option<u16>, body: &[u8]) -> Self {
        match status {
            Some(200) => match PublicKey::from_pem(body) {
                Some(key) => Self::Key(key),
                None => Self::Failed(FetchFailure::NotAKey),
            },
            // AWS does not say what an unknown kid gets; S3 without list permission answers 403.
            Some(status @ (403 | 404 | 410)) => Self::Failed(FetchFailure::NotFound(status)),
            Some(status) => Self::Failed(FetchFailure::Status(status)),
            None => Self::Failed(FetchFailure::Connection),
        }
    }

    /// The same for a key set. It does not end because a server says so: users would lose their groups.
    pub fn key_set_from_http(status: Option<u16>, body: &[u8]) -> Self {
        match status {
            Some(200) => match KeySet::parse(body) {
                Some(set) => Self::KeySet(set),
                None => Self::Failed(FetchFailure::NotAKeySet),
            },
            Some(status) => Self::Failed(FetchFailure::Status(status)),
            None => Self::Failed(FetchFailure::Connection),
        }
    }
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// The endpoint says that there is no such key.
    NotFound(u16),
    /// The call ended without an answer.
    Connection,
    /// No answer in time.
    Timeout,
    /// Another status.
    Status(u16),
    /// 200, but not one P-256 public key in PEM.
    NotAKey,
    /// 200, but no key set with an RSA key that can be used.
    NotAKeySet,
    /// Envoy does not know the cluster.
    NotDispatched,
    /// Envoy ended the call while it was dispatched: no host to send it to (DNS), or an open circuit
    /// breaker.
    EndedAtOnce,
}

impl FetchFailure {
    /// What requests that waited for the key are refused with.
    pub(super) fn rejection(self) -> Rejection {
        match self {
            Self::NotFound(_) => Rejection::UnknownKey,
            _ => Rejection::KeyUnavailable,
        }
    }

    /// Whether a second attempt may go better: a stale connection, a server in trouble.
    pub(super) fn is_worth_a_retry(self) -> bool {
        match self {
            Self::Connection | Self::Timeout | Self::EndedAtOnce => true,
            Self::Status(status) => status >= 500,
            Self::NotFound(_) | Self::NotAKey | Self::NotAKeySet | Self::NotDispatched => false,
        }
    }
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(status) => write!(f, "no_such_key status={status}"),
            Self::Connection => f.write_str("connection_failed"),
            Self::Timeout => f.write_str("timeout"),
            Self::Status(status) => write!(f, "unexpected_status status={status}"),
            Self::NotAKey => f.write_str("not_a_p256_public_key"),
            Self::NotAKeySet => f.write_str("no_usable_key_in_key_set"),
            Self::NotDispatched => f.write_str("not_dispatched_unknown_cluster"),
            Self::EndedAtOnce => f.write_str("ended_at_once_no_host_or_circuit_breaker"),
        }
    }
}
