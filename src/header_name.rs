//! Header names, and the spellings that servers fold together.
//!
//! CGI and WSGI servers turn both `kubeflow-userid` and `kubeflow_userid` into
//! `HTTP_KUBEFLOW_USERID` (RFC 3875 section 4.1.18). lighttpd does so with every byte that is no letter or
//! digit, and PHP with `.`. So a client that may send one spelling may send the other's value. All comparisons
//! here ignore case, and read every byte that is no ASCII letter or digit as `-`.

use std::rc::Rc;

use crate::token_kind::HEADER_PREFIX;

/// A header name in lower case: `[a-z0-9][a-z0-9_-]*`. Shared, since every request sets some.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeaderName(Rc<str>);

impl HeaderName {
    /// Takes a name in any case. `None` for anything but letters, digits, `-` and `_`, and for a name that
    /// begins with `-` or `_`: servers fold that with a pseudo-header.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        (is_name && text.bytes().all(legal)).then(|| Self(text.to_ascii_lowercase().into()))
    }

    /// The name as it is set.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `name` is a spelling of this name.
    pub fn folds_with(&self, name: &[u8]) -> bool {
        same_when_folded(self.0.as_bytes(), name)
    }

    /// May the filter set or remove this header? Not those that frame the message (request
    /// smuggling), that belong to one connection, that carry credentials of their own, or that the filter
    /// itself reads.
    pub fn is_assignable(&self) -> bool {
        let starts_with_oidc = self
            .0
            .as_bytes()
            .split_at_checked(HEADER_PREFIX.len())
            .is_some_and(|(start, _)| same_when_folded(start, HEADER_PREFIX.as_bytes()));
        !starts_with_oidc
            && !NOT_ASSIGNABLE
                .iter()
                .any(|name| self.folds_with(name.as_bytes()))
    }
}

/// What the filter never sets or removes by configuration, besides `x-amzn-oidc-*`.
pub const NOT_ASSIGNABLE: [&str; 14] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "http2-settings",
    "cookie",
    "authorization",
];

/// Equal as servers that fold names read them. A pseudo-header folds with nothing but itself: no server takes it
/// for a header.
pub fn same_when_folded(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && a.starts_with(b":") == b.starts_with(b":")
        && a.iter().zip(b).all(|(a, b)| fold(*a) == fold(*b))
}

fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_in_lower_case() {
        assert_eq!(
            HeaderName::parse("Kubeflow-UserID").unwrap().as_str(),
            "kubeflow-userid"
        );
        for bad in ["", "a b", "a:b", ":path", "é", "a\n", "a.b", "-path", "_a"] {
            assert_eq!(HeaderName::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn spellings_fold_together() {
        let name = HeaderName::parse("kubeflow-userid").unwrap();
        for byte in u8::MIN..=u8::MAX {
            let spelling = [b"Kubeflow".as_slice(), &[byte], b"UserId"].concat();
            let expected = !byte.is_ascii_alphanumeric();
            assert_eq!(name.folds_with(&spelling), expected, "{byte:#x}");
        }
        for other in ["kubeflow-user", "kubeflow-useride", "kubeflowuserid", ""] {
            assert!(!name.folds_with(other.as_bytes()), "{other}");
        }
        assert!(!same_when_folded(b":path", b"-path") && same_when_folded(b":path", b":path"));
    }

    #[test]
    fn headers_that_frame_or_authenticate_are_not_assignable() {
        for name in [
            "host",
            "connection",
            "Content_Length",
            "transfer-encoding",
            "te",
            "Trailer",
            "upgrade",
            "expect",
            "keep_alive",
            "proxy-connection",
            "Proxy_Authorization",
            "http2-settings",
            "cookie",
            "authorization",
            "x_amzn-oidc_data",
            "x-amzn-oidc-",
        ] {
            assert!(!HeaderName::parse(name).unwrap().is_assignable(), "{name}");
        }
        for name in ["kubeflow-userid", "x-amzn-oidc", "tea", "x-authorization"] {
            assert!(HeaderName::parse(name).unwrap().is_assignable(), "{name}");
        }
    }
}
