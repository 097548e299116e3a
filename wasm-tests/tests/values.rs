//! What values become in headers, as the upstream sees it.

use serde_json::{Value, json};
use wasm_tests::{Echo, Running, Scenario, TokenBuilder, USER, assert_refused, bytes_of};

/// One optional header per rule for values; the user is the verified e-mail address.
fn scenario(entries: Value) -> Running {
    let mut list = vec![json!({"header": "kubeflow-userid", "claim": "email"})];
    list.extend(entries.as_array().expect("a list").iter().cloned());
    Scenario::new()
        .config(json!({"outputClaimToHeaders": list}))
        .start()
}

fn optional(header: &str, claim: &str, members: Value) -> Value {
    let mut entry = json!({"header": header, "claim": claim, "required": false});
    for (name, value) in members.as_object().into_iter().flatten() {
        entry[name] = value.clone();
    }
    entry
}

fn send(s: &Running, claims: &Value) -> Echo {
    let claims = claims.as_object().expect("an object");
    let token = claims
        .iter()
        .fold(s.token_builder(), |token, (name, value)| {
            token.claim(name, value.clone())
        });
    let response = s.get("/").token(&token.sign()).send();
    assert_eq!(response.reason(), "", "{claims:?}");
    response.echo()
}

/// The claim `c` is judged by every header; a forged one must never be left in place of an absent one.
#[track_caller]
fn check(s: &Running, header: &str, claim: Value, expected: Option<&str>) {
    let token = s.token_with("c", claim.clone());
    let request = s.get("/").header(header, "forged").token(&token);
    let response = request.send();
    assert_eq!(response.reason(), "", "{header} of {claim}");
    let echo = response.echo();
    let values: Vec<_> = echo.values(header).into_iter().map(bytes_of).collect();
    let expected: Vec<_> = expected.iter().map(|text| text.as_bytes()).collect();
    assert_eq!(values, expected, "{header} of {claim}");
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
}

#[test]
fn lists_arrive_whatever_form_the_identity_provider_gives_them() {
    let s = scenario(json!([
        optional("x-list", "c", json!({"format": "list"})),
        optional("x-spaces", "c", json!({"format": "spaceSeparated"})),
        optional("x-string", "c", json!({})),
    ]));
    let both = Some("admins,ml-team");
    for (header, claim, expected) in [
        ("x-list", json!("[admins, ml-team]"), both),
        ("x-list", json!("[\"admins\",\"ml-team\"]"), both),
        ("x-list", json!(["admins", "ml-team"]), both),
        ("x-list", json!("admins,,ml-team,admins"), both),
        ("x-list", json!([1, true, "a"]), Some("1,true,a")),
        ("x-list", json!("[]"), None),
        (
            "x-spaces",
            json!("openid ml  admin"),
            Some("openid,ml,admin"),
        ),
        ("x-string", json!("Doe, Jane"), Some("Doe, Jane")),
        ("x-string", json!([]), None),
        ("x-string", json!(""), None),
        ("x-string", json!(null), None),
        ("x-string", json!({}), None),
        ("x-string", json!(["a", {}, "b,c", "d"]), Some("a,d")),
        ("x-string", json!([" a", "b\r\nx-evil: 1", ""]), None),
    ] {
        check(&s, header, claim, expected);
    }
    s.assert_alive();
}

#[test]
fn an_element_never_looks_like_two() {
    let s = scenario(json!([
        optional("x-comma", "c", json!({})),
        optional("x-semicolon", "c", json!({"separator": ";"})),
        optional("x-percent", "c", json!({"encoding": "percent"})),
        optional("x-kept", "c", json!({"keep": ["ml-*"]})),
        optional("x-prefixed", "c", json!({"prefix": "o=a,"})),
        optional("kubeflow-groups", "c", json!({})),
    ]));
    let dn = "CN=ml,OU=Groups,DC=example,DC=com";
    let both = format!("{dn};Everyone");
    let encoded = "CN%3Dml%2COU%3DGroups%2CDC%3Dexample%2CDC%3Dcom,Everyone";
    let groups = json!([dn, "Everyone"]);
    check(&s, "x-comma", groups.clone(), Some("Everyone"));
    check(&s, "x-semicolon", groups.clone(), Some(&both));
    check(&s, "x-percent", groups, Some(encoded));
    check(&s, "x-kept", json!("ml-x,admins"), None);
    check(&s, "x-kept", json!("ml-x"), Some("ml-x"));
    check(&s, "x-prefixed", json!(["admins"]), None);
    check(&s, "kubeflow-groups", json!("x,system:masters"), None);
    check(
        &s,
        "kubeflow-groups",
        json!(["system:masters", "x"]),
        Some("x"),
    );
    check(&s, "kubeflow-groups", json!("ml"), Some("ml"));
}

/// What writes a list beside it decides how readers split the header.
#[test]
fn a_string_is_one_element_next_to_an_entry_for_lists() {
    let s = scenario(json!([
        optional("x-groups", "c", json!({})),
        optional("x-groups", "other", json!({"format": "list"})),
        optional("x-names", "c", json!({})),
        optional("x-names", "other", json!({})),
    ]));
    for (claim, as_groups) in [("a b", Some("a b")), ("a,b", None)] {
        check(&s, "x-groups", json!(claim), as_groups);
        check(&s, "x-names", json!(claim), Some(claim));
    }
}

