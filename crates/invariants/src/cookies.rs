//! Any bytes as a `cookie` header.

use alb_authn::cookies::without_session_cookies;

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let names = ["AWSELBAuthSessionCookie".to_owned(), "S".to_owned()];
    let is_session = |pair: &&[u8]| is_session(pair, &names);
    let pairs: Vec<&[u8]> = data.split(|byte| *byte == b';').collect();
    let left = without_session_cookies(data, &names);
    assert_eq!(left.is_some(), pairs.iter().any(is_session), "{data:?}");
    let Some(left) = left else { return };
    let kept = |pairs: Vec<&[u8]>| -> Vec<Vec<u8>> {
        let kept = pairs.into_iter().filter(|pair| !is_session(pair));
        let kept = kept.filter(|pair| !pair.trim_ascii().is_empty());
        kept.map(|pair| pair.trim_ascii_start().to_vec()).collect()
    };
    let after: Vec<&[u8]> = left.split(|byte| *byte == b';').collect();
    assert!(!after.iter().any(is_session), "{left:?}");
    assert_eq!(kept(after), kept(pairs), "another cookie changed");
    assert!(without_session_cookies(&left, &names).is_none());
}

/// `NAME` or `NAME-<digits>`, with or without a value.
fn is_session(pair: &[u8], names: &[String]) -> bool {
    let name = match pair.iter().position(|byte| *byte == b'=') {
        Some(end) => &pair[..end],
        None => pair,
    };
    let Ok(name) = std::str::from_utf8(name.trim_ascii()) else {
        return false;
    };
    names.iter().any(|session| {
        name == session
            || name
                .strip_prefix(&format!("{session}-"))
                .is_some_and(|shard| !shard.is_empty() && shard.bytes().all(|b| b.is_ascii_digit()))
    })
}
