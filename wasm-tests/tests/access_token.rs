//! The access token that the load balancer passes on: what is read from it, and what a request without it gets.

use alb_fixtures::mint::unix_now;
use serde_json::{Value, json};
use wasm_tests::{
    Answer, GROUPS, KEY_SET, OPTIONAL, REQUIRED, Running, SUB, Scenario, USER, assert_refused,
    groups_required,
};

const HEADER: &str = "x-amzn-oidc-accesstoken";

/// A header of groups, one of roles that depend on them, and a required scope, all of the access token.
fn reading_all() -> Value {
    json!({
        "outputClaimToHeaders": [
            {"header": "kubeflow-userid", "claim": "email"},
            groups_entry(),
            {
                "header": "x-webauth-role", "claim": "cognito:groups", "source": "accessToken",
                "keep": ["admins"], "value": "Admin", "required": false,
            },
            {"header": "x-webauth-role", "claim": "sub", "keep": ["*"], "value": "Viewer"},
            {"header": "x-name", "claim": "username", "source": "accessToken", "required": false},
        ],
        "requiredClaims": [
            {"claim": "scope", "source": "accessToken", "format": "spaceSeparated", "anyOf": ["profile"]},
        ],
    })
}

fn groups_entry() -> Value {
    json!({
        "header": "kubeflow-groups", "claim": "cognito:groups", "source": "accessToken",
        "format": "list", "required": false,
    })
}

fn reading_roles(required: bool) -> Value {
    json!({"outputClaimToHeaders": [
        {"header": "kubeflow-userid", "claim": "email"},
        {
            "header": "x-role", "claim": "cognito:groups", "source": "accessToken",
            "keep": ["readonly"], "value": "Viewer", "required": required,
        },
        {"header": "x-role", "claim": "sub", "keep": ["*"], "value": "Editor", "required": required},
    ]})
}

#[test]
fn without_access_token_in_the_configuration_it_is_removed_and_its_keys_are_never_fetched() {
    let s = Scenario::new().start();
    for access_token in [s.access_token(), "no token".to_owned()] {
        let request = s.get("/").token(&s.token()).access_token(&access_token);
        let echo = request.send().echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER]);
        assert!(!echo.has(HEADER));
    }
    assert_eq!(s.key_sets.count(KEY_SET), 0);
    assert!(s.key_sets.requests().is_empty());
    assert_eq!(s.metric("access_token.ok"), 0);
    s.assert_alive();
}

#[test]
fn an_access_token_that_nothing_reads_is_never_looked_at() {
    let s = Scenario::new().access_token().start();
    for access_token in [s.access_token(), "no token".to_owned(), String::new()] {
        let request = s.get("/").token(&s.token()).access_token(&access_token);
        assert!(!request.send().echo().has(HEADER));
    }
    assert!(s.key_sets.requests().is_empty());
    for outcome in ["ok", "missing", "invalid", "key_unavailable"] {
        assert_eq!(s.metric(&format!("access_token.{outcome}")), 0, "{outcome}");
    }
}

#[test]
fn an_access_token_is_no_users_token() {
    let s = Scenario::new()
        .access_token()
        .config(groups_required(false))
        .start();
    let access_token = s.access_token();
    // The second time it is in the cache of access tokens.
    for _ in 0..2 {
        let response = s.get("/").token(&access_token).send();
        assert_refused(&response, "malformed_token", "as a user's token");
        let both = s.get("/").token(&access_token).access_token(&s.token());
        assert_refused(&both.send(), "malformed_token", "exchanged");
        let good = s.get("/").token(&s.token()).access_token(&access_token);
        assert!(good.send().echo().has("kubeflow-groups"));
    }
    // Nor is a user's token, which is in the other cache, an access token.
    let user = s.token();
    for _ in 0..2 {
        let echo = s.get("/").token(&user).access_token(&user).send().echo();
        assert!(!echo.has("kubeflow-groups"));
    }
    s.assert_alive();
}

