//! Hosts of requests, and what is compared with them.

/// A host of an entry, in lower case, with its port unless that is 80 or 443.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// `*`: every host.
    Any,
    /// This host.
    Exact(String),
    /// `*.suffix`: every host below this one, at any depth; the text begins with the dot.
    Below(String),
}

impl HostPattern {
    /// `None` for anything but `*`, or a host name or address, with `*.` in front of it or not, and with or without
    /// a port.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let below = text.strip_prefix("*.");
        let host = below.unwrap_or(text);
        if !is_authority(host) || below.is_some_and(|host| host.starts_with(['.', '['])) {
            return None;
        }
        let host = without_default_port(host).to_ascii_lowercase();
        Some(match below {
            Some(_) => Self::Below(format!(".{host}")),
            None => Self::Exact(host),
        })
    }

    /// Whether it covers the host of this `:authority`.
    pub fn matches(&self, authority: &str) -> bool {
        let host = without_default_port(authority).to_ascii_lowercase();
        match self {
            Self::Any => true,
            Self::Exact(own) => host == *own,
            Self::Below(suffix) => {
                let labels = host.strip_suffix(suffix.as_str());
                labels.is_some_and(|labels| labels.split('.').all(is_label))
            }
        }
    }
}

/// One label of a host name. A colon would be another host to servers that split at the first one
/// (`kubeflow.example.com:80.models.example.com`).
fn is_label(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    !text.is_empty() && text.bytes().all(legal)
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
pub(super) fn without_default_port(authority: &str) -> &str {
    let host = without_port(authority);
    match authority.get(host.len()..) {
        Some(":80" | ":443") => host,
        _ => authority,
    }
}
