//! The ALB's session cookies go; every other cookie stays byte for byte.

use serde_json::json;
use wasm_tests::{Running, Scenario, bytes_of, sends_http2};

/// Sent `cookie` headers and those that arrive.
type Case = (&'static [&'static str], &'static [&'static str]);

/// The default session cookie's cases.
const CASES: [Case; 21] = [
    (&["a=b"], &["a=b"]),
    (&["AWSELBAuthSessionCookie=x"], &[]),
    (&["AWSELBAuthSessionCookie-0=x"], &[]),
    (
        &["AWSELBAuthSessionCookie-0=x; AWSELBAuthSessionCookie-1=y"],
        &[],
    ),
    (&["AWSELBAuthSessionCookie-17=x"], &[]),
    (&["AWSELBAuthSessionCookie-0=x; a=b"], &["a=b"]),
    (&["AWSVAAuthSessionCookie-0=x; a=b"], &["a=b"]),
    (&["AWSVAAuthSessionCookie=x"], &[]),
    (&["a=b; AWSELBAuthSessionCookie-0=x"], &["a=b"]),
    (&["a=b; AWSELBAuthSessionCookie-0=x; c=d"], &["a=b; c=d"]),
    (&["a=b;AWSELBAuthSessionCookie=x;c=d"], &["a=b;c=d"]),
    (&["AWSELBAuthSessionCookie-0=x", "a=b"], &["a=b"]),
    (
        &["a=b", "AWSELBAuthSessionCookie-0=x", "c=d"],
        &["a=b", "c=d"],
    ),
    (&["a=\"x; AWSELBAuthSessionCookie=y; z\""], &["a=\"x; z\""]),
    (
        &["AWSELBAuthSessionCookies=x"],
        &["AWSELBAuthSessionCookies=x"],
    ),
    (
        &["AWSELBAuthSessionCookie-=x"],
        &["AWSELBAuthSessionCookie-=x"],
    ),
    (
        &["AWSELBAuthSessionCookie-a=x"],
        &["AWSELBAuthSessionCookie-a=x"],
    ),
    (
        &["AWSELBAuthSessionCookie-0x=x"],
        &["AWSELBAuthSessionCookie-0x=x"],
    ),
    (
        &["xAWSELBAuthSessionCookie-0=x"],
        &["xAWSELBAuthSessionCookie-0=x"],
    ),
    (
        &["a=AWSELBAuthSessionCookie-0=x"],
        &["a=AWSELBAuthSessionCookie-0=x"],
    ),
    (&["  AWSELBAuthSessionCookie-0 = x ; a=b"], &["a=b"]),
];

/// The headers that arrive where these are let through: several HTTP/2 fields are one to Envoy (RFC 9113 section 8.2.3).
fn arriving(cookies: &[&str]) -> Vec<String> {
    if sends_http2() && !cookies.is_empty() {
        vec![cookies.join("; ")]
    } else {
        cookies.iter().copied().map(str::to_owned).collect()
    }
}

fn cookies(s: &Running, path: &str, sent: &[&str]) -> Vec<String> {
    let token = s.token();
    let request = s.get(path);
    let request = if path == "/public" {
        request
    } else {
        request.token(&token)
    };
    let request = sent
        .iter()
        .fold(request, |r, cookie| r.header("cookie", cookie));
    let echo = request.send().echo();
    let values = echo.values("cookie").into_iter();
    values.map(|value| value.trim().to_owned()).collect()
}

#[test]
fn session_cookies_go_with_and_without_a_token() {
    let allowed = json!({"allowMissingToken": [{"path": "/public"}]});
    let s = Scenario::new().config(allowed).start();
    for path in ["/", "/public"] {
        for (sent, expected) in CASES {
            assert_eq!(
                cookies(&s, path, sent),
                arriving(expected),
                "{path} {sent:?}"
            );
        }
    }
}

#[test]
fn session_cookies_go_in_observe_and_over_http2() {
    let s = Scenario::new().config(json!({"mode": "observe"})).start();
    let request = s
        .get("/")
        .header("cookie", "a=b")
        .header("cookie", "AWSELBAuthSessionCookie-0=x");
    for response in [request.send(), request.send_http2()] {
        assert_eq!(response.echo().values("cookie"), ["a=b"]);
    }
}

#[test]
fn other_cookies_stay_byte_for_byte() {
    let s = Scenario::new().start();
    let odd = b" a=\xff\x80\"x ;b ;; =; c=d=e";
    let sent = [&odd[..], b"; AWSELBAuthSessionCookie-0=secret"].concat();
    let request = s.get("/").token(&s.token()).header_bytes("cookie", &sent);
    let echo = request.send().echo();
    let arrived = bytes_of(echo.values("cookie")[0]);
    // Envoy itself takes the white space at both ends of a value.
    assert_eq!(arrived, odd[1..]);
}

#[test]
fn configured_session_cookies_go_in_place_of_the_default_one() {
    let names = json!({"sessionCookies": ["Session", "__Host-alb"]});
    let s = Scenario::new().config(names).start();
    let sent = "Session-0=x; __Host-alb=y; AWSELBAuthSessionCookie-0=z; session-0=w";
    let expected = ["AWSELBAuthSessionCookie-0=z; session-0=w"];
    assert_eq!(cookies(&s, "/", &[sent]), expected);
}

#[test]
fn session_cookies_stay_where_the_operator_says_so() {
    let s = Scenario::new()
        .config(json!({"forwardSessionCookies": true}))
        .start();
    let sent = [
        "AWSELBAuthSessionCookie-0=x; a=b",
        "AWSELBAuthSessionCookie-1=y",
    ];
    assert_eq!(cookies(&s, "/", &sent), arriving(&sent));
}