#[test]
fn keep_strips_and_case_change_what_is_written() {
    let s = scenario(json!([
        optional("x-kept", "c", json!({"keep": ["ml"]})),
        optional(
            "x-stripped",
            "c",
            json!({"stripPrefix": "Okta_", "stripSuffix": "@example.com"})
        ),
        optional(
            "x-folded",
            "c",
            json!({"stripPrefix": "Okta_", "lowercase": true})
        ),
    ]));
    check(&s, "x-kept", json!(["ops", "ml", "x"]), Some("ml"));
    check(&s, "x-kept", json!(["ops"]), None);
    check(
        &s,
        "x-stripped",
        json!("Okta_alice@example.com"),
        Some("alice"),
    );
    check(&s, "x-stripped", json!("Okta_alice@gmail.com"), None);
    check(&s, "x-stripped", json!("okta_alice@example.com"), None);
    check(&s, "x-folded", json!("OKTA_Alice"), Some("alice"));
}

#[test]
fn a_list_has_a_thousand_elements_at_most() {
    let s = Scenario::new()
        .config(json!({"maxTokenBytes": 65536, "outputClaimToHeaders": [
            {"header": "kubeflow-userid", "claim": "email"},
            optional("x-string", "c", json!({})),
        ]}))
        .start();
    let texts = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    check(
        &s,
        "x-string",
        json!(texts(1000)),
        Some(&texts(1000).join(",")),
    );
    check(&s, "x-string", json!(texts(1001)), None);
    let longest = "x".repeat(16 * 1024);
    check(&s, "x-string", json!(longest), Some(&longest));
    check(&s, "x-string", json!(format!("{longest}x")), None);
}

#[test]
fn a_role_is_the_first_entrys_that_has_a_value() {
    let role = |keep: &str, value: &str| {
        optional(
            "x-webauth-role",
            "groups",
            json!({"keep": [keep], "value": value}),
        )
    };
    let viewer = optional(
        "x-webauth-role",
        "sub",
        json!({"keep": ["*"], "value": "Viewer"}),
    );
    let s = scenario(json!([
        role("admins", "Admin"),
        role("ops-*", "Editor"),
        viewer
    ]));
    for (groups, expected) in [
        (json!(["ops-a", "admins"]), "Admin"),
        (json!(["ops-a", "ops-b"]), "Editor"),
        (json!(["x", {}]), "Viewer"),
        (json!([]), "Viewer"),
        (json!(null), "Viewer"),
    ] {
        let echo = send(&s, &json!({"groups": groups}));
        assert_eq!(echo.values("x-webauth-role"), [expected], "{groups}");
    }
}

fn with_two_names() -> Running {
    Scenario::new()
        .config(json!({"outputClaimToHeaders": [
            {"header": "kubeflow-userid", "claim": "email"},
            {"header": "kubeflow-userid", "claim": "upn"},
            optional("x-user", "email", json!({"stripSuffix": "@example.com"})),
            optional("x-user", "preferred_username", json!({})),
        ]}))
        .start()
}

#[test]
fn an_absent_claim_lets_the_next_entry_name_the_user() {
    let s = with_two_names();
    for email in [None, Some(json!(null)), Some(json!("")), Some(json!([]))] {
        let token = s
            .token_builder()
            .without_claim("email")
            .claim("upn", "eve@corp");
        let token = email.iter().fold(token, |token: TokenBuilder, email| {
            token.claim("email", email.clone())
        });
        let echo = s.get("/").token(&token.sign()).send().echo();
        assert_eq!(echo.values("kubeflow-userid"), ["eve@corp"], "{email:?}");
    }
    let neither = s.token_builder().without_claim("email").sign();
    assert_refused(&s.get("/").token(&neither).send(), "missing_claim", "none");
}

#[test]
fn evidence_that_failed_is_never_replaced_by_a_weaker_claim() {
    let s = with_two_names();
    let upn = || s.token_builder().claim("upn", "root@corp");
    for (token, reason) in [
        (upn().claim("email_verified", "false"), "unverified_email"),
        (upn().without_claim("email_verified"), "unverified_email"),
        (upn().claim("email", "a@example.com\n"), "unusable_claim"),
        (upn().claim("email", json!({})), "unusable_claim"),
    ] {
        let response = s.get("/").token(&token.sign()).send();
        assert_refused(&response, reason, &token.payload_text());
    }
    let claims = json!({"email": "mallory@gmail.com", "preferred_username": "alice"});
    assert!(!send(&s, &claims).has("x-user"));
    let claims = json!({"email": "ada@example.com", "preferred_username": "alice"});
    assert_eq!(send(&s, &claims).values("x-user"), ["ada"]);
    let absent = s
        .token_builder()
        .without_claim("email")
        .claim("upn", "eve@corp");
    let token = absent.claim("preferred_username", "alice").sign();
    assert_eq!(
        s.get("/").token(&token).send().echo().values("x-user"),
        ["alice"]
    );
}

