//! Header names, and the spellings that servers fold together.
//!
//! CGI and WSGI servers turn both `kubeflow-userid` and `kubeflow_userid` into
//! `HTTP_KUBEFLOW_USERID` (RFC 3875 section 4.1.18), so whoever may send one spelling may send the
//! other's value. All comparisons here read `_` as `-` and ignore case.

/// A header name in lower case: `[a-z0-9_-]+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeaderName(String);

impl HeaderName {
    /// Takes a name in any case; `None` where it holds anything but letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (!text.is_empty() && text.bytes().all(legal)).then(|| Self(text.to_ascii_lowercase()))
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
    /// smuggling), that carry credentials of their own, or that the filter itself reads.
    pub fn is_assignable(&self) -> bool {
        const RESERVED: [&[u8]; 8] = [
            b"host",
            b"connection",
            b"content-length",
            b"transfer-encoding",
            b"te",
            b"upgrade",
            b"cookie",
            b"authorization",
        ];
        let starts_with_oidc = self
            .0
            .as_bytes()
            .split_at_checked(OIDC_PREFIX.len())
            .is_some_and(|(start, _)| same_when_folded(start, OIDC_PREFIX));
        !starts_with_oidc && !RESERVED.iter().any(|name| self.folds_with(name))
    }
}

const OIDC_PREFIX: &[u8] = b"x-amzn-oidc-";

/// Equal once case is ignored and `_` is read as `-`.
pub fn same_when_folded(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fold(*a) == fold(*b))
}

fn fold(byte: u8) -> u8 {
    if byte == b'_' {
        b'-'
    } else {
        byte.to_ascii_lowercase()
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
        for bad in ["", "a b", "a:b", ":path", "é", "a\n", "a.b"] {
            assert_eq!(HeaderName::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn spellings_fold_together() {
        let name = HeaderName::parse("kubeflow-userid").unwrap();
        for spelling in ["kubeflow-userid", "kubeflow_userid", "Kubeflow_UserId"] {
            assert!(name.folds_with(spelling.as_bytes()), "{spelling}");
        }
        for other in ["kubeflow-user", "kubeflow-useride", "kubeflow.userid", ""] {
            assert!(!name.folds_with(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn headers_that_frame_or_authenticate_are_not_assignable() {
        for name in [
            "host",
            "Content_Length",
            "te",
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
