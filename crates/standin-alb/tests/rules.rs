//! Listener rules and what the load balancer writes into requests.

mod support;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use support::application::Application;
use support::browser::Browser;
use support::processes::free_port;
use support::provider::Provider;
use support::{Folder, Setup, TARGET_GROUP};

fn rule(path: &str, actions: Value) -> Value {
    json!({"Conditions": [{"Field": "path-pattern", "Values": [path]}], "Actions": actions})
}

fn forward() -> Value {
    json!({"Type": "forward", "TargetGroupArn": TARGET_GROUP})
}

#[tokio::test]
async fn deny_refuses_who_shows_nothing_and_sends_who_was_logged_in_to_log_in_again() {
    let mut it = support::start(|setup| {
        setup.login["SessionTimeout"] = 1.into();
        let mut denying = setup.login.clone();
        denying["OnUnauthenticatedRequest"] = "deny".into();
        let login = json!({"Type": "authenticate-oidc", "AuthenticateOidcConfig": denying});
        setup.rules = json!([rule("/api/*", json!([login, forward()]))]);
    });
    let api = it.url("/api/x");
    assert_eq!(it.browser.get(&api).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(it.alb.application.requests(), 0);

    it.browser.log_in(&it.url("/")).await;
    let location = loop {
        let answer = it.browser.get(&api).await;
        assert_ne!(answer.status, StatusCode::UNAUTHORIZED);
        if let Some(location) = answer.location() {
            break location;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(location.starts_with(&it.provider.issuer));
}

#[tokio::test]
async fn allow_lets_nobody_pass_without_claims_whatever_the_client_claims() {
    let mut it = support::start(|setup| setup.login["OnUnauthenticatedRequest"] = "allow".into());
    it.browser.headers = vec![
        ("x-amzn-oidc-data".into(), "forged".into()),
        ("x-amzn-oidc-identity".into(), "forged".into()),
        ("x-amzn-oidc-accesstoken".into(), "forged".into()),
    ];
    let answer = it.browser.get(&it.url("/")).await;
    assert_eq!(answer.status, StatusCode::OK);
    for name in [
        "x-amzn-oidc-data",
        "x-amzn-oidc-identity",
        "x-amzn-oidc-accesstoken",
    ] {
        assert_eq!(answer.seen(name), None, "{name}");
    }
}

#[tokio::test]
async fn copies_of_the_claims_headers_that_the_client_sends_are_overwritten() {
    let mut it = support::start(|_| {});
    it.browser.headers = vec![
        ("x-amzn-oidc-data".into(), "forged".into()),
        ("x-amzn-oidc-data".into(), "forged again".into()),
        ("x-amzn-oidc-identity".into(), "mallory".into()),
    ];
    let answer = it.browser.get(&it.url("/")).await;
    let callback = it.browser.get(&answer.location().unwrap()).await;
    let done = it.browser.get(&callback.location().unwrap()).await;
    let answer = it.browser.get(&done.location().unwrap()).await;
    assert_eq!(answer.seen("x-amzn-oidc-identity").as_deref(), Some("ada"));
    assert!(!answer.body.contains("forged"), "{}", answer.body);
}

#[tokio::test]
async fn a_rule_without_a_login_passes_on_what_the_client_sent() {
    let mut it =
        support::start(|setup| setup.rules = json!([rule("/public/*", json!([forward()]))]));
    it.browser.headers = vec![("x-amzn-oidc-data".into(), "forged".into())];
    let answer = it.browser.get(&it.url("/public/x")).await;
    assert_eq!(answer.seen("x-amzn-oidc-data").as_deref(), Some("forged"));
}

#[tokio::test]
async fn fixed_responses_and_redirects_need_no_session() {
    let mut it = support::start(|setup| {
        let fixed = json!({"Type": "fixed-response", "FixedResponseConfig": {
            "StatusCode": "200", "ContentType": "text/html", "MessageBody": "<p>Signed out"}});
        let redirect = json!({"Type": "redirect", "RedirectConfig": {
            "Path": "/new/#{path}", "StatusCode": "HTTP_301"}});
        setup.rules = json!([
            rule("/signed-out", json!([fixed])),
            rule("/old", json!([redirect]))
        ]);
    });
    let answer = it.browser.get(&it.url("/signed-out")).await;
    assert_eq!(answer.body, "<p>Signed out");
    assert_eq!(answer.headers["content-type"], "text/html");
    let answer = it.browser.get(&it.url("/old?a=b")).await;
    assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(answer.location(), Some(it.url("/new/old?a=b")));
}

#[tokio::test]
async fn the_application_is_told_where_a_request_came_from() {
    let mut it = support::start(|_| {});
    it.browser.headers = vec![
        ("x-forwarded-for".into(), "203.0.113.7".into()),
        ("x-forwarded-proto".into(), "gopher".into()),
    ];
    let answer = it.browser.get_following(&it.url("/")).await;
    let port = it.alb.url.rsplit_once(':').unwrap().1;
    assert_eq!(
        answer.seen("x-forwarded-for").as_deref(),
        Some("203.0.113.7, 127.0.0.1")
    );
    assert_eq!(answer.seen("x-forwarded-proto").as_deref(), Some("https"));
    assert_eq!(answer.seen("x-forwarded-port").as_deref(), Some(port));
    let host = it.alb.url.strip_prefix("https://").unwrap();
    assert_eq!(answer.seen("host").as_deref(), Some(host));
    let trace = answer.seen("x-amzn-trace-id").unwrap();
    assert!(trace.starts_with("Root=1-"), "{trace}");
    assert_eq!(
        trace.len(),
        "Root=1-67891233-abcdef012345678912345678".len()
    );

    it.browser.headers.push((
        "x-amzn-trace-id".into(),
        "Root=1-67891233-abcdef012345678912345678".into(),
    ));
    let answer = it.browser.get(&it.url("/")).await;
    let trace = answer.seen("x-amzn-trace-id").unwrap();
    assert!(trace.starts_with("Self=1-"), "{trace}");
    assert!(
        trace.ends_with(";Root=1-67891233-abcdef012345678912345678"),
        "{trace}"
    );
}

#[tokio::test]
async fn header_names_that_are_no_letters_digits_and_hyphens_are_dropped_on_demand() {
    for (attributes, expected) in [
        (json!({}), Some("x")),
        (
            json!({"routing.http.drop_invalid_header_fields.enabled": "true"}),
            None,
        ),
    ] {
        let mut it = support::start(|setup| {
            setup.login["OnUnauthenticatedRequest"] = "allow".into();
            setup.attributes = attributes;
        });
        it.browser.headers = vec![
            ("kubeflow_userid".into(), "x".into()),
            ("a-1".into(), "y".into()),
        ];
        let answer = it.browser.get(&it.url("/")).await;
        assert_eq!(answer.seen("kubeflow_userid").as_deref(), expected);
        assert_eq!(answer.seen("a-1").as_deref(), Some("y"));
    }
}

#[tokio::test]
async fn what_no_load_balancer_takes_is_refused() {
    let mut it = support::start(|setup| setup.login["OnUnauthenticatedRequest"] = "allow".into());
    let url = it.url("/");
    let answer = it.browser.send(Method::TRACE, &url, "".into()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    for (addresses, status) in [(30, 200), (31, 463)] {
        let list = vec!["203.0.113.7"; addresses].join(", ");
        it.browser.headers = vec![("x-forwarded-for".into(), list)];
        assert_eq!(it.browser.get(&url).await.status.as_u16(), status);
    }
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_a_502() {
    let folder = Folder::new();
    let provider = Provider::start(&folder);
    let target = format!("127.0.0.1:{}", free_port());
    let alb = Setup::new(&provider.issuer).start_before(&folder, Application::start(), &target);
    let mut browser = Browser::new(&folder.file("ca.pem"));
    let answer = browser.get_following(&format!("{}/", alb.url)).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers["server"], "awselb/2.0");
}
