//! The access token that the load balancer passes on: what is read from it, and what a request without it gets.

use alb_fixtures::mint::unix_now;
use serde_json::{Value, json};
use wasm_tests::{KEY_SET, SUB, Scenario, USER, assert_refused, groups_required};

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

/// The header is required if `last_required`: one required entry is enough.
fn reading_roles(last_required: bool) -> Value {
    json!({"outputClaimToHeaders": [
        {"header": "kubeflow-userid", "claim": "email"},
        {
            "header": "x-role", "claim": "cognito:groups", "source": "accessToken",
            "keep": ["readonly"], "value": "Viewer", "required": false,
        },
        {
            "header": "x-role", "claim": "sub", "keep": ["*"], "value": "Editor",
            "required": last_required,
        },
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
