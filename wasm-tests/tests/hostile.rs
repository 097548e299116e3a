//! Whatever is sent, the module answers with a named verdict and goes on.

use std::thread;

use alb_fixtures::mint::encode;
use serde_json::json;
use wasm_tests::{
    Answer, Crowd, KID, Request, Running, Scenario, Transport, USER, assert_refused, eventually,
};

/// How many random key ids are tried, and how many at a time.
const RANDOM_KIDS: usize = 20_000;
const AT_A_TIME: usize = 1_000;

#[test]
fn sixty_kilobytes_of_headers_are_judged() {
    let s = Scenario::new()
        .config(json!({"maxTokenBytes": 65536, "allowMissingToken": [{"path": "/public"}]}))
        .start();
    let big = "x".repeat(60_000);
    assert_refused(&s.get("/").token(&big).send(), "malformed_token", "a token");
    assert_refused(
        &s.get("/").token(&".".repeat(60_000)).send(),
        "malformed_token",
        "dots",
    );
    let valid = s.token_with("filler", "x".repeat(40_000));
    assert_eq!(
        s.get("/")
            .token(&valid)
            .send()
            .echo()
            .values("kubeflow-userid"),
        [USER]
    );
    let cookies = format!("{}a=b", "AWSELBAuthSessionCookie-0=x; ".repeat(2_000));
    let echo = s.get("/public").header("cookie", &cookies).send().echo();
    assert_eq!(echo.values("cookie"), ["a=b"]);
    let many = (0..90).fold(s.get("/public"), |r, _| {
        r.header("kubeflow-userid", &big[..600])
    });
    assert!(!many.send().echo().has("kubeflow-userid"));
    let path = format!("/public?{big}");
    s.get(&path).send().echo();
    let bearer = format!("Bearer {big}");
    assert_refused(
        &s.get("/").header("authorization", &bearer).send(),
        "missing_token",
        "bearer",
    );
    s.assert_alive();
}

#[test]
fn bytes_that_are_no_text_are_judged() {
    let config = json!({
        "allowMissingToken": [
            {"path": "/public"},
            {"path": "/hosted", "hosts": ["a.example.com"]},
            {"path": "/hook", "withHeader": "x-hook"},
        ],
        "forwardToken": true,
    });
    let s = Scenario::new().config(config).start();
    let noise = b"\xff\xfe\x80 \xc3\x28\xed\xa0\x80";
    let names = [
        "cookie",
        "kubeflow-userid",
        "kubeflow_userid",
        "x-amzn-oidc-identity",
        "x-amzn-oidc-accesstoken",
        "authorization",
        "x-request-id",
        "content-type",
        "accept",
        "user-agent",
    ];
    let noisy = |request: Request| names.iter().fold(request, |r, n| r.header_bytes(n, noise));
    assert_refused(&noisy(s.get("/")).send(), "missing_token", "no token");
    let echo = noisy(s.get("/")).token(&s.token()).send().echo();
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
    assert!(!noisy(s.get("/public")).send().echo().has("kubeflow-userid"));
    s.get("/hook").header_bytes("x-hook", noise).send().echo();
    let token = s.get("/").header_bytes("x-amzn-oidc-data", noise);
    assert_refused(&token.send(), "malformed_token", "the token");
    let inside = [s.token().as_bytes(), &noise[..2]].concat();
    let token = s.get("/").header_bytes("x-amzn-oidc-data", &inside);
    assert_refused(&token.send(), "malformed_token", "behind the token");
    let upgrade = s
        .get("/")
        .token(&s.token())
        .header_bytes("connection", b"upgrade, \xff");
    let _ = upgrade.header("upgrade", "websocket").send();
    let _ = s.get("/public\u{ff}").send();
    s.assert_alive();
}

#[test]
fn unusual_request_targets_are_judged() {
    let config = json!({"allowMissingToken": [{"path": "/public"}, {"pathPrefix": "/a/"}]});
    let s = Scenario::new().config(config).start();
    let targets = [
        ("OPTIONS", "*"),
        ("GET", "http://kubeflow.example.com/private"),
        ("GET", "http://kubeflow.example.com"),
        ("GET", "?/public"),
        ("GET", "/?x=/public"),
        ("GET", "/a"),
        ("GET", "/a/?/../b#c"),
        ("CONNECT", "kubeflow.example.com:443"),
        ("CONNECT", "/a/b"),
    ];
    for (method, target) in targets {
        let response = s.request(method, target).send();
        // What Envoy itself takes for no request never reaches the module.
        if response.status != 400 && response.status != 404 {
            assert_refused(&response, "missing_token", target);
        }
    }
    s.get("http://kubeflow.example.com/public").send().echo();
    s.assert_alive();
}

/// `{"a":{"a": … }}` or `[[ … ]]`, 1,000 deep.
fn deep(opening: &str, closing: &str) -> String {
    format!("{}1{}", opening.repeat(1_000), closing.repeat(1_000))
}

