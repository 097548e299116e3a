//! What every Envoy version must do alike, over both HTTP versions: a verdict of each kind, waiting, and what
//! stays behind. `make test-breadth` runs it on five Envoys with both signature backends.

use alb_fixtures::mint::KeyPair;
use serde_json::json;
use wasm_tests::{
    Answer, Case, KID, Request, Response, Running, Scenario, USER, Upstream, assert_refused,
};

/// How a request is sent.
type Send = fn(&Request) -> Response;

const PROTOCOLS: [(&str, Send); 2] = [
    ("HTTP/1.1", |request| {
        request.clone().last().start().finish()
    }),
    ("HTTP/2", |request| request.send_http2()),
];

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000404";
const BROKEN: &str = "00000000-0000-4000-8000-000000000500";

fn cases(s: &Running) -> Vec<Case> {
    let token = || s.token_builder();
    vec![
        Case::with_tokens("no token", vec![], "missing_token"),
        Case::new("too long", "x".repeat(20_000), "token_too_large"),
        Case::new("no JSON", "x.y.z", "malformed_token"),
        Case::with_tokens("two tokens", vec![s.token(), s.token()], "malformed_token"),
        Case::new(
            "HMAC",
            token().header("alg", "HS256").sign(),
            "unsupported_algorithm",
        ),
        Case::new(
            "a URL",
            token().header("kid", "https://x.example.com").sign(),
            "invalid_key_id",
        ),
        Case::new(
            "another",
            token().header("signer", "arn:aws:x").sign(),
            "untrusted_signer",
        ),
        Case::new(
            "another",
            token().header("iss", "https://x.example.com").sign(),
            "wrong_issuer",
        ),
        Case::new(
            "another",
            token().header("client", "x").sign(),
            "wrong_client",
        ),
        Case::new("old", token().expiring_at(1).sign(), "token_expired"),
        Case::new("404", token().header("kid", UNKNOWN).sign(), "unknown_key"),
        Case::new(
            "500",
            token().header("kid", BROKEN).sign(),
            "key_unavailable",
        ),
        Case::new(
            "forged",
            token().signed_by(&KeyPair::generate(KID)).sign(),
            "invalid_signature",
        ),
        Case::new(
            "no e-mail",
            token().without_claim("email").sign(),
            "missing_claim",
        ),
        Case::new(
            "a line",
            token().claim("email", "a\nb").sign(),
            "unusable_claim",
        ),
        Case::new(
            "another",
            token().claim("tenant", "red").sign(),
            "claim_mismatch",
        ),
        Case::new(
            "not verified",
            token()
                .claim("tenant", "blue")
                .claim("email_verified", "false")
                .sign(),
            "unverified_email",
        ),
    ]
}

fn scenario() -> Scenario {
    Scenario::new().config(json!({
        "requiredClaims": [{"claim": "tenant", "anyOf": ["blue"]}],
        "allowMissingToken": [{"path": "/healthz"}],
        "logout": {"path": "/logout", "location": "https://auth.example.com/logout"},
    }))
}

fn good(s: &Running) -> String {
    s.token_with("tenant", "blue")
}

#[test]
fn every_verdict_is_the_same_over_both_protocols() {
    let s = scenario().start();
    s.endpoint.set(BROKEN, Answer::Status(500));
    for (protocol, send) in PROTOCOLS {
        for case in cases(&s) {
            let request = case
                .tokens
                .iter()
                .fold(s.get("/x"), |r, token| r.token(token));
            let response = send(&request.header("kubeflow-userid", "eve@example.com"));
            let name = format!("{protocol}, {}", case.name);
            assert_refused(&response, case.reason, &name);
        }
        let echo = send(
            &s.get("/")
                .token(&good(&s))
                .header("kubeflow_userid", "eve@example.com"),
        )
        .echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER], "{protocol}");
        assert!(
            !echo.has("kubeflow_userid") && !echo.has("x-amzn-oidc-data"),
            "{protocol}"
        );
        assert!(
            !send(&s.get("/healthz")).echo().has("kubeflow-userid"),
            "{protocol}"
        );
        assert_eq!(send(&s.get("/logout")).status, 302, "{protocol}");
    }
    let line = s.access_line("/");
    assert_eq!(
        (line.reason.as_deref(), line.user.as_deref()),
        (Some("ok"), Some(USER))
    );
    assert_eq!(s.metric("requests.ok"), 2);
    s.assert_alive_with(&good(&s));
}

#[test]
fn requests_of_both_protocols_wait_for_one_fetch() {
    let s = scenario().start();
    s.endpoint.set(KID, Answer::Hold);
    let post = s
        .request("POST", "/")
        .token(&good(&s))
        .body("x".repeat(100_000));
    let session = s.get("/").connect_http2();
    let streams: Vec<_> = (0..20).map(|_| session.start(&post)).collect();
    let connections: Vec<_> = (0..20).map(|_| post.start()).collect();
    s.await_metric("waiting_requests", 40);
    s.endpoint.serve_key(&s.key);
    let streams = streams
        .into_iter()
        .map(|exchange| session.finish(exchange).expect("an answer"));
    for response in streams.chain(connections.into_iter().map(wasm_tests::Pending::finish)) {
        let echo = response.echo();
        assert_eq!(
            (echo.values("kubeflow-userid"), echo.body.len()),
            (vec![USER], 100_000)
        );
    }
    assert_eq!(s.endpoint.count(KID), 1);
    s.assert_accounted(40);
}

#[test]
fn trailers_bring_no_identity_and_routes_are_chosen_anew() {
    let route = json!({
        "match": {"prefix": "/", "headers": [{"name": "kubeflow-userid", "string_match": {"exact": "eve@example.com"}}]},
        "direct_response": {"status": 418},
    });
    let s = scenario().upstream(Upstream::Http2).route(route).start();
    for key_is_held in [false, true] {
        if !key_is_held {
            s.endpoint.set(
                KID,
                Answer::Late(
                    s.key.public_pem().into(),
                    std::time::Duration::from_millis(300),
                ),
            );
        }
        let request = s
            .request("POST", "/")
            .token(&good(&s))
            .header("kubeflow-userid", "eve@example.com")
            .body("x")
            .trailer("kubeflow-userid", "eve@example.com")
            .trailer("x-other", "stays");
        let echo = request.send_http2().echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER]);
        let trailers: Vec<&str> = echo
            .trailers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(trailers, ["x-other"], "the key is held: {key_is_held}");
    }
}
