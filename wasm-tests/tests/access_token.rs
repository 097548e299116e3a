//! The access token that the load balancer passes on.

use wasm_tests::{KEY_SET, Scenario};

const HEADER: &str = "x-amzn-oidc-accesstoken";

#[test]
fn without_access_token_in_the_configuration_it_is_removed_and_its_keys_are_never_fetched() {
    let s = Scenario::new().start();
    for access_token in [s.access_token(), "no token".to_owned()] {
        let request = s.get("/").token(&s.token()).access_token(&access_token);
        let echo = request.send().echo();
        assert_eq!(echo.values("kubeflow-userid"), [wasm_tests::USER]);
        assert!(!echo.has(HEADER));
    }
    assert_eq!(s.key_sets.count(KEY_SET), 0);
    assert!(s.key_sets.requests().is_empty());
    s.assert_alive();
}

#[test]
fn an_access_token_is_no_users_token() {
    let s = Scenario::new().start();
    let access_token = s.access_token();
    let response = s.get("/").token(&access_token).send();
    assert_eq!(
        (response.status, response.reason().as_str()),
        (401, "malformed_token")
    );
    s.assert_alive();
}
