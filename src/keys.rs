//! The key store: one plugin's public keys, and the fetches that bring them.
//!
//! A state machine without I/O. **After every `handle_*` call and every `acquire`, drain `poll_fetch`
//! (dispatch each), `poll_answer` (resume each request), `poll_outcome` (count and log each) and
//! `poll_evicted` (forget what each key verified), then arm a timer for `poll_wakeup`.**
//!
//! Per key (endpoint and `kid`):
//! ```text
//!            acquire                 slot free              answer
//!  unknown ──────────▶ queued ─────────────────▶ fetching ─────────▶ held ◀─┐ refresh in the
//!     ▲                                            │    │               └───┘ background
//!     │   block over            no such key, or    │    └─▶ retry once after a back-off
//!     └───────────── blocked ◀─────────────────────┘
//!                                failed
//! ```
//! There is one entry for a key, and one fetch in an entry, so a key is never fetched twice at a time.
//! A fetch belongs to the store: requests come and go without touching it. Key sets (`sets`) have their own
//! states, and share the waiting requests and the answers.

mod answer;
mod answers;
mod back_off;
mod entry;
mod eviction;
mod fetch;
mod key_id;
mod key_set;
mod public_key;
mod results;
mod rsa_key;
mod set_lookup;
mod sets;
mod slots;
mod store;
mod waiters;

use std::rc::Rc;
use std::time::Duration;

pub use answer::{AttemptResult, FetchFailure};
pub use key_id::KeyId;
pub use key_set::{KeySet, MAX_KEY_SET_BYTES, is_key_id};
pub use p256::ecdsa::Signature;
pub use public_key::{MAX_PEM_BYTES, PublicKey};
pub use rsa_key::RsaPublicKey;
pub use set_lookup::KeySetWait;
pub use store::KeyStore;

use crate::key_source::{SetId, SourceId};
use crate::reason::Rejection;

/// Which key: where it is fetched, and the `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef {
    /// Where it is fetched.
    pub source: SourceId,
    /// The key id.
    pub kid: KeyId,
}

/// What one fetch brings: one public key, or a whole key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FetchTarget {
    /// A key of a load balancer.
    Key(KeyRef),
    /// The keys of an identity provider.
    KeySet(SetId),
}

impl From<KeyRef> for FetchTarget {
    fn from(key: KeyRef) -> Self {
        Self::Key(key)
    }
}

/// A request that may wait: Envoy's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// One attempt of one fetch. A late answer to an earlier attempt is told apart by the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptId {
    /// What is fetched.
    pub target: FetchTarget,
    number: u64,
}

impl AttemptId {
    /// The longest response that is read, in bytes.
    pub fn max_body_bytes(&self) -> usize {
        match self.target {
            FetchTarget::Key(_) => MAX_PEM_BYTES,
            FetchTarget::KeySet(_) => MAX_KEY_SET_BYTES,
        }
    }

    /// Reads the response to it. `status` is `None` if the call ended without one (reset, timeout).
    pub fn read(&self, status: Option<u16>, body: &[u8]) -> AttemptResult {
        match self.target {
            FetchTarget::Key(_) => AttemptResult::from_http(status, body),
            FetchTarget::KeySet(_) => AttemptResult::key_set_from_http(status, body),
        }
    }
}

/// The answer to [`KeyStore::acquire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Here is the key.
    Ready(Rc<PublicKey>),
    /// The request waits; [`KeyStore::poll_answer`] will name it.
    Pending,
    /// [`Rejection::UnknownKey`], `KeyUnavailable` or `Overloaded`.
    Rejected(Rejection),
}

/// What a request that waited for a key gets.
pub type KeyAnswer = Result<Rc<PublicKey>, Rejection>;

/// What a request that asked for a key of a key set gets.
pub type SetKeyAnswer = Result<Rc<RsaPublicKey>, Rejection>;

/// The answer to a request that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It waited for a key.
    Key(KeyAnswer),
    /// It waited for a key set, whose fetch has ended; [`KeyStore::find_in_set`] has its keys.
    KeySet(Result<(), Rejection>),
}

impl Answer {
    pub(super) fn rejected(target: FetchTarget, rejection: Rejection) -> Self {
        match target {
            FetchTarget::Key(_) => Self::Key(Err(rejection)),
            FetchTarget::KeySet(_) => Self::KeySet(Err(rejection)),
        }
    }
}

/// The answer to [`KeyStore::acquire_from_set`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetLookup {
    /// Here is the key, or [`Rejection::InvalidAccessToken`], `KeyUnavailable` or `Overloaded`.
    Settled(SetKeyAnswer),
    /// The request waits; [`KeyStore::poll_answer`] will name it.
    Pending,
}

/// What became of a whole fetch, for metrics and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOutcome {
    /// What was fetched.
    pub target: FetchTarget,
    /// What the last attempt brought.
    pub result: Result<(), FetchFailure>,
    /// From the first attempt to the end.
    pub took: Duration,
}

#[cfg(test)]
mod tests;
