//! What happens to a forwarded request's headers: strip first, always; then set.
//!
//! Nothing that carries identity survives from outside, whatever the outcome. The identity headers come
//! from an [`Identity`] only, and that from a verified token only.

use crate::config::Config;
use crate::cookies::without_session_cookies;
use crate::header_name::same_when_folded;
use crate::headers::Headers;
use crate::identity::Identity;
use crate::token_kind::{ACCESS_TOKEN_HEADER, ALB, IDENTITY_HEADER};

/// One change of the request's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Remove every header of this name.
    Remove(Vec<u8>),
    /// Make this the only header of its name.
    Set(String, Vec<u8>),
    /// Add one more header of this name.
    Append(String, Vec<u8>),
}

/// What of the load balancer's own headers is forwarded with a verified identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The user's token, and the `sub` claim beside it if it is the token's.
    pub user_token: bool,
    /// The access token.
    pub access_token: bool,
}

/// The changes in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderPlan {
    edits: Vec<HeaderEdit>,
}

impl HeaderPlan {
    /// For a request that goes on without identity.
    pub fn without_identity(inbound: Inbound) -> Self {
        let mut edits = inbound.edits;
        edits.extend(
            inbound
                .oidc
                .into_iter()
                .map(|header| HeaderEdit::Remove(header.name)),
        );
        Self { edits }
    }

    /// For a request of a verified user. What is forwarded of the load balancer's own headers stays if it came once,
    /// in its own spelling.
    pub fn with_identity(inbound: Inbound, identity: &Identity, forwarded: Forwarded) -> Self {
        let kept: Vec<&'static str> = [
            (ALB.header, forwarded.user_token),
            (ACCESS_TOKEN_HEADER, forwarded.access_token),
            (
                IDENTITY_HEADER,
                forwarded.user_token && inbound.identity_is(identity.subject()),
            ),
        ]
        .into_iter()
        .filter(|(name, stays)| *stays && inbound.came_once(name))
        .map(|(name, _)| name)
        .collect();
        let mut edits = inbound.edits;
        let dropped = inbound
            .oidc
            .into_iter()
            .filter(|header| !kept.iter().any(|kept| kept.as_bytes() == header.name));
        edits.extend(dropped.map(|header| HeaderEdit::Remove(header.name)));
        edits.extend(identity.headers().iter().map(|(name, value)| {
            HeaderEdit::Set(name.as_str().to_owned(), value.as_bytes().to_vec())
        }));
        Self { edits }
    }

    /// The same, and the request goes on under this `:authority` if one is given.
    #[must_use]
    pub fn with_authority(mut self, authority: Option<String>) -> Self {
        let set = authority.map(|host| HeaderEdit::Set(":authority".to_owned(), host.into_bytes()));
        self.edits.extend(set);
        self
    }

    /// The changes in order.
    pub fn edits(&self) -> &[HeaderEdit] {
        &self.edits
    }
}

/// Client-supplied headers that must not reach the upstream. Collected once, when the request headers arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    edits: Vec<HeaderEdit>,
    /// The load balancer's own headers.
    oidc: Vec<OidcHeader>,
}

/// One spelling of one of the load balancer's own headers, however many copies of it came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OidcHeader {
    name: Vec<u8>,
    /// The first copy's, if it will be looked at again.
    value: Vec<u8>,
    came_once: bool,
}

/// What an edit takes besides its texts: its place in a list that may be three quarters empty, and the overhead
/// of its allocations, rounded up.
const EDIT_OVERHEAD: usize = 256;

