//! The page that a browser shows if a request is rejected.

use serde_json::json;
use wasm_tests::{Answer, Request, Response, Running, Scenario, assert_refused};

/// `accept` of a navigation in Chrome.
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,\
    */*;q=0.8,application/signed-exchange;v=b3;q=0.7";

fn navigation(s: &Running, path: &str) -> Request {
    s.get(path).header("accept", NAVIGATION)
}

#[track_caller]
fn assert_page(response: &Response, status: u16, reason: &str) -> String {
    assert_eq!(response.status, status, "{reason}");
    let header = |name| response.values(name);
    assert_eq!(header("content-type"), ["text/html; charset=utf-8"]);
    assert_eq!(header("vary"), ["accept"]);
    assert_eq!(header("cache-control"), ["no-store"]);
    assert_eq!(
        header("content-security-policy"),
        ["default-src 'none'; style-src 'unsafe-inline'"]
    );
    let body = String::from_utf8(response.body.clone()).expect("UTF-8");
    assert!(
        body.contains(&format!("<code>{reason}</code>")),
        "{reason}: {body}"
    );
    body
}

#[test]
fn a_navigation_gets_a_page_and_a_program_gets_json() {
    let s = Scenario::new().start();
    let page = navigation(&s, "/").send();
    assert_page(&page, 401, "missing_token");
    assert_eq!(page.values("www-authenticate"), ["Bearer"]);
    let stale = s.token_builder().expiring_at(0).sign();
    let page = navigation(&s, "/").token(&stale).send();
    assert_page(&page, 401, "token_expired");
    assert_eq!(
        page.values("www-authenticate"),
        [r#"Bearer error="invalid_token", error_description="token_expired""#]
    );
    for accept in [
        "*/*",
        "application/json",
        "text/html, application/json",
        "text/html;q=x",
    ] {
        let json = s.get("/").header("accept", accept).token(&stale).send();
        assert_refused(&json, "token_expired", accept);
    }
    let split = s
        .get("/")
        .header("accept", "*/*;q=0.5")
        .header("accept", "text/html");
    assert_page(&split.send(), 401, "missing_token");
    assert_eq!(s.metric("requests.missing_token"), 2);
    assert_eq!(s.metric("requests.token_expired"), 5);
}

#[test]
fn the_page_shows_the_request_id_escaped_and_nothing_of_the_token() {
    // Envoy gives the request an id of its own unless it is told to keep the client's.
    let s = Scenario::new()
        .connection_manager(json!({ "preserve_external_request_id": true }))
        .start();
    let token = s.token_with("email", "eve<script>@example.com, x ");
    let page = navigation(&s, "/")
        .header("x-request-id", "<img src=x onerror=\"alert(1)\">")
        .token(&token)
        .send();
    let body = assert_page(&page, 403, "unusable_claim");
    assert!(
        body.contains("<bdi>&lt;img src=x onerror=&quot;alert(1)&quot;&gt;</bdi>"),
        "{body}"
    );
    assert!(!body.contains("<img") && !body.contains("eve"), "{body}");
}

#[test]
fn a_request_that_waited_for_its_key_gets_a_page_too() {
    let s = Scenario::new()
        .config(json!({ "publicKeys": { "maxWait": "300ms" } }))
        .start();
    s.endpoint.set(s.key.kid(), Answer::Hold);
    let (browser, program) = (navigation(&s, "/"), s.get("/"));
    let browser = browser.token(&s.token()).start();
    let program = program.token(&s.token()).start();
    let page = browser.finish();
    let body = assert_page(&page, 503, "key_unavailable");
    assert!(body.contains("Request ID: "), "{body}");
    assert_eq!(page.values("retry-after"), ["1"]);
    assert_refused(&program.finish(), "key_unavailable", "a program");
}

#[test]
fn grpc_keeps_its_form_and_observe_its_upstream() {
    let s = Scenario::new().start();
    let grpc = s
        .request("POST", "/pkg.Service/Method")
        .header("content-type", "application/grpc")
        .header("accept", NAVIGATION)
        .body("")
        .send_http2();
    assert_eq!((grpc.status, grpc.values("grpc-status")), (200, vec!["16"]));
    assert!(grpc.values("content-security-policy").is_empty());
    let observing = Scenario::new().config(json!({ "mode": "observe" })).start();
    navigation(&observing, "/").send().echo();
    assert_eq!(observing.metric("observed.missing_token"), 1);
}
