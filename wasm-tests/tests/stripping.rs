//! Nothing that a client sends in an identity's place survives, whatever the outcome.

use serde_json::{Value, json};
use wasm_tests::{
    Echo, Request, Running, Scenario, USER, Upstream, entry, entry_for, load_balancer,
};

/// What a client must not be able to bring in: header names, several spellings of each.
const FORGED: [&str; 29] = [
    "kubeflow-userid",
    "kubeflow_userid",
    "Kubeflow-UserID",
    "KUBEFLOW_USERID",
    "kubeflow-userid",
    "kubeflow-groups",
    "kubeflow_groups",
    "Kubeflow-Groups",
    "x-partner-user",
    "x_partner_user",
    "x_partner-user",
    "X-Partner_User",
    "x-first-user",
    "x_first_user",
    "x-internal-role",
    "x_internal_role",
    "x-amzn-ava-user-context",
    "x_amzn_ava_user_context",
    "X-Amzn-Ava-User-Context",
    "X-Internal-Role",
    "x_amzn_oidc_data",
    "x-amzn_oidc-data",
    "X_Amzn-Oidc_Data",
    "x-amzn-oidc-identity",
    "X-Amzn-Oidc-Identity",
    "x_amzn_oidc_identity",
    "x-amzn-oidc-accesstoken",
    "x-amzn-oidc_accesstoken",
    "X_AMZN_OIDC_ACCESSTOKEN",
];

/// Their neighbours, which are none of the module's business.
const INNOCENT: [&str; 8] = [
    "kubeflow-useridx",
    "x-kubeflow-userid",
    "kubeflowuserid",
    "kubeflow-group",
    "x-amzn-trace-id",
    "x-amzn-oidc-datax",
    "x-amzn-oidc-data-0",
    "x-internal-roles",
];

fn config() -> Value {
    let mut first = entry();
    first["outputClaimToHeaders"] = json!([{"header": "x-first-user", "claim": "email"}]);
    let other = alb_fixtures::mint::LoadBalancer {
        arn: load_balancer().arn.replace("kubeflow", "partner"),
        ..load_balancer()
    };
    let mut partner = entry_for(&other);
    partner["outputClaimToHeaders"] = json!([{"header": "X-Partner-User", "claim": "email"}]);
    json!({
        "loadBalancers": [first, partner],
        "stripHeaders": ["X-Internal-Role"],
        "allowMissingToken": [{"path": "/public"}],
    })
}

fn with_forged_headers(request: Request) -> Request {
    let all = FORGED.iter().chain(&INNOCENT);
    all.fold(request, |request, name| request.header(name, "forged"))
}

/// Fails where anything forged arrived, or an innocent header did not.
fn assert_stripped(echo: &Echo, case: &str) {
    let mut forged: Vec<_> = echo.headers.iter().filter(|(_, v)| v == "forged").collect();
    forged.sort();
    let mut names: Vec<_> = forged.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    let mut innocent = INNOCENT;
    innocent.sort_unstable();
    assert_eq!(names, innocent, "{case}");
}

fn check_all_paths(s: &Running, send: impl Fn(Request) -> Echo) {
    let ok = send(with_forged_headers(s.get("/").token(&s.token())));
    assert_stripped(&ok, "ok");
    assert_eq!(ok.values("x-first-user"), [USER]);
    let no_token = send(with_forged_headers(s.get("/public")));
    assert_stripped(&no_token, "no_token");
    assert!(!no_token.has("x-first-user"));
}

#[test]
fn forged_headers_go_in_every_spelling_whatever_the_outcome() {
    let s = Scenario::new().config(config()).start();
    check_all_paths(&s, |request| request.send().echo());
}

#[test]
fn forged_headers_of_http2_go_too() {
    let s = Scenario::new()
        .config(config())
        .upstream(Upstream::Http2)
        .start();
    check_all_paths(&s, |request| request.send_http2().echo());
}

#[test]
fn forged_headers_go_in_observe_too() {
    let s = Scenario::new()
        .config(config())
        .config(json!({"mode": "observe"}))
        .start();
    check_all_paths(&s, |request| request.send().echo());
    let tokens = [
        ("missing", None),
        ("malformed", Some("x")),
        ("expired", Some("expired")),
    ];
    let expired = s.token_builder().expiring_at(0).sign();
    for (case, token) in tokens {
        let request = with_forged_headers(s.get("/"));
        let request = match token {
            Some("expired") => request.token(&expired),
            Some(token) => request.token(token),
            None => request,
        };
        let echo = request.send().echo();
        assert_stripped(&echo, case);
        assert!(!echo.has("x-amzn-oidc-data"), "{case}");
    }
    let two = s.get("/").token(&s.token()).token(&s.token());
    assert!(!two.send().echo().has("x-amzn-oidc-data"), "two tokens");
}

