//! How several values become one header, and the header that takes one only.

use serde_json::{Value, json};
use wasm_tests::{Running, Scenario, USER, assert_refused};

fn scenario(separator: &str) -> Running {
    let entry = |header: &str, members: Value| {
        let mut entry = json!({
            "header": header, "claim": "c", "separator": separator, "required": false,
        });
        for (name, value) in members.as_object().into_iter().flatten() {
            entry[name] = value.clone();
        }
        entry
    };
    Scenario::new()
        .config(json!({"outputClaimToHeaders": [
            {"header": "kubeflow-userid", "claim": "email"},
            entry("x-list", json!({"format": "list"})),
            entry("x-percent", json!({"format": "list", "encoding": "percent"})),
            entry("x-kept", json!({"keep": ["ml-*"]})),
            entry("kubeflow-groups", json!({})),
        ]}))
        .start()
}

#[track_caller]
fn check(s: &Running, claim: &Value, header: &str, expected: &[&str]) {
    let request = s.get("/").token(&s.token_with("c", claim.clone()));
    let response = request.header(header, "forged").send();
    assert_eq!(response.reason(), "", "{header} of {claim}");
    let echo = response.echo();
    assert_eq!(echo.values(header), expected, "{header} of {claim}");
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
}

#[test]
fn values_are_joined_by_a_bar() {
    let s = scenario("|");
    let groups = json!(["ml-eu", "a|b", "CN=x,OU=y", "ops team"]);
    check(&s, &groups, "x-list", &["ml-eu|CN=x,OU=y|ops team"]);
    let encoded = "ml-eu|a%7Cb|CN%3Dx%2COU%3Dy|ops%20team";
    check(&s, &groups, "x-percent", &[encoded]);
    check(&s, &json!("ml-a|admins"), "x-kept", &[]);
    check(&s, &json!("ml-a,admins"), "x-kept", &["ml-a,admins"]);
    check(&s, &json!("x|admins"), "kubeflow-groups", &[]);
    check(&s, &json!("x|system:masters"), "kubeflow-groups", &[]);
    s.assert_alive();
}

#[test]
fn values_are_joined_by_a_space() {
    let s = scenario(" ");
    let groups = json!(["ml-eu", "ops team", "a|b", "CN=x,OU=y"]);
    check(&s, &groups, "x-list", &["ml-eu a|b CN=x,OU=y"]);
    let encoded = "ml-eu ops%20team a%7Cb CN%3Dx%2COU%3Dy";
    check(&s, &groups, "x-percent", &[encoded]);
    check(&s, &json!("ml-a admins"), "x-kept", &[]);
    check(&s, &json!(["ml-a", "admins"]), "x-kept", &["ml-a"]);
    check(&s, &json!("x admins"), "kubeflow-groups", &[]);
    check(&s, &json!("x system:masters"), "kubeflow-groups", &[]);
    check(&s, &json!(["x", "ml"]), "kubeflow-groups", &["x ml"]);
    s.assert_alive();
}

/// The first entry's header names the user in logs; Kubeflow reads `kubeflow-userid` wherever it is in the list.
#[test]
fn kubeflows_user_is_one_value_also_in_a_later_entry() {
    let s = Scenario::new()
        .config(json!({"outputClaimToHeaders": [
            {"header": "x-user", "claim": "email"},
            {"header": "kubeflow-userid", "claim": "c"},
        ]}))
        .start();
    let send = |claim: &Value| {
        let request = s.get("/").token(&s.token_with("c", claim.clone()));
        request.header("kubeflow-userid", "root").send()
    };
    for claim in [
        json!(["alice@example.com", "bob@example.com"]),
        json!(["bob@example.com", {}]),
        json!("system:admin"),
    ] {
        assert_refused(&send(&claim), "unusable_claim", &claim.to_string());
    }
    for claim in [json!([]), json!(null), json!("")] {
        assert_refused(&send(&claim), "missing_claim", &claim.to_string());
    }
    for claim in [json!("ada"), json!(["ada"]), json!(["ada", "ada"])] {
        let echo = send(&claim).echo();
        assert_eq!(echo.values("kubeflow-userid"), ["ada"], "{claim}");
        assert_eq!(echo.values("x-user"), [USER]);
    }
    s.assert_alive_with(&s.token_with("c", "ada"));
}
