//! Tokens that were accepted, so that a repeated one costs no ECDSA and is not parsed again.
//!
//! The whole token is compared, never a part or a hash of it alone, so no collision makes one token pass
//! for another. An entry counts only while the key store holds the very key that verified it, and what can
//! change with time is checked again on each hit. Only accepted tokens get in, so the cache can't be
//! filled without a load balancer's signature; its memory is bounded all the same.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::claims::UserClaims;
use crate::keys::PublicKey;
use crate::token::CheckedHeader;
use crate::verify::VerifiedToken;

/// What an entry takes beside its token and its identity: both map slots, the counters and the
/// allocator's overhead, rounded up.
const ENTRY_OVERHEAD: usize = 384;

/// The end of a token, where its signature is: entries are looked up by it, because hashing a whole token
/// would cost more than all else of a hit.
type Tail = [u8; 32];

/// A token that was accepted, and what judging it gave.
#[derive(Debug)]
pub struct AcceptedToken {
    raw: Box<[u8]>,
    header: CheckedHeader,
    key: Rc<PublicKey>,
    claims: UserClaims,
}

impl AcceptedToken {
    /// `key` verified the token, and these are its claims.
    pub fn new(token: VerifiedToken, key: Rc<PublicKey>, claims: UserClaims) -> Self {
        let (raw, header) = token.into_raw();
        Self {
            raw,
            header,
            key,
            claims,
        }
    }

    /// The whole token as it was received.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Its protected header.
    pub fn header(&self) -> &CheckedHeader {
        &self.header
    }

    /// Whether this very key verified it.
    pub fn is_verified_by(&self, key: &Rc<PublicKey>) -> bool {
        Rc::ptr_eq(&self.key, key)
    }

    /// What it says of the user: nothing that another token could bring.
    pub fn claims(&self) -> &UserClaims {
        &self.claims
    }

    fn bytes(&self) -> usize {
        self.raw
            .len()
            .saturating_add(self.header.heap_bytes())
            .saturating_add(self.claims.heap_bytes())
            .saturating_add(ENTRY_OVERHEAD)
    }
}

/// A bounded map of accepted tokens; the oldest entries leave first, for they expire first.
pub struct TokenCache {
    max_bytes: usize,
    bytes: usize,
    entries: HashMap<Tail, Rc<AcceptedToken>>,
    oldest_first: VecDeque<Tail>,
}

impl TokenCache {
    /// An empty cache of at most `max_bytes`; 0 keeps nothing.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            entries: HashMap::new(),
            oldest_first: VecDeque::new(),
        }
    }

    /// Whether anything is ever kept.
    pub fn is_enabled(&self) -> bool {
        self.max_bytes > 0
    }

    /// What is known of this very token; it counts only for a request whose key
    /// [`AcceptedToken::is_verified_by`] names.
    pub fn find(&self, raw: &[u8]) -> Option<&Rc<AcceptedToken>> {
        self.entries
            .get(&tail(raw))
            .filter(|known| known.raw() == raw)
    }

    /// Keeps an accepted token.
    pub fn insert(&mut self, token: AcceptedToken) {
        let bytes = token.bytes();
        if bytes > self.max_bytes {
            return;
        }
        while self.bytes.saturating_add(bytes) > self.max_bytes {
            self.remove_oldest();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let tail = tail(token.raw());
        match self.entries.insert(tail, Rc::new(token)) {
            // The same token under another key: it keeps its place in the line.
            Some(replaced) => self.bytes = self.bytes.saturating_sub(replaced.bytes()),
            None => self.oldest_first.push_back(tail),
        }
    }

    /// Forgets what a key verified that is gone.
    pub fn remove_key(&mut self, key: &Rc<PublicKey>) {
        self.entries.retain(|_, token| !token.is_verified_by(key));
        self.oldest_first
            .retain(|tail| self.entries.contains_key(tail));
        self.bytes = self.entries.values().map(|token| token.bytes()).sum();
    }

    fn remove_oldest(&mut self) {
        let removed = self
            .oldest_first
            .pop_front()
            .and_then(|tail| self.entries.remove(&tail));
        // With nothing left the count is zero, whatever it was: the loop above must end.
        self.bytes = removed.map_or(0, |token| self.bytes.saturating_sub(token.bytes()));
    }
}

/// Of a text that is shorter, and so is no token, anything will do.
fn tail(raw: &[u8]) -> Tail {
    raw.last_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
