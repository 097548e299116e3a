//! Texts with one wildcard at an end: what `keep` and `anyOf` compare with.

/// `abc`, `abc*`, `*abc` or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `*`: any text that is not empty.
    Any,
    /// This text.
    Exact(String),
    /// A text that begins so.
    Prefix(String),
    /// A text that ends so.
    Suffix(String),
}

impl Pattern {
    /// `None` for two stars, and for a star in the middle.
    pub fn parse(text: &str) -> Option<Self> {
        let pattern = match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(""), _) => Self::Any,
            (Some(rest), None) => Self::Suffix(rest.to_owned()),
            (None, Some(rest)) => Self::Prefix(rest.to_owned()),
            (None, None) => Self::Exact(text.to_owned()),
            (Some(_), Some(_)) => return None,
        };
        let (Self::Exact(rest) | Self::Prefix(rest) | Self::Suffix(rest)) = &pattern else {
            return Some(pattern);
        };
        (!rest.contains('*')).then_some(pattern)
    }

    /// Whether the text matches; with `ignore_case` ASCII letters are equal in both cases.
    pub fn matches(&self, text: &str, ignore_case: bool) -> bool {
        let equal = |a: &[u8], b: &[u8]| {
            if ignore_case {
                a.eq_ignore_ascii_case(b)
            } else {
                a == b
            }
        };
        let text = text.as_bytes();
        match self {
            Self::Any => !text.is_empty(),
            Self::Exact(own) => equal(text, own.as_bytes()),
            Self::Prefix(own) => {
                let start = text.get(..own.len());
                start.is_some_and(|start| equal(start, own.as_bytes()))
            }
            Self::Suffix(own) => {
                let end = text.len().checked_sub(own.len());
                let end = end.and_then(|from| text.get(from..));
                end.is_some_and(|end| equal(end, own.as_bytes()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_may_stand_at_an_end() {
        for good in ["", "a", "*", "a*", "*a", "*@example.com", "ml-*"] {
            assert!(Pattern::parse(good).is_some(), "{good}");
        }
        for bad in ["**", "*a*", "a*b", "a**", "**a", "a*b*"] {
            assert_eq!(Pattern::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn patterns_match_whole_texts() {
        let cases = [
            ("admins", "admins", true),
            ("admins", "Admins", false),
            ("admins", "admins2", false),
            ("ml-*", "ml-", true),
            ("ml-*", "ml-x", true),
            ("ml-*", "xml-x", false),
            ("*@example.com", "a@example.com", true),
            ("*@example.com", "a@example.com.evil", false),
            ("*é", "café", true),
            ("*", "x", true),
            ("*", "", false),
        ];
        for (pattern, text, expected) in cases {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(text, false), expected, "{pattern:?} {text}");
        }
        let domain = Pattern::parse("*@Example.com").unwrap();
        assert!(domain.matches("A@EXAMPLE.COM", true));
        assert!(
            !Pattern::parse("É").unwrap().matches("é", true),
            "ASCII only"
        );
    }
}