#[test]
fn claims_of_the_access_token_fill_headers_and_requirements() {
    let s = Scenario::new().access_token().config(reading_all()).start();
    let base = s.access_token_builder();
    let cases: [(&str, _, &[&str], &str); 6] = [
        (
            "Cognito's",
            base.clone(),
            &["kubeflow-users,ml-eu"],
            "Viewer",
        ),
        (
            "an admin",
            base.clone().groups(&["admins", "ml-eu"]),
            &["admins,ml-eu"],
            "Admin",
        ),
        (
            "no groups",
            base.clone().without_claim("cognito:groups"),
            &[],
            "Viewer",
        ),
        ("an empty list", base.clone().groups(&[]), &[], "Viewer"),
        (
            "null",
            base.clone().claim("cognito:groups", Value::Null),
            &[],
            "Viewer",
        ),
        (
            "a string",
            base.clone().claim("cognito:groups", "[admins, b]"),
            &["admins,b"],
            "Viewer",
        ),
    ];
    for (name, access_token, groups, role) in cases {
        let request = s.get("/").token(&s.token());
        let request = request
            .access_token(&access_token.sign())
            .header("kubeflow-groups", "forged")
            .header("x-webauth-role", "Forged");
        for _ in 0..2 {
            let echo = request.send().echo();
            assert_eq!(echo.values("kubeflow-userid"), [USER], "{name}");
            assert_eq!(echo.values("kubeflow-groups"), groups, "{name}");
            assert_eq!(echo.values("x-webauth-role"), [role], "{name}");
            assert_eq!(echo.values("x-name"), [SUB], "{name}");
        }
    }
    let other_scope = base.claim("scope", "openid profiles").sign();
    let request = s.get("/").token(&s.token()).access_token(&other_scope);
    assert_refused(&request.send(), "claim_mismatch", "another scope");
    // Neither token's claims pass for the other's.
    let borrowed = s
        .token_builder()
        .claim("cognito:groups", json!(["admins"]))
        .claim("scope", "profile")
        .sign();
    let echo = s.get("/").token(&borrowed).access_token(&s.access_token());
    let echo = echo.send().echo();
    assert_eq!(echo.values("kubeflow-groups"), ["kubeflow-users,ml-eu"]);
    assert_eq!(echo.values("x-webauth-role"), ["Viewer"]);
    let response = s.get("/").token(&borrowed).access_token(&other_scope);
    assert_refused(&response.send(), "claim_mismatch", "the user's scope");
    let alone = s.get("/").token(&borrowed).send();
    assert_refused(&alone, "missing_access_token", "the user's token alone");
}

#[test]
fn what_is_withheld_is_never_filled_by_a_weaker_claim() {
    let mut scenario = Scenario::new().access_token();
    scenario = scenario.config(reading_roles(true));
    let mut optional = json!({"loadBalancers": [wasm_tests::entry()]});
    optional["loadBalancers"][0]["accessToken"] = json!({"jwks": {"cluster": "cognito"}});
    optional["outputClaimToHeaders"] = reading_roles(false)["outputClaimToHeaders"].take();
    let s = scenario.plugin("optional", optional).start();
    let readonly = s.access_token_builder().groups(&["readonly"]);
    let expired = readonly.clone().expiring_at(unix_now() - 60).sign();
    let others = readonly.clone().claim("sub", "another user").sign();
    let cases = [
        ("read only", readonly.sign(), "", vec!["Viewer"]),
        ("no such group", s.access_token(), "", vec!["Editor"]),
        ("expired", expired, "access_token_expired", vec![]),
        ("another user's", others, "invalid_access_token", vec![]),
        ("none", String::new(), "missing_access_token", vec![]),
    ];
    for (name, access_token, reason, roles) in &cases {
        for _ in 0..2 {
            let to = |plugin| s.request_to(plugin, "GET", "/").token(&s.token());
            let required = to(0).access_token(access_token).send();
            match reason.is_empty() {
                true => assert_eq!(required.echo().values("x-role"), *roles, "{name}"),
                false => assert_refused(&required, reason, name),
            }
            let echo = to(1).access_token(access_token).send().echo();
            assert_eq!(echo.values("x-role"), *roles, "{name}, optional");
        }
    }
}

