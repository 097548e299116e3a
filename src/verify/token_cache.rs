//! Tokens that were accepted, so that a repeated one costs no ECDSA.
//!
//! The whole token is compared, never a hash of it alone, so no collision makes one token pass for
//! another. An entry counts only while the key store holds the very key that verified it, and what can
//! change with time is checked again on each hit. Only accepted tokens get in, so the cache can't be
//! filled without a load balancer's signature; its memory is bounded all the same.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::claims::Identity;
use crate::keys::PublicKey;

/// What an entry takes beside its token and its identity: both map slots, the counters and the
/// allocator's overhead, rounded up.
const ENTRY_OVERHEAD: usize = 256;

/// A bounded map from tokens to identities; the oldest entries leave first, for they expire first.
pub struct TokenCache {
    max_bytes: usize,
    bytes: usize,
    entries: HashMap<Rc<[u8]>, Entry>,
    oldest_first: VecDeque<Rc<[u8]>>,
}

struct Entry {
    key: Rc<PublicKey>,
    identity: Rc<Identity>,
    bytes: usize,
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

    /// The identity that this very token gave when this very key verified it.
    pub fn find(&self, token: &[u8], key: &Rc<PublicKey>) -> Option<Rc<Identity>> {
        let entry = self.entries.get(token)?;
        Rc::ptr_eq(&entry.key, key).then(|| Rc::clone(&entry.identity))
    }

    /// Keeps an accepted token.
    pub fn insert(&mut self, token: &[u8], key: Rc<PublicKey>, identity: Rc<Identity>) {
        let bytes = token
            .len()
            .saturating_add(identity.heap_bytes())
            .saturating_add(ENTRY_OVERHEAD);
        if bytes > self.max_bytes {
            return;
        }
        while self.bytes.saturating_add(bytes) > self.max_bytes {
            self.remove_oldest();
        }
        let token: Rc<[u8]> = token.into();
        let entry = Entry {
            key,
            identity,
            bytes,
        };
        self.bytes = self.bytes.saturating_add(bytes);
        match self.entries.insert(Rc::clone(&token), entry) {
            // The same token under another key: it keeps its place in the line.
            Some(replaced) => self.bytes = self.bytes.saturating_sub(replaced.bytes),
            None => self.oldest_first.push_back(token),
        }
    }

    /// Forgets what a key verified that is gone.
    pub fn remove_key(&mut self, key: &Rc<PublicKey>) {
        self.entries.retain(|_, entry| !Rc::ptr_eq(&entry.key, key));
        self.oldest_first
            .retain(|token| self.entries.contains_key(token));
        self.bytes = self.entries.values().map(|entry| entry.bytes).sum();
    }

    fn remove_oldest(&mut self) {
        let removed = self
            .oldest_first
            .pop_front()
            .and_then(|token| self.entries.remove(&token));
        // With nothing left the count is zero, whatever it was: the loop above must end.
        self.bytes = removed.map_or(0, |entry| self.bytes.saturating_sub(entry.bytes));
    }
}

#[cfg(test)]
mod tests;
