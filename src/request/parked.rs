//! A request that waits for its key.

use super::{Arrival, Candidate};
use crate::token::{CheckedHeader, ClaimedOrigin};

/// A request as it waits: the token as received, and nothing decoded, which would take three quarters as much
/// again. It retains no more than [`super::AwaitingKey::retained_bytes`] counts.
#[derive(Debug)]
pub struct ParkedRequest {
    pub(super) raw: Box<[u8]>,
    pub(super) arrival: Arrival<'static>,
    pub(super) origin: ClaimedOrigin,
    header: CheckedHeader,
}

impl ParkedRequest {
    pub(super) fn new(token: Candidate, arrival: Arrival<'static>) -> Self {
        let (raw, header) = match token {
            Candidate::New(token) => token.into_raw(),
            Candidate::Known(token) => (token.raw().into(), token.header().clone()),
        };
        Self {
            raw,
            arrival,
            origin: header.origin(),
            header,
        }
    }

    /// The key that it waits for.
    pub fn key(&self) -> crate::keys::KeyRef {
        self.header.key()
    }
}
