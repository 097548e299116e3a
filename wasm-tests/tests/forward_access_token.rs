//! `forwardAccessToken`, and `forwardToken` beside `accessToken`: which tokens an upstream may get.

use alb_fixtures::mint::unix_now;
use serde_json::{Value, json};
use wasm_tests::{
    Answer, KEY_SET, Running, SUB, Scenario, TokenBuilder, Upstream, assert_config_refused,
    assert_refused, entry, entry_for, eventually, groups_required, load_balancer,
};

const DATA: &str = "x-amzn-oidc-data";
const ACCESS: &str = "x-amzn-oidc-accesstoken";
const IDENTITY: &str = "x-amzn-oidc-identity";

fn scenario(config: Value) -> Scenario {
    Scenario::new()
        .access_token()
        .config(json!({"forwardAccessToken": true}))
        .config(config)
}

/// What stays of the three headers, with an access token that is `access_token`.
fn kept(s: &Running, access_token: &str) -> [bool; 3] {
    let request = s.get("/").token(&s.token()).access_token(access_token);
    let echo = request.header(IDENTITY, SUB).send().echo();
    let copies = echo.values(ACCESS);
    assert!(copies.is_empty() || copies == [access_token], "{copies:?}");
    [DATA, ACCESS, IDENTITY].map(|name| echo.has(name))
}

/// Access tokens that do not hold.
fn bad_ones(s: &Running) -> Vec<(&'static str, String)> {
    let b = || s.access_token_builder();
    let forged = b().signed_by(&s.pool.id_key);
    vec![
        ("another user's", b().claim("sub", "x").sign()),
        ("another client's", b().claim("client_id", "x").sign()),
        (
            "another issuer's",
            b().claim("iss", "https://x.example.com").sign(),
        ),
        ("forged", forged.sign()),
        ("expired", b().expiring_at(unix_now() - 60).sign()),
        ("not yet", b().claim("nbf", unix_now() + 600).sign()),
        ("an unknown key's", b().header("kid", "x").sign()),
        ("an ID token", s.pool.id_token(SUB, &[], unix_now())),
        ("no token", "opaque".to_owned()),
        ("empty", String::new()),
    ]
}

#[test]
fn only_a_verified_access_token_stays() {
    let s = scenario(json!({})).start();
    // The second, equal one is cached.
    for _ in 0..2 {
        assert_eq!(kept(&s, &s.access_token()), [false, true, false]);
    }
    for (name, access_token) in bad_ones(&s) {
        for _ in 0..2 {
            assert_eq!(kept(&s, &access_token), [false; 3], "{name}");
        }
    }
    let without = s.get("/").token(&s.token()).send().echo();
    assert!(!without.has(ACCESS));
    s.assert_alive();
}

/// What judges it behind the filter may know no clock skew.
#[test]
fn one_that_has_expired_within_the_clock_skew_holds_but_does_not_stay() {
    let s = scenario(groups_required(true)).start();
    let send = |access_token: &str| {
        let request = s.get("/").token(&s.token()).access_token(access_token);
        let echo = request.send().echo();
        assert!(echo.has("kubeflow-groups"));
        echo.has(ACCESS)
    };
    assert!(send(&s.access_token()));
    let skewed = s.access_token_builder().expiring_at(unix_now() - 2).sign();
    assert!(!send(&skewed) && !send(&skewed), "fresh, and cached");
    let exp = unix_now() + 4;
    let soon = s.access_token_builder().expiring_at(exp).sign();
    assert!(send(&soon));
    eventually("it is old", || (unix_now() >= exp).then_some(()));
    assert!(!send(&soon));
}

#[test]
fn it_stays_once_and_in_one_spelling() {
    let s = scenario(json!({})).upstream(Upstream::Http2).start();
    let good = s.access_token();
    let arrived = |headers: &[(&str, &str)]| {
        let request = s.get("/").token(&s.token());
        let add = |request: wasm_tests::Request, (name, value): &(&str, &str)| {
            request.header(name, value)
        };
        let echo = headers.iter().fold(request, add).send().echo();
        let oidc = echo.headers.into_iter();
        oidc.filter(|(name, _)| name.contains("oidc"))
            .collect::<Vec<_>>()
    };
    let once = [(ACCESS.to_owned(), good.clone())];
    assert_eq!(arrived(&[(ACCESS, &good)]), once);
    assert_eq!(arrived(&[("X-Amzn-Oidc-Accesstoken", &good)]), once);
    let folded = ("x_amzn_oidc_accesstoken", good.as_str());
    assert_eq!(arrived(&[(ACCESS, &good), folded]), once);
    assert_eq!(arrived(&[folded]), []);
    assert_eq!(arrived(&[(ACCESS, &good), (ACCESS, &good)]), []);
    assert_eq!(arrived(&[(ACCESS, &good), (ACCESS, "")]), []);
    let trailer = s.get("/").token(&s.token()).access_token(&good).body("x");
    let echo = trailer
        .trailer(ACCESS, &good)
        .trailer("x-kept", "1")
        .send_http2()
        .echo();
    assert_eq!(echo.values(ACCESS), [good.as_str()]);
    assert!(
        echo.trailers.iter().all(|(name, _)| name == "x-kept"),
        "{:?}",
        echo.trailers
    );
}

