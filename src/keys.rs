//! The key store: one plugin's public keys, and the fetches that bring them.
//!
//! A state machine without I/O. **After every `handle_*` call and every `acquire`, drain `poll_fetch`
//! (dispatch each), `poll_answer` (resume each request), `poll_outcome` (count and log each) and
//! `poll_dropped` (forget what each key verified), then arm a timer for `poll_wakeup`.**
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
mod pem;
mod slots;
mod store;
mod waiters;

use std::rc::Rc;
use std::time::Duration;

pub use answer::{FetchFailure, FetchResult};
pub use pem::{MAX_PEM_BYTES, PublicKey};
pub use store::KeyStore;

use crate::reason::Rejection;
use crate::token::KeyId;

/// Which key: an index of the configuration's key endpoints, and the `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef {
    /// Index of the endpoint.
    pub endpoint: usize,
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
    Waiting,
    /// [`Rejection::UnknownKey`], `KeyUnavailable` or `Overloaded`.
    Refused(Rejection),
}

/// What a request that waited gets.
pub type Answer = Result<Rc<PublicKey>, Rejection>;

/// What became of a whole fetch, for metrics and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The key that was fetched.
    pub key: KeyRef,
    /// What the last attempt brought.
    pub result: Result<(), FetchFailure>,
    /// From the first attempt to the end.
    pub took: Duration,
}

#[cfg(test)]
mod tests;
