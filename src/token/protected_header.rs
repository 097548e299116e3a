//! The JOSE protected header (RFC 7515 section 4) as a load balancer writes it.
//!
//! Real tokens hold `typ`, `kid`, `alg`, `iss`, `client`, `signer`, `exp`, in this order. Further
//! members are ignored, but no name may stand twice (RFC 7515 section 4): two readers might take
//! different ones.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Text;
use crate::reason::Rejection;

/// The members that are checked. Nothing here is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedHeader<'a> {
    /// The signature algorithm.
    pub alg: Cow<'a, str>,
    /// The key id.
    pub kid: Cow<'a, str>,
    /// The load balancer's ARN.
    pub signer: Cow<'a, str>,
    /// The IdP's issuer.
    pub iss: Cow<'a, str>,
    /// The client id at the IdP.
    pub client: Cow<'a, str>,
    /// The end of the token's life, Unix seconds.
    pub exp: i64,
    /// Whether there is a `crit`: extensions that must be understood, and we understand none.
    pub has_crit: bool,
}

impl<'a> ProtectedHeader<'a> {
    /// Reads the decoded header. Errors: [`Rejection::MalformedToken`].
    pub fn parse(json: &'a [u8]) -> Result<Self, Rejection> {
        let text = std::str::from_utf8(json).map_err(|_| Rejection::MalformedToken)?;
        serde_json::from_str(text).map_err(|_| Rejection::MalformedToken)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ProtectedHeader<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = ProtectedHeader<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut alg, mut kid, mut signer, mut iss, mut client) = (None, None, None, None, None);
        let mut exp = None;
        let mut others = HashSet::new();
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "alg" => once(&mut alg, map.next_value::<Text<'de>>()?)?,
                "kid" => once(&mut kid, map.next_value::<Text<'de>>()?)?,
                "signer" => once(&mut signer, map.next_value::<Text<'de>>()?)?,
                "iss" => once(&mut iss, map.next_value::<Text<'de>>()?)?,
                "client" => once(&mut client, map.next_value::<Text<'de>>()?)?,
                "exp" => once(&mut exp, map.next_value::<i64>()?)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    if !others.insert(name) {
                        return Err(A::Error::custom("duplicate member"));
                    }
                }
            }
        }
        let absent = || A::Error::custom("a member is absent");
        Ok(ProtectedHeader {
            alg: alg.ok_or_else(absent)?.0,
            kid: kid.ok_or_else(absent)?.0,
            signer: signer.ok_or_else(absent)?.0,
            iss: iss.ok_or_else(absent)?.0,
            client: client.ok_or_else(absent)?.0,
            exp: exp.ok_or_else(absent)?,
            has_crit: others.contains("crit"),
        })
    }
}

fn once<T, E: serde::de::Error>(slot: &mut Option<T>, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("duplicate member")),
    }
}
