//! An application that keeps a user's last role: the example of `docs/configuration.md`, and why it needs each part.

#[path = "../../tests/yaml/mod.rs"]
mod yaml;

use alb_fixtures::mint::unix_now;
use serde_json::{Value, json};
use wasm_tests::{
    AccessTokenBuilder, Response, Running, Scenario, assert_refused, start_role_keeper,
};

const CONFIGURATION: &str = include_str!("../../docs/configuration.md");

/// `outputClaimToHeaders` of the documented example.
fn documented() -> Vec<Value> {
    let heading = "#### Applications that keep the last role\n";
    let (_, section) = CONFIGURATION.split_once(heading).expect("the section");
    let (_, example) = section.split_once("```yaml\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let example = yaml::documents(example).remove(0);
    assert_eq!(example["loadBalancers"][0]["accessToken"], json!({}));
    let entries = example["outputClaimToHeaders"].as_array();
    entries.expect("a list of mappings").clone()
}

/// A gateway with these mappings in front of the application, at `/grafana`.
fn start(mappings: Vec<Value>) -> Running {
    Scenario::new()
        .access_token()
        .config(json!({"outputClaimToHeaders": mappings}))
        .cluster("grafana", start_role_keeper())
        .route(json!({"match": {"path": "/grafana"}, "route": {"cluster": "grafana"}}))
        .start()
}

fn visit(s: &Running, access_token: &str) -> Response {
    let request = s.get("/grafana").token(&s.token());
    request.access_token(access_token).send()
}

#[track_caller]
fn assert_role(s: &Running, access_token: &AccessTokenBuilder, role: &str) {
    let response = visit(s, &access_token.sign());
    assert_eq!(response.reason(), "");
    assert_eq!(String::from_utf8_lossy(&response.body), role);
}

/// What an administrator's access token becomes without being anybody's groups, and the reason.
fn gone(s: &Running) -> [(String, &'static str); 3] {
    let admin = admin(s);
    [
        (String::new(), "missing_access_token"),
        (
            admin.clone().expiring_at(unix_now() - 60).sign(),
            "access_token_expired",
        ),
        (
            admin.claim("sub", "another user").sign(),
            "invalid_access_token",
        ),
    ]
}

fn admin(s: &Running) -> AccessTokenBuilder {
    s.access_token_builder().groups(&["admins", "ml-eu"])
}

#[test]
fn an_administrator_who_left_the_group_is_one_no_longer() {
    let s = start(documented());
    assert_role(&s, &admin(&s), "Admin");
    assert_role(&s, &s.access_token_builder(), "Viewer");
    let without_groups = s.access_token_builder().without_claim("cognito:groups");
    assert_role(&s, &admin(&s), "Admin");
    assert_role(&s, &without_groups, "Viewer");
    for (access_token, reason) in gone(&s) {
        assert_role(&s, &admin(&s), "Admin");
        // The application does not see this request, so that the role that it keeps serves nobody.
        assert_refused(&visit(&s, &access_token), reason, reason);
        assert_role(&s, &s.access_token_builder(), "Viewer");
    }
}

#[test]
fn without_the_last_entry_the_role_stays() {
    let mut mappings = documented();
    let last = mappings.pop().expect("the last entry");
    assert_eq!(last["value"], "Viewer");
    let s = start(mappings);
    assert_role(&s, &admin(&s), "Admin");
    assert_role(&s, &s.access_token_builder(), "Admin");
    for (access_token, _) in gone(&s) {
        assert_eq!(visit(&s, &access_token).body, b"Admin");
    }
}

/// Then a header that was withheld is absent.
#[test]
fn with_an_optional_last_entry_the_role_stays_without_an_access_token() {
    let mut mappings = documented();
    let last = mappings.last_mut().expect("the last entry");
    last["required"] = false.into();
    let s = start(mappings);
    assert_role(&s, &admin(&s), "Admin");
    for (access_token, _) in gone(&s) {
        assert_eq!(visit(&s, &access_token).body, b"Admin");
    }
    assert_role(&s, &s.access_token_builder(), "Viewer");
}
