//! `mode: observe`: nothing is refused, everything is counted.

use std::time::{Duration, Instant};

use alb_fixtures::mint::KeyPair;
use serde_json::json;
use wasm_tests::{Answer, Scenario, USER};

#[test]
fn what_would_be_refused_goes_on_without_an_identity() {
    let config = json!({"mode": "observe", "requiredClaims": [{"claim": "sub", "anyOf": [
        "23d498b2-3031-70d2-8a15-49dd886a087b",
    ]}]});
    let s = Scenario::new().config(config).start();
    let unknown = "00000000-0000-0000-0000-000000000404";
    let cases = [
        ("missing_token", String::new()),
        ("token_too_large", "a".repeat(20_000)),
        ("malformed_token", "x".to_owned()),
        (
            "unsupported_algorithm",
            s.token_builder().header("alg", "none").sign(),
        ),
        (
            "invalid_key_id",
            s.token_builder().header("kid", "x").sign(),
        ),
        (
            "untrusted_signer",
            s.token_builder().header("signer", "x").sign(),
        ),
        ("wrong_issuer", s.token_builder().header("iss", "x").sign()),
        (
            "wrong_client",
            s.token_builder().header("client", "x").sign(),
        ),
        ("token_expired", s.token_builder().expiring_at(0).sign()),
        (
            "unknown_key",
            s.token_builder().header("kid", unknown).sign(),
        ),
        (
            "invalid_signature",
            s.token_builder()
                .signed_by(&KeyPair::generate("other"))
                .sign(),
        ),
        (
            "missing_claim",
            s.token_builder().without_claim("email").sign(),
        ),
        ("unusable_claim", s.token_with("email", " ")),
        ("claim_mismatch", s.token_with("sub", "x")),
        ("unverified_email", s.token_with("email_verified", "false")),
    ];
    for (reason, token) in cases {
        let path = format!("/{reason}");
        let request = s.get(&path).header("kubeflow-userid", "eve@example.com");
        let echo = request.token(&token).send().echo();
        assert!(!echo.has("kubeflow-userid"), "{reason}");
        assert!(!echo.has("x-amzn-oidc-data"), "{reason}");
        assert_eq!(s.metric(&format!("observed.{reason}")), 1, "{reason}");
        assert_eq!(s.metric(&format!("requests.{reason}")), 0, "{reason}");
        let line = s.access_line(&path);
        assert_eq!((line.reason.as_deref(), line.user), (Some(reason), None));
        s.log_line(&["info ", &format!("reason={reason}")]);
    }
    s.assert_alive();
}

#[test]
fn what_would_pass_passes_and_counts_as_ever() {
    let config = json!({"mode": "observe", "allowMissingToken": [{"path": "/healthz"}]});
    let s = Scenario::new().config(config).start();
    let echo = s.get("/").token(&s.token()).send().echo();
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
    s.get("/healthz").send().echo();
    assert_eq!(
        (s.metric("requests.ok"), s.metric("requests.no_token")),
        (1, 1)
    );
    assert_eq!(
        (s.metric("observed.ok"), s.metric("observed.no_token")),
        (0, 0)
    );
}

#[test]
fn a_warning_at_start_says_that_nothing_is_refused() {
    let s = Scenario::new().config(json!({"mode": "observe"})).start();
    s.log_line(&["warning ", "observe"]);
    let enforcing = Scenario::new().start();
    let warnings = enforcing.module_log();
    let mut warnings = warnings.iter().filter(|line| line.starts_with("warning "));
    assert_eq!(warnings.next(), None);
}

#[test]
fn a_request_is_held_only_briefly() {
    let config =
        json!({"mode": "observe", "publicKeys": {"maxWait": "60s", "fetchTimeout": "60s"}});
    let s = Scenario::new().config(config).start();
    s.endpoint.set(s.key.kid(), Answer::Hold);
    let start = Instant::now();
    let echo = s.get("/").token(&s.token()).send().echo();
    let waited = start.elapsed();
    assert!(!echo.has("kubeflow-userid"));
    assert!(waited >= Duration::from_millis(450), "{waited:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(s.metric("observed.key_unavailable"), 1);
}

#[test]
fn a_full_waiting_room_refuses_nobody() {
    let keys = json!({"maxWaitingRequests": 1});
    let s = Scenario::new()
        .config(json!({"mode": "observe", "publicKeys": keys}))
        .start();
    s.endpoint.set(s.key.kid(), Answer::Hold);
    let first = s.get("/").token(&s.token()).start();
    s.await_metric("waiting_requests", 1);
    let second = s.get("/").token(&s.token()).send().echo();
    assert!(!second.has("kubeflow-userid"));
    assert_eq!(s.metric("observed.overloaded"), 1);
    s.endpoint.serve_key(&s.key);
    first.finish().echo();
}

#[test]
fn an_upgrade_without_a_token_is_cleaned_as_ever() {
    let s = Scenario::new().config(json!({"mode": "observe"})).start();
    let connection = "upgrade, kubeflow-userid, x-a";
    let request = s.get("/ws").upgrade("websocket", connection);
    let echo = request.header("kubeflow_userid", USER).send().echo();
    assert_eq!(echo.values("connection"), ["upgrade"]);
    assert!(!echo.has("kubeflow_userid"));
}
