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
//! A fetch belongs to the store: requests come and go without touching it.

mod answer;
mod answers;
mod entry;
mod eviction;
mod fetch;
mod key_id;
mod public_key;
mod results;
mod slots;
mod store;
mod waiters;

use std::rc::Rc;
use std::time::Duration;

pub use answer::{AttemptResult, FetchFailure};
pub use key_id::KeyId;
pub use p256::ecdsa::Signature;
pub use public_key::{MAX_PEM_BYTES, PublicKey};
pub use store::KeyStore;

use crate::key_source::SourceId;
use crate::reason::Rejection;

/// Which key: where it is fetched, and the `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef {
    /// Where it is fetched.
    pub source: SourceId,
    /// The key id.
    pub kid: KeyId,
}

/// A request that may wait: Envoy's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// One attempt of one fetch. A late answer to an earlier attempt is told apart by the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptId {
    /// The key that is fetched.
    pub key: KeyRef,
    number: u64,
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

/// What a request that waited gets.
pub type KeyAnswer = Result<Rc<PublicKey>, Rejection>;

/// What became of a whole fetch, for metrics and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOutcome {
    /// The key that was fetched.
    pub key: KeyRef,
    /// What the last attempt brought.
    pub result: Result<(), FetchFailure>,
    /// From the first attempt to the end.
    pub took: Duration,
}

#[cfg(test)]
mod tests;
