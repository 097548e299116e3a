//! What operators and users see of how an access token was judged: counters, log lines, the page, observe mode.

use alb_fixtures::mint::unix_now;
use serde_json::json;
use wasm_tests::{
    ARN, Answer, KEY_SET, KID, Running, SUB, Scenario, assert_refused, eventually, groups_required,
};

const OUTCOMES: [&str; 5] = ["ok", "missing", "expired", "invalid", "key_unavailable"];
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The access token's outcome, the token, and the reason of a rejection if it is required.
fn outcomes(s: &Running) -> Vec<(&'static str, String, &'static str)> {
    let b = || s.access_token_builder();
    let others = b().claim("sub", "secretsub").groups(&["secretgroup"]);
    vec![
        ("ok", s.access_token(), ""),
        ("missing", String::new(), "missing_access_token"),
        (
            "expired",
            b().expiring_at(unix_now() - 60).sign(),
            "access_token_expired",
        ),
        (
            "invalid",
            "secret.secret.secret".to_owned(),
            "invalid_access_token",
        ),
        ("invalid", others.sign(), "invalid_access_token"),
        (
            "invalid",
            b().header("kid", "secretkid").sign(),
            "invalid_access_token",
        ),
    ]
}

fn counters(s: &Running) -> [u64; 5] {
    OUTCOMES.map(|name| s.metric(&format!("access_token.{name}")))
}

fn send(s: &Running, path: &str, access_token: &str) -> wasm_tests::Response {
    let request = s.get(path).token(&s.token());
    request.access_token(access_token).send()
}

/// Fails unless exactly this outcome has one more.
#[track_caller]
fn assert_counted(s: &Running, before: [u64; 5], outcome: &str) {
    let now = counters(s);
    let expected = std::array::from_fn(|n| before[n] + u64::from(OUTCOMES[n] == outcome));
    assert_eq!(now, expected, "{outcome}");
}

#[test]
fn each_access_token_that_is_looked_at_is_counted_once() {
    for required in [false, true] {
        let s = Scenario::new()
            .access_token()
            .config(groups_required(required))
            .start();
        for (outcome, access_token, reason) in outcomes(&s) {
            for _ in 0..2 {
                let before = counters(&s);
                let response = send(&s, "/", &access_token);
                let expected = if required { reason } else { "" };
                assert_eq!(response.reason(), expected, "{outcome}");
                assert_counted(&s, before, outcome);
            }
        }
        // What ends before is not looked at.
        let before = counters(&s);
        for token in ["x".to_owned(), s.token_builder().expiring_at(0).sign()] {
            let request = s.get("/").token(&token);
            assert_eq!(request.access_token(&s.access_token()).send().status, 401);
        }
        assert_eq!(counters(&s), before);
    }
}

#[test]
fn a_key_set_that_fails_is_counted() {
    for required in [false, true] {
        let s = Scenario::new()
            .access_token()
            .config(groups_required(required))
            .key_set(Answer::Status(403))
            .start();
        let response = send(&s, "/", &s.access_token());
        assert_eq!(response.status, if required { 503 } else { 200 });
        assert_counted(&s, [0; 5], "key_unavailable");
        eventually("both threads' fetches failed", || {
            (s.metric("key_fetch.failed") >= 2).then_some(())
        });
        // The load balancer's key.
        assert_eq!(s.metric("key_fetch.ok"), 1);
        let set = s.pool.key_set().into_bytes();
        s.key_sets.set(KEY_SET, Answer::Body(set));
        s.await_metric("key_fetch.ok", 3);
        let before = counters(&s);
        send(&s, "/", &s.access_token()).echo();
        assert_counted(&s, before, "ok");
        assert_eq!(s.metric("key_fetch.not_found"), 0);
    }
}