#[test]
fn the_user_is_one_value() {
    let s = Scenario::new().start();
    let two = json!(["mallory@evil.example", "x@example.com"]);
    let response = s.get("/").token(&s.token_with("email", two)).send();
    assert_refused(&response, "unusable_claim", "two addresses");
    for one in [json!([USER]), json!([USER, USER])] {
        assert_eq!(
            send(&s, &json!({"email": one})).values("kubeflow-userid"),
            [USER]
        );
    }
}

#[test]
fn no_value_passes_for_one_of_another_load_balancer() {
    let mut partner = wasm_tests::entry();
    partner["arn"] = wasm_tests::ARN.replace("kubeflow", "partner").into();
    partner["outputClaimToHeaders"] =
        json!([{"header": "kubeflow-userid", "claim": "email", "prefix": "partner:"}]);
    let s = Scenario::new()
        .config(json!({
            "loadBalancers": [wasm_tests::entry(), partner],
            "outputClaimToHeaders": [{"header": "kubeflow-userid", "claim": "name"}],
        }))
        .start();
    for name in [
        "partner:eve",
        "a,partner:eve",
        "a,  partner:eve",
        "system:masters",
    ] {
        let response = s.get("/").token(&s.token_with("name", name)).send();
        assert_refused(&response, "unusable_claim", name);
    }
    for name in ["partner", "a partner:eve", "a;partner:eve"] {
        assert_eq!(
            send(&s, &json!({"name": name})).values("kubeflow-userid"),
            [name]
        );
    }
}

#[test]
fn requirements_compare_elements_by_pattern() {
    let s = Scenario::new()
        .config(json!({"emailVerified": "required", "requiredClaims": [
            {"claim": "scope", "format": "spaceSeparated", "anyOf": ["admin"]},
            {"claim": "groups", "format": "list", "anyOf": ["ml-*", "ops"]},
            {"claim": "mail", "anyOf": ["*@example.com"], "ignoreCase": true},
            {"claim": "sub", "anyOf": ["*"]},
        ]}))
        .start();
    let good = json!({"scope": "openid ml admin", "groups": "[x, ml-a]", "mail": "A@EXAMPLE.com"});
    send(&s, &good);
    for (name, value) in [
        ("scope", json!("openid administrator")),
        ("scope", json!("openid,admin")),
        ("groups", json!("xml-a")),
        ("groups", json!([{}])),
        ("groups", json!("ops2")),
        ("mail", json!("a@example.com.evil")),
        ("mail", json!("a@evil-example.com")),
        ("sub", json!("")),
        ("sub", json!([])),
    ] {
        let all = good.as_object().into_iter().flatten();
        let token = all.fold(s.token_builder(), |t, (name, value)| {
            t.claim(name, value.clone())
        });
        let case = format!("{name}: {value}");
        let response = s.get("/").token(&token.claim(name, value).sign()).send();
        assert_refused(&response, "claim_mismatch", &case);
    }
}

#[test]
fn a_refusal_names_the_claim_in_the_log_and_never_its_value() {
    let s = Scenario::new()
        .config(json!({
            "outputClaimToHeaders": [
                {"header": "kubeflow-userid", "claim": "email"},
                {"header": "x-role", "claim": ["realm access", "roles"]},
            ],
            "requiredClaims": [{"claim": "https://x.y/tenant", "anyOf": ["blue"]}],
        }))
        .start();
    let roles = |roles: Value| {
        s.token_builder()
            .claim("realm access", json!({"roles": roles}))
    };
    for (token, parts) in [
        (
            s.token_builder(),
            ["reason=missing_claim", "claim=realm%20access.roles"],
        ),
        (
            roles(json!("s3cret\n")),
            ["reason=unusable_claim", "claim=realm%20access.roles"],
        ),
        (
            roles(json!("a")).claim("https://x.y/tenant", "s3cret"),
            ["reason=claim_mismatch", "claim=https://x.y/tenant"],
        ),
    ] {
        assert_eq!(s.get("/").token(&token.sign()).send().status, 403);
        let line = s.log_line(&parts);
        assert!(line.starts_with("info "), "{line}");
    }
    let unverified = roles(json!("a")).claim("https://x.y/tenant", "blue");
    let unverified = unverified.claim("email_verified", false).sign();
    assert_eq!(s.get("/").token(&unverified).send().status, 403);
    s.log_line(&["reason=unverified_email", "claim=email"]);
    assert!(!s.module_log().iter().any(|line| line.contains("s3cret")));
}

#[test]
fn values_that_are_left_out_are_counted() {
    let s = scenario(json!([
        optional("x-a", "c", json!({})),
        optional("x-b", "d", json!({})),
    ]));
    send(&s, &json!({"c": ["a", "b,c", {}], "d": "fine"}));
    s.await_metric("values_left_out", 2);
    send(&s, &json!({"c": [], "d": null}));
    send(&s, &json!({"c": "a\nb", "d": {}}));
    s.await_metric("values_left_out", 4);
    assert_eq!(s.metric("requests.ok"), 3);
}
