//! Tokens that were accepted, so that a repeated one costs no ECDSA and is not parsed again. Access tokens have a cache
//! of their own: no token is ever found as one of the other kind.
//!
//! The whole token is compared, never a part or a hash of it alone, so no collision makes one token pass
//! for another. An entry counts only while the key store holds the very key that verified it, and what can
//! change with time is checked again on each hit. Only accepted tokens get in, so the cache can't be
//! filled without a load balancer's signature; its memory is bounded all the same.

mod access;
mod bounded;

use std::rc::Rc;

pub use access::{AcceptedAccessToken, AccessTokenCache};

use crate::claims::UserClaims;
use crate::keys::PublicKey;
use crate::token::CheckedHeader;
use crate::verify::VerifiedToken;
use bounded::{Bounded, Weighed};

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

    /// The key that verified it.
    pub fn key(&self) -> &Rc<PublicKey> {
        &self.key
    }

    /// Whether this very key verified it.
    pub fn is_verified_by(&self, key: &Rc<PublicKey>) -> bool {
        Rc::ptr_eq(&self.key, key)
    }

    /// What it says of the user: nothing that another token could bring.
    pub fn claims(&self) -> &UserClaims {
        &self.claims
    }

    /// What it takes in memory, rounded up.
    pub fn retained_bytes(&self) -> usize {
        self.raw
            .len()
            .saturating_add(self.header.heap_bytes())
            .saturating_add(self.claims.heap_bytes())
            .saturating_add(ENTRY_OVERHEAD)
    }
}

impl Weighed for AcceptedToken {
    fn bytes(&self) -> usize {
        self.retained_bytes()
    }
}

/// A bounded map of accepted tokens.
pub struct TokenCache {
    entries: Bounded<Tail, AcceptedToken>,
}

impl TokenCache {
    /// An empty cache of at most `max_bytes`; 0 keeps nothing.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            entries: Bounded::new(max_bytes),
        }
    }

    /// Whether anything is ever kept.
    pub fn is_enabled(&self) -> bool {
        self.entries.is_enabled()
    }

    /// What is known of this very token; it counts only for a request whose key
    /// [`AcceptedToken::is_verified_by`] names.
    pub fn find(&self, raw: &[u8]) -> Option<&Rc<AcceptedToken>> {
        self.entries
            .get(tail(raw))
            .filter(|known| are_equal(known.raw(), raw))
    }

    /// Keeps an accepted token.
    pub fn insert(&mut self, token: Rc<AcceptedToken>) {
        self.entries.insert(tail(token.raw()), token);
    }

    /// Forgets what a key verified that is gone.
    pub fn remove_key(&mut self, key: &Rc<PublicKey>) {
        self.entries.retain(|token| !token.is_verified_by(key));
    }
}

/// Compares eight bytes at a time. In Wasm `==` compares one at a time, a third of the instructions of a repeated token.
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    let (a_words, a_rest) = a.as_chunks::<8>();
    let (b_words, b_rest) = b.as_chunks::<8>();
    let mut pairs = a_words.iter().zip(b_words);
    a.len() == b.len()
        && pairs.all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b))
        && a_rest == b_rest
}

/// Of a text that is shorter, and so is no token, anything will do.
fn tail(raw: &[u8]) -> Tail {
    raw.last_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