impl Inbound {
    /// Finds all that has to go.
    pub fn inspect(headers: &Headers<'_>, config: &Config) -> Self {
        let mut inbound = Self::default();
        for (name, value) in headers.iter() {
            if is_oidc(name) {
                inbound.note_oidc(name, value, config.forward_token);
            } else if config.is_stripped(name) {
                inbound.remove_once(name);
            }
        }
        if !config.forward_session_cookies {
            inbound.strip_cookies(headers, &config.session_cookies);
        }
        // On an upgrade Envoy passes `connection` on, and a header named there would be dropped by
        // the next proxy: a client could take our header off the request.
        if headers.contains("upgrade") {
            inbound.edits.push(HeaderEdit::Set(
                "connection".to_owned(),
                b"upgrade".to_vec(),
            ));
        }
        inbound
    }

    fn note_oidc(&mut self, name: &[u8], value: &[u8], keep_value: bool) {
        if let Some(known) = self.oidc.iter_mut().find(|known| known.name == name) {
            known.came_once = false;
            return;
        }
        // Only a header that may be kept is looked at again; a 60 KB value need not be copied.
        let value = if keep_value && name == IDENTITY_HEADER.as_bytes() {
            value
        } else {
            b""
        };
        self.oidc.push(OidcHeader {
            name: name.to_vec(),
            value: value.to_vec(),
            came_once: true,
        });
    }

    fn remove_once(&mut self, name: &[u8]) {
        let edit = HeaderEdit::Remove(name.to_vec());
        if !self.edits.contains(&edit) {
            self.edits.push(edit);
        }
    }

    fn strip_cookies(&mut self, headers: &Headers<'_>, names: &[String]) {
        let stripped: Vec<(&[u8], Option<Vec<u8>>)> = headers
            .all("cookie")
            .map(|value| (value, without_session_cookies(value, names)))
            .collect();
        if stripped.iter().all(|(_, changed)| changed.is_none()) {
            return;
        }
        let kept = stripped
            .into_iter()
            .filter_map(|(value, changed)| match changed {
                None => Some(value.to_vec()),
                Some(changed) => (!changed.is_empty()).then_some(changed),
            });
        let kept: Vec<Vec<u8>> = kept.collect();
        self.edits.push(HeaderEdit::Remove(b"cookie".to_vec()));
        self.edits.extend(
            kept.into_iter()
                .map(|v| HeaderEdit::Append("cookie".to_owned(), v)),
        );
    }

    /// What it takes in memory, at most.
    pub fn heap_bytes(&self) -> usize {
        let edits = self.edits.iter().map(|edit| match edit {
            HeaderEdit::Remove(name) => name.len(),
            HeaderEdit::Set(name, value) | HeaderEdit::Append(name, value) => {
                name.len().saturating_add(value.len())
            }
        });
        let oidc = self.oidc.iter();
        edits
            .chain(oidc.map(|header| header.name.len().saturating_add(header.value.len())))
            .map(|texts| texts.saturating_add(EDIT_OVERHEAD))
            .sum()
    }

    fn came_once(&self, name: &str) -> bool {
        self.find_oidc(name).is_some_and(|header| header.came_once)
    }

    fn identity_is(&self, subject: Option<&str>) -> bool {
        let came = self.find_oidc(IDENTITY_HEADER);
        came.map(|header| header.value.as_slice()) == subject.map(str::as_bytes)
    }

    fn find_oidc(&self, name: &str) -> Option<&OidcHeader> {
        self.oidc
            .iter()
            .find(|header| header.name == name.as_bytes())
    }
}

/// The names of trailers that must go: what no header may bring, no trailer may bring either.
pub fn stripped_trailers(trailers: &Headers<'_>, config: &Config) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    for (name, _) in trailers.iter() {
        let goes = is_oidc(name) || config.is_stripped(name);
        if goes && !names.iter().any(|known| known == name) {
            names.push(name.to_vec());
        }
    }
    names
}

fn is_oidc(name: &[u8]) -> bool {
    [ALB.header, IDENTITY_HEADER, ACCESS_TOKEN_HEADER]
        .iter()
        .any(|oidc| same_when_folded(oidc.as_bytes(), name))
}

#[cfg(test)]
mod tests;
