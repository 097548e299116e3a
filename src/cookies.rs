//! The load balancer's session cookies, taken out of `cookie` headers.
//!
//! A client that presents them is the user, for the whole session: no notebook or other upstream may see them.

/// The header without the cookies `NAME` and `NAME-<digits>`; `None` if it has none of them. The
/// other cookies stay byte for byte. The value is split at each `;`, quoted or not, as servers do.
pub fn without_session_cookies(header: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let mut kept = split(header);
    let all = kept.len();
    kept.retain(|pair| !is_session_cookie(pair, names));
    if kept.len() == all {
        return None;
    }
    if kept.iter().all(|pair| pair.trim_ascii().is_empty()) {
        kept.clear();
    }
    Some(kept.join(&b';').trim_ascii_start().to_vec())
}

/// The parts between semicolons. Text, the usual case, is searched several bytes at a time.
fn split(header: &[u8]) -> Vec<&[u8]> {
    match std::str::from_utf8(header) {
        Ok(text) => text.split(';').map(str::as_bytes).collect(),
        Err(_) => header.split(|byte| *byte == b';').collect(),
    }
}

fn is_session_cookie(pair: &[u8], names: &[String]) -> bool {
    let name = pair
        .split(|byte| *byte == b'=')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    names.iter().any(|session| {
        name.strip_prefix(session.as_bytes())
            .is_some_and(|rest| match rest.split_first() {
                None => true,
                Some((dash, shard)) => {
                    *dash == b'-' && !shard.is_empty() && shard.iter().all(u8::is_ascii_digit)
                }
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_cookies_go_and_all_else_stays() {
        let cases: [(&str, Option<&str>); 17] = [
            ("", None),
            ("a=1; b=2", None),
            ("AWSELBAuthSessionCookie-0=x", Some("")),
            ("AWSELBAuthSessionCookie=x", Some("")),
            ("a=1; AWSELBAuthSessionCookie-0=x; b=2", Some("a=1; b=2")),
            (
                "AWSELBAuthSessionCookie-0=x; AWSELBAuthSessionCookie-1=y; b=2",
                Some("b=2"),
            ),
            (
                "a=1;AWSELBAuthSessionCookie-12=x;b=\"q\"",
                Some("a=1;b=\"q\""),
            ),
            (
                "a=\"1; AWSELBAuthSessionCookie-0=x; b\"",
                Some("a=\"1; b\""),
            ),
            (" AWSELBAuthSessionCookie-0 = x ;  b=2", Some("b=2")),
            ("AWSELBAuthSessionCookie-0", Some("")),
            ("AWSELBAuthSessionCookie-0=x; ; ", Some("")),
            ("a=1 ; AWSELBAuthSessionCookie-0=x", Some("a=1 ")),
            ("AWSELBAuthSessionCookie-=x", None),
            ("AWSELBAuthSessionCookie-0a=x", None),
            ("AWSELBAuthSessionCookie0=x", None),
            ("xAWSELBAuthSessionCookie-0=x", None),
            ("a=AWSELBAuthSessionCookie-0=x", None),
        ];
        let names = ["AWSELBAuthSessionCookie".to_owned()];
        for (header, expected) in cases {
            let seen = without_session_cookies(header.as_bytes(), &names);
            assert_eq!(seen.as_deref(), expected.map(str::as_bytes), "{header:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        let names = ["S".to_owned()];
        assert_eq!(
            without_session_cookies(b"a=\xff\x80; S-0=\xfe; b=\xc3", &names).as_deref(),
            Some(&b"a=\xff\x80; b=\xc3"[..])
        );
    }
}
