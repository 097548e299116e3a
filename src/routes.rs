//! Which requests may pass without a token, and which are logouts.
//!
//! What looks public to us may be something else to the upstream (`/public/..;/admin`,
//! `/static/%2e%2e/`), so a path that any server could read in two ways matches nothing here.

use crate::header_name::{HeaderName, same_when_folded};
use crate::headers::Headers;

/// A path, or the start of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathRule {
    /// The whole path.
    Exact(String),
    /// A path that starts so; ends with `/`.
    Prefix(String),
}

impl PathRule {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
        }
    }
}

/// A host in lower case, with its port unless that is 80 or 443.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// `None` for anything but a host name or address, with or without a port.
    pub fn parse(text: &str) -> Option<Self> {
        is_authority(text).then(|| Self(without_default_port(text).to_ascii_lowercase()))
    }

    fn matches(&self, authority: &str) -> bool {
        without_default_port(authority).eq_ignore_ascii_case(&self.0)
    }
}

/// An entry of `allowMissingToken`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRoute {
    /// The path.
    pub path: PathRule,
    /// The methods, where limited.
    pub methods: Option<Vec<String>>,
    /// The hosts, where limited.
    pub hosts: Option<Vec<HostName>>,
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
        // An upgrade or a tunnel is not the request that its path names.
        let opens_tunnel = headers.contains("upgrade") || headers.method() == "CONNECT";
        let matches = !opens_tunnel
            && !is_overridden(headers)
            && plain_path(headers).is_some_and(|path| self.path.matches(path))
            && self
                .methods
                .as_ref()
                .is_none_or(|m| m.iter().any(|m| m == headers.method()))
            && matches_host(self.hosts.as_deref(), headers)
            && self
                .with_header
                .as_ref()
                .is_none_or(|name| carries(headers, name));
        matches.then(|| Passage {
            authority: self
                .hosts
                .as_ref()
                .and_then(|_| shortened(headers.authority())),
        })
    }
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
    /// The hosts, where limited.
    pub hosts: Option<Vec<HostName>>,
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
}

fn matches_host(hosts: Option<&[HostName]>, headers: &Headers<'_>) -> bool {
    hosts.is_none_or(|hosts| hosts.iter().any(|host| host.matches(headers.authority())))
}

/// The request's path without the query, unless it can be read in two ways. URL parsers drop tabs
/// (`/static/.<TAB>./admin`); Envoy refuses them, other builds of it may not.
fn plain_path<'a>(headers: &Headers<'a>) -> Option<&'a str> {
    let path = headers.path().split('?').next()?;
    (is_plain_path(path) && path.bytes().all(|b| b.is_ascii_graphic())).then_some(path)
}

/// Starts with `/` and means the same to every server.
pub fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.contains(['%', '\\', ';', '?', '#'])
        && !path.contains("//")
        && !path
            .split('/')
            .any(|segment| segment == "." || segment == "..")
}

/// A method as it is sent: upper case.
pub fn is_method(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

/// A host name or address (`[::1]`), with or without a port.
pub fn is_authority(text: &str) -> bool {
    let host = without_port(text);
    let name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let address = |b: u8| b.is_ascii_hexdigit() || b":.".contains(&b);
    match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.is_some_and(|a| !a.is_empty() && a.bytes().all(address)),
        None => !host.is_empty() && host.bytes().all(name),
    }
}

/// Cuts off at most one `:` followed by digits only.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// `host:80` and `host:443` are the host itself.
fn without_default_port(authority: &str) -> &str {
    match without_port(authority) {
        host if authority.len() == host.len() => authority,
        host => match authority.get(host.len()..) {
            Some(":80" | ":443") => host,
            _ => authority,
        },
    }
}

/// Does the request carry exactly one such header, not empty? Any second spelling counts as a second
/// one: the upstream may read that one.
fn carries(headers: &Headers<'_>, name: &HeaderName) -> bool {
    let mut spellings = headers.iter().filter(|(other, _)| name.folds_with(other));
    let (Some((spelling, value)), None) = (spellings.next(), spellings.next()) else {
        return false;
    };
    let is_authorization = same_when_folded(name.as_str().as_bytes(), b"authorization");
    spelling.eq_ignore_ascii_case(name.as_str().as_bytes())
        && if is_authorization {
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
