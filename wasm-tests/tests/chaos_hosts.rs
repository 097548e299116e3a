//! Envoy set up otherwise than the module would like it.

use std::thread;

use serde_json::json;
use wasm_tests::{Answer, KID, Scenario, USER, assert_refused};

/// With `allow_on_headers_stop_iteration` (Envoy 1.35 and later) a filter that pauses at the headers still
/// gets the body, and one that lets the body pass lets the request pass, too.
#[test]
fn a_body_does_not_carry_a_waiting_request_past_the_filter() {
    let s = Scenario::new()
        .plugin_members(json!({"allow_on_headers_stop_iteration": true}))
        .start();
    s.endpoint.set(KID, Answer::Hold);
    let forged = s
        .token_builder()
        .signed_by(&alb_fixtures::mint::KeyPair::generate(KID))
        .sign();
    let post = |token: &str| {
        s.request("POST", "/")
            .token(token)
            .header("kubeflow-userid", "eve")
            .body("x".repeat(100_000))
    };
    let good = post(&s.token()).start();
    let bad = post(&forged).start();
    s.await_metric("waiting_requests", 2);
    s.endpoint.serve_key(&s.key);
    let echo = good.finish().echo();
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
    assert_eq!(echo.body.len(), 100_000);
    assert_refused(&bad.finish(), "invalid_signature", "forged");
    s.assert_alive();
}

/// More than Envoy buffers of one request (1 MiB by default): it must not read on while the request waits.
#[test]
fn an_upload_that_waits_is_let_through_however_large_it_is() {
    for stops_at_headers in [false, true] {
        let s = Scenario::new()
            .plugin_members(json!({"allow_on_headers_stop_iteration": stops_at_headers}))
            .start();
        s.endpoint.set(KID, Answer::Hold);
        let body = "0123456789ab".repeat(250_000);
        let post = s.request("POST", "/").token(&s.token()).body(body.as_str());
        let session = post.connect_http2();
        let stream = session.start(&post);
        thread::scope(|scope| {
            let connection = scope.spawn(|| post.start().finish());
            s.await_metric("waiting_requests", 2);
            s.endpoint.serve_key(&s.key);
            let responses = [
                session.finish(stream).expect("an answer"),
                connection.join().expect("an answer"),
            ];
            for response in responses {
                assert_eq!(response.status, 200, "stops at headers: {stops_at_headers}");
                let echo = response.echo();
                assert_eq!(echo.values("kubeflow-userid"), [USER]);
                assert!(echo.body == body, "the body changed");
            }
        });
        s.assert_alive();
    }
}
