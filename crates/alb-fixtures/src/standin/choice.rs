//! Whom a request wants to be, and what it wants to go wrong: the stand-in's own header, query
//! parameter and cookie. None of them is forwarded, but for the cookie, which the gateway ignores.

use std::fmt;
use std::str::FromStr;

use hyper::HeaderMap;
use hyper::http::request::Parts;
use hyper::http::uri::{PathAndQuery, Uri};
use percent_encoding::percent_decode_str;

use crate::cookies;

/// Who a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody is logged in: the request is forwarded without the load balancer's headers.
    Anonymous,
    /// A user, by e-mail address.
    User(String),
}

/// A way to forge an identity, for a gateway to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// The request goes on as the client sent it: as though the load balancer had been bypassed.
    Bypass,
    /// A token that ended an hour ago.
    Expired,
    /// A token with the right key id, signed by a key of the attacker's own.
    Forged,
    /// A token that another account's load balancer signed with the region's own key. It carries the
    /// same issuer and client, which the attacker configures at will.
    OtherAlb,
    /// The user's good token with an access token that is not the user's.
    AccessToken(AccessTokenAttack),
}

/// An access token that doesn't belong to the user's token beside it. Each claims a group that the user is not in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTokenAttack {
    /// Another user's, good in itself.
    OtherUser,
    /// The user's, for another app client of the pool.
    OtherClient,
    /// The user's, from before an hour ago.
    Expired,
    /// The user's ID token, which the pool signs too.
    IdToken,
    /// With the right key id, signed by a key of the attacker's own.
    Forged,
}

/// What one request asks of the stand-in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) caller: Caller,
    pub(super) attack: Option<Attack>,
    remember: bool,
}

/// A user or an attack that can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidChoice {
    /// No such attack.
    Attack,
    /// Not an e-mail address that a cookie can hold, nor `anonymous`.
    Caller,
}

impl Choice {
    /// Reads the choice and removes it from the request: the header first, then the query, then the
    /// cookie, then `default_caller`.
    pub(super) fn take_from(
        parts: &mut Parts,
        default_caller: &Caller,
    ) -> Result<Self, InvalidChoice> {
        let user_header = take_header(&mut parts.headers, USER_HEADER);
        let attack_header = take_header(&mut parts.headers, ATTACK_HEADER);
        let user_query = take_parameter(&mut parts.uri, USER_PARAMETER);
        let attack_query = take_parameter(&mut parts.uri, ATTACK_PARAMETER);

        let attack = attack_header
            .or(attack_query)
            .map(|name| name.parse())
            .transpose()?;
        let remember = user_header.is_none() && user_query.is_some();
        let caller = match user_header.or(user_query) {
            Some(name) => name.parse()?,
            // A cookie may be another program's on the same host: what can't be a user isn't ours.
            None => cookie_caller(&parts.headers).unwrap_or_else(|| default_caller.clone()),
        };
        Ok(Self {
            caller,
            attack,
            remember,
        })
    }

    /// The `set-cookie` value that keeps a user of the query. `anonymous` is not kept: the page that
    /// could bring the user back would be refused with the rest.
    pub(super) fn cookie(&self) -> Option<String> {
        match &self.caller {
            Caller::User(email) if self.remember => Some(format!(
                "{USER_COOKIE}={email}; Path=/; HttpOnly; SameSite=Lax"
            )),
            _ => None,
        }
    }
}

fn take_header(headers: &mut HeaderMap, name: &str) -> Option<String> {
    let value = headers.remove(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Removes the parameter `name` from the query; what else it holds stays byte for byte.
fn take_parameter(uri: &mut Uri, name: &str) -> Option<String> {
    let query = uri.query()?;
    let of_name = |pair: &&str| pair.split_once('=').map_or(*pair, |(key, _)| key) == name;
    let pair = query.split('&').find(of_name)?;
    let value = pair.split_once('=').map_or("", |(_, value)| value);
    let value = percent_decode_str(value).decode_utf8_lossy().into_owned();

    let rest: Vec<&str> = query.split('&').filter(|pair| !of_name(pair)).collect();
    let target = if rest.is_empty() {
        uri.path().to_owned()
    } else {
        format!("{}?{}", uri.path(), rest.join("&"))
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::from_str(&target).ok();
    if let Ok(shortened) = Uri::from_parts(parts) {
        *uri = shortened;
    }
    Some(value)
}

fn cookie_caller(headers: &HeaderMap) -> Option<Caller> {
    cookies::value(headers, USER_COOKIE)?.parse().ok()
}

impl FromStr for Caller {
    type Err = InvalidChoice;

    fn from_str(name: &str) -> Result<Self, InvalidChoice> {
        if name == "anonymous" {
            return Ok(Self::Anonymous);
        }
        let is_cookie_safe = |c: char| c.is_ascii_alphanumeric() || "._%+-@".contains(c);
        if name.is_empty() || name.len() > MAX_USER_BYTES || !name.chars().all(is_cookie_safe) {
            return Err(InvalidChoice::Caller);
        }
        Ok(Self::User(name.to_owned()))
    }
}

impl FromStr for Attack {
    type Err = InvalidChoice;

    fn from_str(name: &str) -> Result<Self, InvalidChoice> {
        match name {
            "bypass" => Ok(Self::Bypass),
            "expired" => Ok(Self::Expired),
            "forged" => Ok(Self::Forged),
            "other-alb" => Ok(Self::OtherAlb),
            "access-other-user" => Ok(Self::AccessToken(AccessTokenAttack::OtherUser)),
            "access-other-client" => Ok(Self::AccessToken(AccessTokenAttack::OtherClient)),
            "access-expired" => Ok(Self::AccessToken(AccessTokenAttack::Expired)),
            "access-id-token" => Ok(Self::AccessToken(AccessTokenAttack::IdToken)),
            "access-forged" => Ok(Self::AccessToken(AccessTokenAttack::Forged)),
            _ => Err(InvalidChoice::Attack),
        }
    }
}

impl fmt::Display for InvalidChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attack => {
                "the attack must be one of bypass, expired, forged, other-alb, access-other-user, \
                 access-other-client, access-expired, access-id-token, access-forged"
            }
            Self::Caller => {
                "the user must be `anonymous` or an e-mail address of A-Z a-z 0-9 . _ % + - @"
            }
        })
    }
}

impl std::error::Error for InvalidChoice {}

const USER_HEADER: &str = "x-standin-user";
const USER_PARAMETER: &str = "as";
const USER_COOKIE: &str = "standin-user";
const ATTACK_HEADER: &str = "x-standin-attack";
const ATTACK_PARAMETER: &str = "attack";
/// An e-mail address has at most 254 characters (RFC 5321, erratum 1690).
const MAX_USER_BYTES: usize = 254;
