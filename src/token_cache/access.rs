//! Access tokens that were accepted, so that a repeated one costs no RSA. The load balancer sends the same one with each
//! request of a user, until the identity provider renews it.

use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;

use super::bounded::{Bounded, Weighed};
use crate::access_token::AccessClaims;
use crate::config::Signer;
use crate::keys::RsaPublicKey;

/// What an entry takes besides its texts: the map's slot, the line, and the allocator's overhead.
const ENTRY_OVERHEAD: usize = 192;

/// An access token that held for a user, and what judging it gave. The binding to the user and the times are judged
/// again on each request.
#[derive(Debug)]
pub struct AcceptedAccessToken {
    claims: AccessClaims,
    key: Rc<RsaPublicKey>,
    signer: Rc<Signer>,
}

impl AcceptedAccessToken {
    /// `key` verified the token, and these are its claims as `signer`'s entry reads them.
    pub fn new(claims: AccessClaims, key: Rc<RsaPublicKey>, signer: Rc<Signer>) -> Self {
        Self {
            claims,
            key,
            signer,
        }
    }

    /// The key that verified it.
    pub fn key(&self) -> &Rc<RsaPublicKey> {
        &self.key
    }

    /// What it says.
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }
}

impl Weighed for AcceptedAccessToken {
    fn bytes(&self) -> usize {
        self.claims.heap_bytes().saturating_add(ENTRY_OVERHEAD)
    }
}

/// 128 bits over the whole text and its length.
type Fingerprint = [u64; 2];

/// A bounded map of accepted access tokens.
///
/// A token's text takes 1 KiB, three times as much as what it says, and each user has one. So the text is not kept: an
/// entry is found by SipHash over the whole of it, twice, under a key that is drawn at random in this VM. A sender who
/// does not know the key hits an entry with another text by chance only, once in 2^128. Even a hit gives nobody
/// another user: an entry holds only for requests whose verified user it names.
pub struct AccessTokenCache {
    entries: Bounded<Fingerprint, AcceptedAccessToken>,
    hasher: RandomState,
}

impl AccessTokenCache {
    /// An empty cache of at most `max_bytes`; 0 keeps nothing.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            entries: Bounded::new(max_bytes),
            hasher: RandomState::new(),
        }
    }

    /// Whether anything is ever kept.
    pub fn is_enabled(&self) -> bool {
        self.entries.is_enabled()
    }

    /// What is known of this very token under this entry of `loadBalancers`; it counts only while the key set holds
    /// [`AcceptedAccessToken::key`].
    pub fn find(&self, raw: &[u8], signer: &Rc<Signer>) -> Option<&Rc<AcceptedAccessToken>> {
        let known = self.entries.get(self.fingerprint(raw));
        known.filter(|known| Rc::ptr_eq(&known.signer, signer))
    }

    /// Keeps an accepted token.
    pub fn insert(&mut self, raw: &[u8], token: Rc<AcceptedAccessToken>) {
        if self.is_enabled() {
            self.entries.insert(self.fingerprint(raw), token);
        }
    }

    /// Forgets what a key verified that is gone.
    pub fn remove_key(&mut self, key: &Rc<RsaPublicKey>) {
        self.entries.retain(|token| !Rc::ptr_eq(&token.key, key));
    }

    fn fingerprint(&self, raw: &[u8]) -> Fingerprint {
        // The number makes two texts of one, so that the halves say different things.
        [1_u8, 2].map(|half| self.hasher.hash_one((half, raw)))
    }
}
