//! Several entries with one ARN: a load balancer whose rules use several identity providers or clients.

use serde_json::{Value, json};
use wasm_tests::{Running, Scenario, assert_fields_refused, assert_refused, entry};

const OTHER_ISSUER: &str = "https://login.example.org/tenant";

fn entry_of(issuer: &str, client: &str, prefix: &str) -> Value {
    let mut entry = entry();
    entry["issuers"] = json!([issuer]);
    entry["clientIds"] = json!([client]);
    entry["outputClaimToHeaders"] =
        json!([{"header": "kubeflow-userid", "claim": "email", "prefix": prefix}]);
    entry
}

fn scenario() -> Running {
    let mut second = entry_of(OTHER_ISSUER, "client-b", "partner:");
    // The first entry's holds for the second, too.
    second
        .as_object_mut()
        .expect("an object")
        .remove("keyEndpoint");
    Scenario::new()
        .config(json!({"loadBalancers": [
            entry_of(wasm_tests::ISSUER, "client-a", "staff:"),
            second,
            entry_of(OTHER_ISSUER, "client-c", "guest:"),
        ]}))
        .start()
}

fn token(s: &Running, issuer: &str, client: &str) -> String {
    let token = s.token_builder().header("iss", issuer).claim("iss", issuer);
    token.header("client", client).sign()
}

#[test]
fn the_entry_with_both_issuer_and_client_judges_the_token() {
    let s = scenario();
    for (issuer, client, user) in [
        (wasm_tests::ISSUER, "client-a", "staff:ada@example.com"),
        (OTHER_ISSUER, "client-b", "partner:ada@example.com"),
        (OTHER_ISSUER, "client-c", "guest:ada@example.com"),
    ] {
        let echo = s.get("/").token(&token(&s, issuer, client)).send().echo();
        assert_eq!(echo.values("kubeflow-userid"), [user]);
    }
    assert_eq!(
        s.endpoint.requests().len(),
        1,
        "one key endpoint, one fetch"
    );
    s.assert_alive_with(&token(&s, OTHER_ISSUER, "client-b"));
}

#[test]
fn an_issuer_with_another_entrys_client_is_refused() {
    let s = scenario();
    for (issuer, client, reason) in [
        (wasm_tests::ISSUER, "client-b", "wrong_client"),
        (OTHER_ISSUER, "client-a", "wrong_client"),
        (OTHER_ISSUER, "client-d", "wrong_client"),
        ("https://evil.example", "client-a", "wrong_issuer"),
        ("https://evil.example", "client-d", "wrong_issuer"),
    ] {
        let response = s.get("/").token(&token(&s, issuer, client)).send();
        assert_refused(&response, reason, &format!("{issuer} {client}"));
    }
}

#[test]
fn overlapping_pairs_and_two_key_endpoints_are_refused() {
    let a = || entry_of("https://a", "a", "");
    let mut any = a();
    any["clientIds"] = json!(["*"]);
    let mut elsewhere = entry_of("https://b", "b", "");
    elsewhere["keyEndpoint"] = json!({"cluster": "others"});
    let pair = |second: Value, path| ("/loadBalancers", json!([a(), second]), path);
    assert_fields_refused(vec![
        pair(a(), "loadBalancers[1].arn:"),
        pair(any, "loadBalancers[1].arn:"),
        pair(elsewhere, "loadBalancers[1].keyEndpoint"),
    ]);
}
