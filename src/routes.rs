//! Which requests may pass without a token, and which are logouts.

mod host;
mod path;

pub use host::{HostPattern, is_authority};
pub use path::{PathRule, is_plain_path};

use crate::header_name::{HeaderName, same_when_folded};
use crate::headers::Headers;
use host::without_default_port;

/// An entry of `allowMissingToken`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRoute {
    /// The path; `None`: the whole host, whatever the path.
    pub path: Option<PathRule>,
    /// The methods, if limited.
    pub methods: Option<Vec<String>>,
    /// The hosts, if limited.
    pub hosts: Option<Vec<HostPattern>>,
    /// A header that the request must carry, once.
    pub with_header: Option<HeaderName>,
}

/// How a request without a token goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// `:authority` without its default port, if a host matched without it: Envoy's virtual hosts don't ignore
    /// ports, and must not route the request by another name than the one that was looked at.
    pub authority: Option<String>,
}

impl PublicRoute {
    /// May this request pass without a token?
    pub fn matches(&self, headers: &Headers<'_>) -> Option<Passage> {
        let looks_at_request = self.path.is_some() || self.methods.is_some();
        let matches = headers.method() != "CONNECT"
            && !(looks_at_request && is_overridden(headers))
            && self
                .path
                .as_ref()
                .is_none_or(|rule| plain_path(headers).is_some_and(|path| rule.matches(path)))
            && self
                .methods
                .as_ref()
                .is_none_or(|m| m.iter().any(|m| m == headers.method()))
            && matches_host(self.hosts.as_deref(), headers)
            && self
                .with_header
                .as_ref()
                .is_none_or(|name| carries(headers, name))
            && self.admits_upgrade(headers);
        matches.then(|| Passage {
            authority: self
                .hosts
                .as_ref()
                .and_then(|_| shortened(headers.authority())),
        })
    }

    /// An upgraded connection is not the request that its path names. A WebSocket is one if the entry doesn't look
    /// at the path, or if the client that opens it shows a bearer token, which is judged behind the filter.
    fn admits_upgrade(&self, headers: &Headers<'_>) -> bool {
        let mut upgrades = headers.all("upgrade");
        let Some(first) = upgrades.next() else {
            return true;
        };
        let shows_bearer = |name: &HeaderName| is_authorization(name);
        upgrades.next().is_none()
            && first.eq_ignore_ascii_case(b"websocket")
            && (self.path.is_none() || self.with_header.as_ref().is_some_and(shows_bearer))
    }
}

fn is_authorization(name: &HeaderName) -> bool {
    name.folds_with(b"authorization")
}

fn shortened(authority: &str) -> Option<String> {
    let host = without_default_port(authority);
    (host != authority).then(|| host.to_owned())
}

/// Does the request carry a header that some servers obey in place of its path or method?
fn is_overridden(headers: &Headers<'_>) -> bool {
    const OVERRIDES: [&[u8]; 5] = [
        b"x-original-url",
        b"x-rewrite-url",
        b"x-http-method-override",
        b"x-http-method",
        b"x-method-override",
    ];
    let overrides = |name: &[u8]| OVERRIDES.iter().any(|own| same_when_folded(own, name));
    headers.iter().any(|(name, _)| overrides(name))
}

/// The route of `logout`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRoute {
    /// The path.
    pub path: PathRule,
    /// The hosts, if limited.
    pub hosts: Option<Vec<HostPattern>>,
}

/// How a browser asked to log out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutMethod {
    /// A navigation: answered by a redirect.
    Get,
    /// Kubeflow's dashboard script: answered by JSON.
    Post,
}

impl LogoutRoute {
    /// Is this request a logout?
    pub fn matches(&self, headers: &Headers<'_>) -> Option<LogoutMethod> {
        let method = match headers.method() {
            "GET" => LogoutMethod::Get,
            "POST" => LogoutMethod::Post,
            _ => return None,
        };
        let matches = plain_path(headers).is_some_and(|path| self.path.matches(path))
            && matches_host(self.hosts.as_deref(), headers);
        matches.then_some(method)
    }

    /// Whether this route is for the request's host.
    pub fn is_for(&self, headers: &Headers<'_>) -> bool {
        matches_host(self.hosts.as_deref(), headers)
    }
}

fn matches_host(hosts: Option<&[HostPattern]>, headers: &Headers<'_>) -> bool {
    hosts.is_none_or(|hosts| hosts.iter().any(|host| host.matches(headers.authority())))
}

/// The request's path without the query, unless it can be read in two ways.
fn plain_path<'a>(headers: &Headers<'a>) -> Option<&'a str> {
    let path = headers.path().split('?').next()?;
    is_plain_path(path).then_some(path)
}

/// A method as it is sent: upper case.
pub fn is_method(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

/// Does the request carry exactly one such header, not empty? Any second spelling counts as a second
/// one: the upstream may read that one.
fn carries(headers: &Headers<'_>, name: &HeaderName) -> bool {
    let mut spellings = headers.iter().filter(|(other, _)| name.folds_with(other));
    let (Some((spelling, value)), None) = (spellings.next(), spellings.next()) else {
        return false;
    };
    spelling.eq_ignore_ascii_case(name.as_str().as_bytes())
        && if is_authorization(name) {
            is_bearer(value)
        } else {
            !value.trim_ascii().is_empty()
        }
}

/// Envoy's jwt_authn, which judges next, looks at `Bearer TOKEN` only, and with `allow_missing` lets
/// any other form pass; repeated headers reach it joined with a comma, which is no token character.
fn is_bearer(value: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"._~+/=-".contains(b);
    value
        .strip_prefix(b"Bearer ")
        .is_some_and(|token| !token.is_empty() && token.iter().all(legal))
}

#[cfg(test)]
mod tests;
