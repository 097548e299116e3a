//! The load balancer's cookies. A session larger than a browser's limit of 4 KB goes in up to four
//! shards, `NAME-0` to `NAME-3` (the ALB guide, "Authentication flow" and "Authentication logout").

pub(crate) use alb_fixtures::cookies::value;
use hyper::HeaderMap;
use hyper::header::HeaderValue;

/// The cookie that ties a login to the browser that began it.
pub(crate) const NONCE_COOKIE: &str = "AWSALBAuthNonce";

/// The shards put together, `None` where there is no first one.
pub(crate) fn session(headers: &HeaderMap, name: &str) -> Option<String> {
    let shards = (0..MAX_SHARDS).map_while(|shard| value(headers, &format!("{name}-{shard}")));
    let whole: String = shards.collect();
    (!whole.is_empty()).then_some(whole)
}

/// `set-cookie` values for a session; `None` where four shards don't hold it. Those of the request's
/// shards that are no longer needed are ended.
pub(crate) fn set_session(
    request: &HeaderMap,
    name: &str,
    value: &str,
) -> Option<Vec<HeaderValue>> {
    let needed = value.len().div_ceil(SHARD_BYTES);
    if needed > MAX_SHARDS {
        return None;
    }
    let chunks = (0..needed).map(|shard| {
        let end = value.len().min((shard + 1) * SHARD_BYTES);
        let part = &value[shard * SHARD_BYTES..end];
        set(&format!("{name}-{shard}={part}"), SEVEN_DAYS)
    });
    let stale = (needed..MAX_SHARDS)
        .map(|shard| format!("{name}-{shard}"))
        .filter(|shard| self::value(request, shard).is_some())
        .map(|shard| set(&format!("{shard}="), "Max-Age=0; "));
    Some(chunks.chain(stale).collect())
}

/// The `set-cookie` value of a login's nonce.
pub(crate) fn set_nonce(nonce: &str) -> HeaderValue {
    set(&format!("{NONCE_COOKIE}={nonce}"), "")
}

fn set(pair: &str, lifetime: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("{pair}; {lifetime}Path=/; Secure; HttpOnly"))
        .expect("base64 and a cookie name are ASCII")
}

const MAX_SHARDS: usize = 4;
/// Name and value together stay below the 4096 bytes that browsers take.
const SHARD_BYTES: usize = 4000;
/// The cookie's own lifetime, whatever the session's (the ALB guide's note under "Authentication flow").
const SEVEN_DAYS: &str = "Max-Age=604800; ";

#[cfg(test)]
mod tests {
    use hyper::header::COOKIE;

    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, cookie.parse().unwrap());
        }
        headers
    }

    #[test]
    fn shards_come_back_whole_whatever_their_order() {
        let value = "a".repeat(3 * SHARD_BYTES) + "b";
        let set = set_session(&HeaderMap::new(), "S", &value).unwrap();
        assert_eq!(set.len(), 4);
        let sent: Vec<&str> = set
            .iter()
            .rev()
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
            .collect();
        assert!(sent.iter().all(|cookie| cookie.len() <= 4096));
        assert_eq!(session(&headers(&sent), "S"), Some(value.clone()));
        assert_eq!(session(&headers(&[&sent.join("; ")]), "S"), Some(value));
    }

    #[test]
    fn a_smaller_session_ends_the_larger_ones_shards() {
        let request = headers(&["S-0=x; S-1=y; other=z"]);
        let set = set_session(&request, "S", "small").unwrap();
        assert_eq!(
            set,
            [
                "S-0=small; Max-Age=604800; Path=/; Secure; HttpOnly",
                "S-1=; Max-Age=0; Path=/; Secure; HttpOnly"
            ]
        );
    }

    #[test]
    fn what_four_shards_cannot_hold_is_not_set() {
        let largest = "a".repeat(4 * SHARD_BYTES);
        assert!(set_session(&HeaderMap::new(), "S", &largest).is_some());
        assert!(set_session(&HeaderMap::new(), "S", &(largest + "a")).is_none());
    }
}
