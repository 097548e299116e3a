//! Where keys are fetched, and within which limits.

use std::time::Duration;

/// A key source of the configuration, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub usize);

/// Where the public keys of a load balancer's region are served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeySource {
    /// The Envoy cluster that calls are dispatched to.
    pub cluster: String,
    /// `:authority` of the call; with TLS also the name that the certificate is checked for.
    pub authority: String,
    /// What stands before the key id in `:path`.
    pub path_prefix: String,
}

impl KeySource {
    /// The name that Istio gives the cluster of a ServiceEntry's host on port 443.
    pub fn istio_cluster(authority: &str) -> String {
        format!("outbound|443||{authority}")
    }

    /// `:path` of the call for one key.
    pub fn path(&self, kid: &str) -> String {
        format!("{}{kid}", self.path_prefix)
    }
}

/// A key set of the configuration, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub usize);

/// Where an identity provider publishes its keys as one document (RFC 7517 section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetSource {
    /// The Envoy cluster that calls are dispatched to.
    pub cluster: String,
    /// `:authority` of the call; with TLS also the name that the certificate is checked for.
    pub authority: String,
    /// `:path` of the call.
    pub path: String,
}

/// Limits of the key store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// How long one attempt may take.
    pub fetch_timeout: Duration,
    /// A key in use is fetched again this often.
    pub refresh_interval: Duration,
    /// How long a key outlives its last good fetch at least.
    pub max_stale: Duration,
    /// How long "no such key" is believed.
    pub negative_ttl: Duration,
    /// Keys kept.
    pub max_keys: usize,
    /// First fetches at a time, per endpoint.
    pub max_pending_fetches: usize,
    /// Requests held at a time.
    pub max_waiting_requests: usize,
    /// How long one request is held.
    pub max_wait: Duration,
}