/// One user's token with and without access tokens, again and again: what one request brought shows in no other.
#[test]
fn each_request_is_judged_by_its_own_access_token() {
    let s = Scenario::new().access_token().groups().start();
    let (user, other_user) = (s.token(), s.token_with("sub", "another user"));
    let builder = s.access_token_builder();
    let ada = builder.clone().sign();
    let other_groups = builder.clone().groups(&["x"]).sign();
    let others = builder.clone().claim("sub", "another user").sign();
    let expired = builder.expiring_at(unix_now() - 60).sign();
    let own = GROUPS.join(",");
    let steps = [
        (&user, Some(&ada), own.as_str(), ""),
        (&user, None, "", "missing_access_token"),
        (&user, Some(&ada), &own, ""),
        (&user, Some(&others), "", "invalid_access_token"),
        (&user, Some(&other_groups), "x", ""),
        (&user, Some(&expired), "", "access_token_expired"),
        (&user, None, "", "missing_access_token"),
        (&other_user, Some(&others), &own, ""),
        (&other_user, Some(&ada), "", "invalid_access_token"),
        (&user, Some(&others), "", "invalid_access_token"),
        (&user, Some(&ada), &own, ""),
    ];
    for round in 0..3 {
        for (number, (token, access_token, groups, reason)) in steps.iter().enumerate() {
            let case = format!("round {round}, step {number}");
            let send = |plugin| {
                let request = s.request_to(plugin, "GET", "/").token(token);
                match access_token {
                    Some(access_token) => request.access_token(access_token).send(),
                    None => request.send(),
                }
            };
            let expected: &[&str] = if groups.is_empty() { &[] } else { &[groups] };
            let echo = send(OPTIONAL).echo();
            assert_eq!(echo.values("kubeflow-groups"), expected, "{case}");
            let required = send(REQUIRED);
            if reason.is_empty() {
                let echo = required.echo();
                assert_eq!(echo.values("kubeflow-groups"), expected, "{case}");
            } else {
                assert_refused(&required, reason, &case);
            }
        }
    }
    assert!(s.metric("token_cache.hit") > 60);
}

#[test]
fn it_comes_in_exactly_one_header_that_is_not_too_long() {
    let s = Scenario::new().access_token().groups().start();
    let good = s.access_token();
    let long = s.access_token_builder().claim("x", "y".repeat(12_300));
    let too_long = s.access_token_builder().claim("x", "y".repeat(16_000));
    let (long, too_long) = (long.sign(), too_long.sign());
    assert!(long.len() > 16_384 && too_long.len() > 16_384);
    let just_right = s.access_token_builder().claim("x", "y".repeat(10_000));
    s.assert_access_tokens(
        &s.token(),
        &[
            ("none", String::new(), "missing_access_token"),
            ("long", just_right.sign(), ""),
            ("a little too long", long, "invalid_access_token"),
            ("too long", too_long, "invalid_access_token"),
        ],
    );
    let copies: [(&str, &[(&str, &str)], &str); 6] = [
        (
            "twice",
            &[(HEADER, &good), (HEADER, &good)],
            "invalid_access_token",
        ),
        (
            "and an empty one",
            &[(HEADER, &good), (HEADER, "")],
            "invalid_access_token",
        ),
        (
            "and a bad one",
            &[(HEADER, "x"), (HEADER, &good)],
            "invalid_access_token",
        ),
        (
            "only with _",
            &[("x_amzn_oidc_accesstoken", &good)],
            "missing_access_token",
        ),
        (
            "and one with _",
            &[(HEADER, &good), ("x-amzn-oidc_accesstoken", "x")],
            "",
        ),
        ("in upper case", &[("X-Amzn-Oidc-Accesstoken", &good)], ""),
    ];
    for (name, headers, reason) in copies {
        let send = |plugin| {
            let request = s.request_to(plugin, "GET", "/").token(&s.token());
            let add = |request: wasm_tests::Request, (header, value): &(&str, &str)| {
                request.header(header, value)
            };
            headers.iter().fold(request, add).send()
        };
        let echo = send(OPTIONAL).echo();
        assert_eq!(echo.has("kubeflow-groups"), reason.is_empty(), "{name}");
        let names = echo.headers.iter().map(|(name, _)| name.as_str());
        assert_eq!(names.filter(|n| n.contains("access")).count(), 0, "{name}");
        let required = send(REQUIRED);
        match reason.is_empty() {
            true => assert!(required.echo().has("kubeflow-groups"), "{name}"),
            false => assert_refused(&required, reason, name),
        }
    }
}