#[test]
fn json_a_thousand_levels_deep_is_judged() {
    let s = Scenario::new().start();
    let nested = [deep("[", "]"), deep(r#"{"a":"#, "}"), "[".repeat(2_000)];
    for json in &nested {
        let header = s
            .token_builder()
            .header_text()
            .replacen('{', &format!(r#"{{"x":{json},"#), 1);
        let payload =
            s.token_builder()
                .payload_text()
                .replacen('{', &format!(r#"{{"x":{json},"#), 1);
        let good_header = s.token_builder().header_text();
        let good_payload = s.token_builder().payload_text();
        let tokens = [
            s.token_builder()
                .sign_bytes(header.as_bytes(), good_payload.as_bytes()),
            s.token_builder()
                .sign_bytes(good_header.as_bytes(), payload.as_bytes()),
            s.token_builder()
                .sign_bytes(json.as_bytes(), good_payload.as_bytes()),
            s.token_builder()
                .sign_bytes(good_header.as_bytes(), json.as_bytes()),
        ];
        for token in tokens {
            let response = s.get("/").token(&token).send();
            // How deep a member may be that nobody reads is not said: it is accepted or malformed,
            // and where it is the whole payload, the e-mail is missing.
            let reason = response.reason();
            let expected = ["", "malformed_token", "missing_claim"];
            assert!(expected.contains(&reason.as_str()), "{reason}");
            assert_ne!(response.status, 503);
        }
    }
    let mapped = s
        .token_builder()
        .payload_text()
        .replace(&format!("{USER:?}"), &nested[0]);
    let token = s.token_builder().sign_bytes(
        s.token_builder().header_text().as_bytes(),
        mapped.as_bytes(),
    );
    let reason = s.get("/").token(&token).send().reason();
    assert!(
        ["unusable_claim", "malformed_token"].contains(&reason.as_str()),
        "{reason}"
    );
    s.assert_alive();
}

/// A token for `kid` whose signature nobody will get to.
fn unsigned(s: &Running, kid: &str) -> String {
    let forgery = s.token_builder().header("kid", kid);
    let (header, payload) = (forgery.header_text(), forgery.payload_text());
    let parts = [header.as_bytes(), payload.as_bytes(), &[1; 64]];
    parts.map(|part| encode(part, true)).join(".")
}

/// One flood after the other of random key ids, each answered before the next one comes.
fn send_random_kids(s: &Running) {
    for flood in 0..RANDOM_KIDS / AT_A_TIME {
        let kid = |number| format!("{number:08x}-0000-4000-8000-{flood:012x}");
        let requests: Vec<_> = (0..AT_A_TIME)
            .map(|number| s.get("/").token(&unsigned(s, &kid(number))))
            .collect();
        for response in Crowd::start(Transport::Streams, &requests).finish() {
            let reason = response.reason();
            let expected = ["unknown_key", "key_unavailable", "overloaded"];
            assert!(expected.contains(&reason.as_str()), "{reason}");
        }
    }
}

/// A token by a new key that the endpoint has from now on.
fn rotated(s: &Running, kid: &str) -> String {
    let key = alb_fixtures::mint::KeyPair::generate(kid);
    s.endpoint.serve_key(&key);
    wasm_tests::TokenBuilder::new(&s.load_balancer, &key).sign()
}

#[test]
fn thousands_of_random_key_ids_starve_nobody() {
    let s = Scenario::new()
        .config(json!({"publicKeys": {"maxKeys": 16, "maxWait": "1s"}}))
        .connection_manager(
            json!({"http2_protocol_options": {"max_concurrent_streams": AT_A_TIME}}),
        )
        .start();
    s.get("/").token(&s.token()).send().echo();
    let at_half = rotated(&s, "eeeeeeee-0000-4000-8000-000000000000");
    thread::scope(|scope| {
        scope.spawn(|| send_random_kids(&s));
        for round in 0..50 {
            s.get("/").token(&s.token()).send().echo();
            if round >= 25 {
                // Several: a slot goes to the key that most requests wait for.
                let users: Vec<_> = (0..3).map(|_| s.get("/").token(&at_half).start()).collect();
                for user in users {
                    user.finish().echo();
                }
            }
        }
    });
    assert_eq!(s.endpoint.count(KID), 1);
    let afterwards = rotated(&s, "ffffffff-0000-4000-8000-000000000000");
    s.get("/").token(&afterwards).send().echo();
    assert!(s.metric("keys") <= 16);
    s.await_metric("waiting_requests", 0);
    s.assert_alive();
}

#[test]
fn clients_that_reset_while_they_wait_cost_the_others_nothing() {
    let limits = json!({"fetchTimeout": "60s", "maxWait": "60s"});
    let s = Scenario::new()
        .config(json!({"publicKeys": limits}))
        .start();
    s.endpoint.set(KID, Answer::Hold);
    let patient: Vec<_> = (0..50)
        .map(|_| s.get("/").token(&s.token()).start())
        .collect();
    let body = "x".repeat(50_000);
    let leaving: Vec<_> = (0..200)
        .map(|n| {
            let method = if n % 2 == 0 { "GET" } else { "POST" };
            s.request(method, "/")
                .token(&s.token())
                .body(body.as_str())
                .start()
        })
        .collect();
    s.await_metric("waiting_requests", 250);
    for pending in leaving {
        pending.reset();
    }
    s.await_metric("waiting_requests", 50);
    s.endpoint.serve_key(&s.key);
    for pending in patient {
        pending.finish().echo();
    }
    assert_eq!(s.metric("waiting_requests"), 0);
    assert_eq!(s.endpoint.count(KID), 1);
    s.assert_alive();
}

#[test]
fn clients_that_reset_just_as_the_key_arrives_do_no_harm() {
    let s = Scenario::new().workers(2).start();
    for round in 0..10 {
        let kid = format!("0000000{round}-0000-4000-8000-000000000000");
        s.endpoint.set(&kid, Answer::Hold);
        let token = unsigned(&s, &kid);
        let pending: Vec<_> = (0..40).map(|_| s.get("/").token(&token).start()).collect();
        eventually("the key is asked for", || {
            (s.endpoint.count(&kid) > 0).then_some(())
        });
        s.endpoint.set(&kid, Answer::Status(404));
        for pending in pending {
            pending.reset();
        }
    }
    s.await_metric("waiting_requests", 0);
    s.assert_alive();
}
