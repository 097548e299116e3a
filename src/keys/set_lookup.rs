//! The store's part for requests that need a key of a key set.

use std::rc::Rc;

use super::sets::Acquired;
use super::{FetchTarget, KeyStore, RsaPublicKey, SetKeyAnswer, SetLookup, StreamId};
use crate::key_source::{KeySetSource, SetId};
use crate::reason::Rejection;
use crate::time::UnixTime;

/// A request that may wait for a key set.
#[derive(Clone, Copy, Debug)]
pub struct KeySetWait {
    /// The request.
    pub stream: StreamId,
    /// What it retains while it waits.
    pub bytes: usize,
    /// When it began to wait for anything.
    pub since: UnixTime,
    /// Whether it is rejected without the key.
    pub is_required: bool,
}

impl KeyStore {
    /// Where a key set is fetched.
    pub fn key_set_source(&self, set: SetId) -> Option<&KeySetSource> {
        self.sets.source(set)
    }

    /// Asks for a key of a key set on behalf of a request.
    #[must_use]
    pub fn acquire_from_set(
        &mut self,
        set: SetId,
        kid: &str,
        wait: KeySetWait,
        now: UnixTime,
    ) -> SetLookup {
        let acquired = self
            .sets
            .acquire(set, kid, wait.is_required, &self.limits, now);
        match acquired {
            Acquired::Ready(key) => SetLookup::Settled(Ok(key)),
            Acquired::Rejected(rejection) => SetLookup::Settled(Err(rejection)),
            Acquired::Fetching => {
                let target = FetchTarget::KeySet(set);
                if !self.make_room(target, wait.bytes) {
                    return SetLookup::Settled(Err(Rejection::Overloaded));
                }
                self.waiters
                    .insert(wait.stream, target, wait.bytes, wait.since);
                SetLookup::Pending
            }
        }
    }

    /// The key of a key set, for a request that waited for it. Never starts a fetch, so nobody waits for ever.
    ///
    /// # Errors
    /// [`Rejection::InvalidAccessToken`] if the set lacks the key id, `KeyUnavailable` if there is no set.
    pub fn find_in_set(&self, set: SetId, kid: &str, now: UnixTime) -> SetKeyAnswer {
        self.sets.find(set, kid, &self.limits, now)
    }

    /// The next key of a key set that went. May change after `handle_result`.
    #[must_use]
    pub fn poll_evicted_set_key(&mut self) -> Option<Rc<RsaPublicKey>> {
        self.dropped_set_keys.pop_front()
    }
}
