//! The payload's issuer beside the protected header's, and values that Kubernetes takes for its own.

use serde_json::{Value, json};
use wasm_tests::{ISSUER, Running, Scenario, USER, assert_refused};

fn with_issuers(issuers: Value) -> Running {
    Scenario::new()
        .load_balancer(json!({"issuers": issuers}))
        .start()
}

/// Only the protected header's is the load balancer's word: an IdP writes the payload.
#[test]
fn an_issuer_in_the_payload_equals_the_protected_headers() {
    for issuers in [json!([ISSUER]), json!(["*"])] {
        let s = with_issuers(issuers.clone());
        let differing = [
            json!("https://evil.example.com"),
            json!(format!("{ISSUER}/")),
            json!(ISSUER.to_uppercase()),
            json!(""),
            json!(null),
            json!(1),
            json!([ISSUER]),
        ];
        for value in differing {
            let token = s.token_with("iss", value.clone());
            let case = format!("{issuers}: {value}");
            // A known key, and one that has to be fetched first.
            for _ in 0..2 {
                assert_refused(&s.get("/").token(&token).send(), "wrong_issuer", &case);
            }
        }
        for token in [
            s.token_builder().claim("iss", ISSUER).sign(),
            s.token_builder().without_claim("iss").sign(),
        ] {
            let echo = s.get("/").token(&token).send().echo();
            assert_eq!(echo.values("kubeflow-userid"), [USER]);
        }
        s.assert_alive();
    }
}

#[test]
fn no_user_has_a_name_of_kubernetes_own() {
    let s = Scenario::new()
        .config(
            json!({"outputClaimToHeaders": [{"header": "kubeflow-userid", "claim": "username"}]}),
        )
        .start();
    for name in [
        "system:masters",
        "system:serviceaccount:kubeflow:default",
        "system:",
    ] {
        let response = s.get("/").token(&s.token_with("username", name)).send();
        assert_refused(&response, "unusable_claim", name);
    }
    for name in ["systems", "a system:b", "System:masters"] {
        let echo = s
            .get("/")
            .token(&s.token_with("username", name))
            .send()
            .echo();
        assert_eq!(echo.values("kubeflow-userid"), [name]);
    }
}