#[test]
fn a_verified_header_is_the_only_one_of_its_name() {
    let s = Scenario::new().start();
    let request = s
        .get("/")
        .header("kubeflow-userid", "eve@example.com")
        .token(&s.token())
        .header("Kubeflow-Userid", "eve@example.com")
        .header("kubeflow-userid", "");
    let echo = request.send().echo();
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
}

#[test]
fn forged_trailers_go_and_others_stay() {
    let s = Scenario::new()
        .config(config())
        .config(json!({"forwardToken": true}))
        .upstream(Upstream::Http2)
        .start();
    let names = FORGED.iter().chain(&INNOCENT).chain(&["x-amzn-oidc-data"]);
    for (case, token) in [("ok", Some(s.token())), ("no_token", None)] {
        let request = s.request("POST", "/public").body("body");
        let request = token.iter().fold(request, |request, t| request.token(t));
        let request = names
            .clone()
            .fold(request, |request, name| request.trailer(name, "forged"));
        let echo = request.send_http2().echo();
        let mut arrived: Vec<_> = echo
            .trailers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        arrived.sort_unstable();
        let mut innocent = INNOCENT;
        innocent.sort_unstable();
        assert_eq!(arrived, innocent, "{case}");
        assert_eq!(echo.body, "body", "{case}");
    }
}

#[test]
fn trailers_of_a_request_that_waited_are_stripped_too() {
    let s = Scenario::new().upstream(Upstream::Http2).start();
    s.endpoint.set(s.key.kid(), wasm_tests::Answer::Hold);
    let request = s
        .request("POST", "/")
        .token(&s.token())
        .body("body")
        .trailer("kubeflow-userid", "forged")
        .trailer("x-innocent", "kept");
    let client = std::thread::spawn(move || request.send_http2());
    s.await_metric("waiting_requests", 1);
    s.endpoint.serve_key(&s.key);
    let echo = client.join().expect("an answer").echo();
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
    assert_eq!(
        echo.trailers,
        [("x-innocent".to_owned(), "kept".to_owned())]
    );
}

#[test]
fn an_upgrade_cannot_have_the_next_proxy_drop_the_identity() {
    let s = Scenario::new().start();
    let connections = [
        "upgrade",
        "Upgrade, kubeflow-userid",
        "kubeflow-userid, upgrade",
        "upgrade, close, x-a",
    ];
    for connection in connections {
        let request = s
            .get("/ws")
            .token(&s.token())
            .upgrade("websocket", connection);
        let response = request.header("sec-websocket-key", "a2V5").send();
        assert_eq!(response.status, 101, "{connection}");
        let echo = response.echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER], "{connection}");
        let arrived = echo.values("connection").join(",").to_lowercase();
        assert_eq!(arrived, "upgrade", "{connection}");
        assert_eq!(echo.values("upgrade"), ["websocket"], "{connection}");
        assert_eq!(echo.values("sec-websocket-key"), ["a2V5"], "{connection}");
    }
}

#[test]
fn several_connection_headers_of_an_upgrade_become_one() {
    let s = Scenario::new().start();
    let request = s
        .get("/ws")
        .token(&s.token())
        .upgrade("websocket", "upgrade")
        .header("connection", "kubeflow-userid");
    let echo = request.send().echo();
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
    assert_eq!(
        echo.values("connection").join(",").to_lowercase(),
        "upgrade"
    );
}

#[test]
fn an_upgrade_that_waited_for_its_key_is_cleaned_too() {
    let s = Scenario::new().start();
    s.endpoint.set(s.key.kid(), wasm_tests::Answer::Hold);
    let request = s.get("/ws").token(&s.token());
    let pending = request
        .upgrade("websocket", "upgrade, kubeflow-userid")
        .start();
    s.await_metric("waiting_requests", 1);
    s.endpoint.serve_key(&s.key);
    let echo = pending.finish().echo();
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
    assert_eq!(
        echo.values("connection").join(",").to_lowercase(),
        "upgrade"
    );
}

#[test]
fn a_route_is_chosen_by_the_verified_header_not_by_a_forged_one() {
    let route = |user: &str, body: &str| {
        json!({
            "match": {"prefix": "/", "headers": [
                {"name": "kubeflow-userid", "string_match": {"exact": user}},
            ]},
            "direct_response": {"status": 200, "body": {"inline_string": body}},
        })
    };
    let s = Scenario::new()
        .config(json!({"allowMissingToken": [{"path": "/public"}]}))
        .route(route("root@example.com", "root's route"))
        .route(route("grace@example.com", "grace's route"))
        .start();
    let forged = |request: Request| request.header("kubeflow-userid", "root@example.com");
    let response = forged(s.get("/")).token(&s.token()).send();
    assert_eq!(response.echo().values("kubeflow-userid"), [USER]);
    forged(s.get("/public")).send().echo();
    let grace = s.token_with("email", "grace@example.com");
    let response = forged(s.get("/")).token(&grace).send();
    assert_eq!(response.body, b"grace's route");
}
