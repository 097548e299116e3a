//! The keys of an identity provider, as it publishes them (RFC 7517 section 5).

use std::rc::Rc;

use serde_json::value::RawValue;

use super::RsaPublicKey;
use crate::base64url;
use crate::json::{self, Members};
use crate::token_kind::Algorithm;

/// The longest key set that is looked at, in bytes. A Cognito user pool's has 1 KiB.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// How many usable keys of a set count.
const MAX_KEYS: usize = 32;

/// The longest `kid`, in characters. Cognito's are 44 characters of base64.
const MAX_KID_CHARS: usize = 256;

/// The RS256 keys of one issuer. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet(Vec<Rc<RsaPublicKey>>);

impl KeySet {
    /// Reads a key set. What is no usable key is skipped, because identity providers publish keys for other
    /// purposes, too. `None` if no usable key is left, or for anything but a key set of at most
    /// [`MAX_KEY_SET_BYTES`].
    pub fn parse(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_KEY_SET_BYTES {
            return None;
        }
        let keys = Members::parse(body)?.last("keys")?;
        let keys = json::list(keys.get())?;
        let usable = keys.into_iter().filter_map(read_key).take(MAX_KEYS);
        let usable: Vec<Rc<RsaPublicKey>> = usable.collect();
        let mut keys: Vec<Rc<RsaPublicKey>> = Vec::new();
        for key in &usable {
            // Of two keys with one id the identity provider may mean either.
            let is_unclear = usable
                .iter()
                .any(|other| other.kid() == key.kid() && other != key);
            if !is_unclear && !keys.contains(key) {
                keys.push(Rc::clone(key));
            }
        }
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The key with this id, exactly.
    pub fn find(&self, kid: &str) -> Option<&Rc<RsaPublicKey>> {
        self.0.iter().find(|key| key.kid() == kid)
    }

    /// Takes the place of an earlier set. Keys that stand in both keep their identity, and so what they verified.
    /// Returns the earlier set's other keys.
    pub(super) fn replace(&mut self, earlier: Self) -> Vec<Rc<RsaPublicKey>> {
        let mut gone = Vec::new();
        for key in earlier.0 {
            match self.0.iter_mut().find(|own| **own == key) {
                Some(own) => *own = key,
                None => gone.push(key),
            }
        }
        gone
    }

    /// All keys.
    pub(super) fn into_keys(self) -> Vec<Rc<RsaPublicKey>> {
        self.0
    }
}

/// One key; `None` for what is not for RS256 signatures (RFC 7517 section 4, RFC 7518 section 6.3.1).
fn read_key(jwk: &RawValue) -> Option<Rc<RsaPublicKey>> {
    let members = Members::parse(jwk.get().as_bytes())?;
    let text = |name| json::text(members.last(name)?);
    let is_or_absent = |name, expected: &str| match members.last(name) {
        None => true,
        Some(raw) => json::text(raw).is_some_and(|text| text == expected),
    };
    let kid = text("kid")?;
    let is_usable = text("kty")? == "RSA"
        && is_or_absent("use", "sig")
        && is_or_absent("alg", Algorithm::Rs256.name())
        && is_key_id(&kid)
        && !members.has_duplicates();
    if !is_usable {
        return None;
    }
    let decode = |name| base64url::decode(text(name)?.as_bytes());
    let key = RsaPublicKey::new(&kid, &decode("n")?, &decode("e")?)?;
    Some(Rc::new(key))
}

/// 1 to 256 printable characters.
pub fn is_key_id(kid: &str) -> bool {
    (1..=MAX_KID_CHARS).contains(&kid.chars().count()) && !kid.chars().any(char::is_control)
}