#[test]
fn the_cache_of_access_tokens_counts_its_hits_and_misses() {
    let s = Scenario::new()
        .access_token()
        .config(groups_required(true))
        .start();
    let counts = || (s.metric("token_cache.hit"), s.metric("token_cache.miss"));
    let (user, access_token) = (s.token(), s.access_token());
    let request = s.get("/").token(&user).access_token(&access_token);
    request.send().echo();
    assert_eq!(counts(), (0, 2));
    request.send().echo();
    assert_eq!(counts(), (2, 2));
    // The load balancer writes a new user's token for each request; the access token stays.
    for number in 0..5 {
        let user = s.token_with("number", number);
        let before = counts();
        let request = s.get("/").token(&user).access_token(&access_token);
        request.send().echo();
        assert_eq!(counts(), (before.0 + 1, before.1 + 1));
    }
    // What does not hold is never cached.
    let others = s.access_token_builder().claim("sub", "x").sign();
    for _ in 0..3 {
        let before = counts();
        let request = s.get("/").token(&user).access_token(&others);
        assert_refused(&request.send(), "invalid_access_token", "another user's");
        assert_eq!(counts(), (before.0 + 1, before.1 + 1));
    }
}

#[test]
fn each_rejection_is_one_line_with_the_claim_and_without_any_token() {
    let mut config = groups_required(true);
    config["requiredClaims"] = json!([
        {"claim": "scope", "source": "accessToken", "format": "spaceSeparated", "anyOf": ["openid"]},
    ]);
    let s = Scenario::new().access_token().config(config).start();
    let mut rejected = outcomes(&s);
    rejected.retain(|(_, _, reason)| !reason.is_empty());
    for (number, (_, access_token, reason)) in rejected.iter().enumerate() {
        let path = format!("/{number}");
        let counter = format!("requests.{reason}");
        let before = s.metric(&counter);
        assert_refused(&send(&s, &path, access_token), reason, reason);
        assert_eq!(s.metric(&counter), before + 1);
        let line = s.access_line(&path);
        assert_eq!(line.reason.as_deref(), Some(*reason));
        assert_eq!(line.user, None);
        let line = s.log_line(&["info ", &format!("reason={reason} ")]);
        for part in [
            " claim=cognito:groups",
            &format!(" kid={KID} "),
            &format!(" signer={ARN} "),
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
    let no_scope = s.access_token_builder().claim("scope", "secret");
    assert_refused(&send(&s, "/", &no_scope.sign()), "claim_mismatch", "scope");
    s.log_line(&["reason=claim_mismatch ", " claim=scope"]);
    let log = s.module_log();
    let lines = log.iter().filter(|line| line.contains("reason=")).count();
    assert_eq!(lines, rejected.len() + 1, "{log:#?}");
    for line in &log {
        // Envoy's request id is random: by chance it spells any of these.
        let line = line.split(" request_id=").next().unwrap_or_default();
        for secret in ["secret", "eyJ", "ada", SUB, "ml-eu"] {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
    }
}

/// The access log has the user of a request that goes on without groups.
#[test]
fn an_optional_header_without_value_is_no_rejection() {
    let s = Scenario::new()
        .access_token()
        .config(groups_required(false))
        .start();
    for (number, (_, access_token, _)) in outcomes(&s).into_iter().enumerate() {
        let path = format!("/{number}");
        send(&s, &path, &access_token).echo();
        let line = s.access_line(&path);
        assert_eq!(line.reason.as_deref(), Some("ok"));
        assert_eq!(line.user.as_deref(), Some(wasm_tests::USER));
    }
    assert_eq!(s.metric("values_left_out"), 0);
    assert!(s.module_log().iter().all(|line| !line.contains("reason=")));
}

#[test]
fn what_would_be_rejected_goes_on_in_observe_mode() {
    let s = Scenario::new()
        .access_token()
        .config(groups_required(true))
        .config(json!({"mode": "observe"}))
        .start();
    for (number, (outcome, access_token, reason)) in outcomes(&s).into_iter().enumerate() {
        let counter = format!("observed.{reason}");
        let (before, seen) = (counters(&s), s.metric(&counter));
        let path = format!("/{number}");
        let request = s.get(&path).token(&s.token()).access_token(&access_token);
        let request = request.header("kubeflow-groups", "forged");
        let echo = request.send().echo();
        let holds = reason.is_empty();
        assert_eq!(echo.has("kubeflow-userid"), holds, "{number}");
        assert_eq!(echo.has("kubeflow-groups"), holds, "{number}");
        assert!(!echo.has("x-amzn-oidc-accesstoken"));
        assert_counted(&s, before, outcome);
        if !holds {
            assert_eq!(s.metric(&counter), seen + 1);
            assert_eq!(s.metric(&format!("requests.{reason}")), 0);
            assert_eq!(s.access_line(&path).reason.as_deref(), Some(reason));
        }
    }
    s.assert_alive();
}

/// It counts as half a second there, however long the configuration allows.
#[test]
fn nobody_waits_long_for_a_key_set_in_observe_mode() {
    let s = Scenario::new()
        .access_token()
        .config(groups_required(true))
        .config(json!({"mode": "observe", "publicKeys": {"maxWait": "60s", "fetchTimeout": "60s"}}))
        .key_set(Answer::Hold)
        .start();
    let start = std::time::Instant::now();
    let echo = send(&s, "/", &s.access_token()).echo();
    let waited = start.elapsed();
    assert!(!echo.has("kubeflow-userid"));
    assert!((450..20_000).contains(&waited.as_millis()), "{waited:?}");
    assert_eq!(s.metric("observed.key_unavailable"), 1);
}

#[test]
fn the_page_leads_to_the_logout_of_this_host() {
    let logout = |host: &str, path: &str| {
        let location = "https://auth.example.com/logout";
        json!({"path": path, "location": location, "hosts": [host]})
    };
    let logouts = [
        logout("kubeflow.example.com", "/log-out"),
        logout("other.example.com", "/bye"),
    ];
    let s = Scenario::new()
        .access_token()
        .config(groups_required(true))
        .config(json!({"logout": logouts}))
        .start();
    let page = |host: &str, token: &str, access_token: &str| {
        let request = s.get("/").header("host", host).header("accept", NAVIGATION);
        let response = request.token(token).access_token(access_token).send();
        assert_eq!(
            response.values("content-type"),
            ["text/html; charset=utf-8"]
        );
        (
            response.status,
            String::from_utf8(response.body).expect("UTF-8"),
        )
    };
    for (_, access_token, reason) in outcomes(&s) {
        if reason.is_empty() {
            continue;
        }
        for (host, link) in [
            ("kubeflow.example.com", Some("/log-out")),
            ("other.example.com:443", Some("/bye")),
            ("third.example.com", None),
        ] {
            let (status, body) = page(host, &s.token(), &access_token);
            let case = format!("{reason} on {host}: {body}");
            assert_eq!(status, 401, "{case}");
            assert!(body.contains(&format!("<code>{reason}</code>")), "{case}");
            let links: Vec<_> = body.split("href=\"").skip(1).collect();
            assert_eq!(links.len(), usize::from(link.is_some()), "{case}");
            let leads = link.is_none_or(|link| links[0].starts_with(&format!("{link}\"")));
            assert!(leads, "{case}");
        }
    }
    // A new access token would not help here.
    let unverified = s.token_with("email_verified", "false");
    let (status, body) = page("kubeflow.example.com", &unverified, &s.access_token());
    assert_eq!(status, 403);
    assert!(!body.contains("href"), "{body}");
}

/// The browser's request waits for the key set first.
#[test]
fn a_request_that_waited_for_its_key_set_gets_a_page_too() {
    let s = Scenario::new()
        .access_token()
        .config(groups_required(true))
        .config(json!({"logout": {"path": "/bye", "location": "https://auth.example.com/"}}))
        .key_set(Answer::Hold)
        .start();
    let unknown = s.access_token_builder().header("kid", "x").sign();
    let request = |access_token: &str| {
        let request = s.get("/").token(&s.token()).access_token(access_token);
        request.header("accept", NAVIGATION).start()
    };
    let bad = request(&unknown);
    let good = request(&s.access_token());
    s.await_metric("waiting_requests", 2);
    s.key_sets
        .set(KEY_SET, Answer::Body(s.pool.key_set().into_bytes()));
    let page = bad.finish();
    let body = String::from_utf8_lossy(&page.body);
    assert_eq!(page.status, 401);
    assert!(
        body.contains("invalid_access_token") && body.contains("href=\"/bye\""),
        "{body}"
    );
    assert!(good.finish().echo().has("kubeflow-groups"));
}