/// The access token's faults stand before those of claims, and after those of the user's token.
#[test]
fn of_several_faults_the_first_of_the_table_is_named() {
    let config = json!({
        "outputClaimToHeaders": groups_required(true)["outputClaimToHeaders"],
        "requiredClaims": [{"claim": "tenant", "anyOf": ["blue"]}],
    });
    let s = Scenario::new().access_token().config(config).start();
    let expired = s.access_token_builder().expiring_at(0).sign();
    let no_groups = s.access_token_builder().without_claim("cognito:groups");
    let unverified = s.token_with("email_verified", "false");
    let cases = [
        (s.token(), expired.clone(), "access_token_expired"),
        (unverified, expired.clone(), "access_token_expired"),
        (s.token(), "x".to_owned(), "invalid_access_token"),
        (s.token(), no_groups.sign(), "missing_claim"),
        (s.token(), s.access_token(), "claim_mismatch"),
        (
            s.token_builder().expiring_at(0).sign(),
            expired,
            "token_expired",
        ),
    ];
    for (number, (token, access_token, reason)) in cases.iter().enumerate() {
        let response = s.get("/").token(token).access_token(access_token).send();
        assert_refused(&response, reason, &format!("{number}"));
    }
}

#[test]
fn a_request_that_waits_keeps_its_body() {
    let s = Scenario::new()
        .access_token()
        .groups()
        .key_set(Answer::Hold)
        .start();
    let body = "x".repeat(3_000);
    let post = |plugin| {
        let request = s.request_to(plugin, "POST", "/upload").token(&s.token());
        request.access_token(&s.access_token()).body(body.as_str())
    };
    let waiting: Vec<_> = [OPTIONAL, REQUIRED, OPTIONAL, REQUIRED]
        .map(|plugin| post(plugin).start())
        .into();
    s.await_metric("waiting_requests", 4);
    s.key_sets.set(KEY_SET, served(&s));
    for pending in waiting {
        let echo = pending.finish().echo();
        assert_eq!(echo.values("kubeflow-groups"), [GROUPS.join(",")]);
        assert_eq!(echo.body, body);
    }
    s.await_metric("waiting_requests", 0);
}

fn served(s: &Running) -> Answer {
    Answer::Body(s.pool.key_set().into_bytes())
}

#[test]
fn without_memory_for_tokens_the_verdicts_are_the_same() {
    let s = Scenario::new()
        .access_token()
        .config(json!({"tokenCache": {"maxBytes": 0}}))
        .groups()
        .start();
    let expired = s.access_token_builder().expiring_at(0).sign();
    s.assert_access_tokens(
        &s.token(),
        &[
            ("good", s.access_token(), ""),
            ("expired", expired, "access_token_expired"),
        ],
    );
    assert_eq!(s.metric("token_cache.hit"), 0);
}

/// ES256 in Wasm, RS256 by Envoy.
#[test]
fn the_signature_backend_wasm_reads_access_tokens() {
    let s = Scenario::new()
        .config(json!({"signatureBackend": "wasm"}))
        .access_token()
        .groups()
        .start();
    let forged = s.access_token_builder();
    let forged = forged.signed_by(&alb_fixtures::rsa::TestKey::Rsa2048C.signer());
    s.assert_access_tokens(
        &s.token(),
        &[
            ("good", s.access_token(), ""),
            ("forged", forged.sign(), "invalid_access_token"),
        ],
    );
    s.log_line(&["info ", "backend=wasm"]);
}