#[test]
fn nothing_stays_unless_the_reason_is_ok() {
    let config = json!({"mode": "observe", "allowMissingToken": [{"path": "/public"}]});
    let s = scenario(config).start();
    let good = s.access_token();
    let public = s.get("/public").access_token(&good).send().echo();
    assert!(!public.has(ACCESS), "no_token");
    let expired = s.token_builder().expiring_at(0).sign();
    let unverified = s.token_with("email_verified", "false");
    for token in ["x", &expired, &unverified] {
        let echo = s.get("/").token(token).access_token(&good).send().echo();
        assert!(!echo.has(ACCESS), "{token}");
    }
    let echo = s
        .get("/")
        .token(&s.token())
        .access_token(&good)
        .send()
        .echo();
    assert!(echo.has(ACCESS), "ok");
}

/// Nothing else reads the token: a request without one, or whose key set is down, goes on.
#[test]
fn forwarding_alone_rejects_nobody() {
    let s = scenario(json!({"publicKeys": {"fetchTimeout": "300ms"}}))
        .key_set(Answer::Hold)
        .start();
    assert_eq!(kept(&s, &s.access_token()), [false; 3], "the set hangs");
    let set = s.pool.key_set().into_bytes();
    s.key_sets.set(KEY_SET, Answer::Body(set));
    eventually("the set is there", || {
        kept(&s, &s.access_token())[1].then_some(())
    });
}

/// One of two load balancers has `accessToken`.
fn two_load_balancers(config: Value) -> (Running, String) {
    let mut second = load_balancer();
    second.arn = second.arn.replace("kubeflow", "second");
    let mut entries = [entry(), entry_for(&second)];
    entries[0]["accessToken"] = json!({"jwks": {"cluster": "cognito"}});
    let s = Scenario::new()
        .config(json!({"loadBalancers": entries}))
        .config(config)
        .start();
    let of_second = TokenBuilder::new(&second, &s.key).sign();
    (s, of_second)
}

#[test]
fn a_load_balancer_without_access_token_forwards_none() {
    let (s, of_second) = two_load_balancers(json!({"forwardAccessToken": true}));
    let send = |token: &str| {
        let request = s.get("/").token(token).access_token(&s.access_token());
        request.send().echo().has(ACCESS)
    };
    assert!(send(&s.token()));
    assert!(!send(&of_second));
}

#[test]
fn forward_token_keeps_no_access_token_that_does_not_hold() {
    let (s, of_second) = two_load_balancers(json!({"forwardToken": true}));
    for _ in 0..2 {
        assert_eq!(kept(&s, &s.access_token()), [true; 3]);
    }
    for (name, access_token) in bad_ones(&s) {
        assert_eq!(kept(&s, &access_token), [true, false, true], "{name}");
    }
    let within_skew = s.access_token_builder().expiring_at(unix_now() - 5).sign();
    assert_eq!(kept(&s, &within_skew), [true; 3], "it holds");
    let twice = s.get("/").token(&s.token()).access_token(&s.access_token());
    let echo = twice.access_token(&s.access_token()).send().echo();
    assert!(!echo.has(ACCESS) && echo.has(DATA));
    // The other load balancer reads none, and passes on what came.
    let request = s.get("/").token(&of_second).access_token("opaque");
    assert_eq!(request.send().echo().values(ACCESS), ["opaque"]);
}

#[test]
fn a_required_access_token_is_judged_before_it_is_forwarded() {
    let s = scenario(groups_required(true)).start();
    for (name, access_token) in bad_ones(&s) {
        let request = s.get("/").token(&s.token()).access_token(&access_token);
        let reason = match name {
            "expired" => "access_token_expired",
            "empty" => "missing_access_token",
            _ => "invalid_access_token",
        };
        assert_refused(&request.send(), reason, name);
    }
}

#[test]
fn both_ways_of_forwarding_exclude_each_other() {
    let mut entry = entry();
    entry["accessToken"] = json!({});
    let config =
        json!({"loadBalancers": [entry], "forwardToken": true, "forwardAccessToken": true});
    assert_config_refused(Some(&config.to_string()), "forwardAccessToken:");
}
