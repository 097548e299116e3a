//! The end of the ALB's session.

use serde_json::json;
use wasm_tests::{Response, Running, Scenario, assert_refused};

const LOCATION: &str =
    "https://auth.example.com/logout?client_id=c&logout_uri=https://k.example.com";

fn scenario(mode: &str) -> Running {
    Scenario::new()
        .config(json!({
            "mode": mode,
            "sessionCookies": ["AWSELBAuthSessionCookie", "Other"],
            "logout": {"path": "/logout", "location": LOCATION, "hosts": ["kubeflow.example.com"]},
        }))
        .start()
}

/// Fails unless the answer expires every shard of each session cookie, as the ALB set it.
#[track_caller]
fn assert_cookies_expire(response: &Response) {
    let cookies = response.values("set-cookie");
    for name in ["AWSELBAuthSessionCookie", "Other"] {
        for shard in 0..4 {
            let beginning = format!("{name}-{shard}=;");
            let mut matching = cookies.iter().filter(|c| c.starts_with(&beginning));
            let cookie = matching
                .next()
                .unwrap_or_else(|| panic!("{beginning} of {cookies:?}"));
            assert_eq!(matching.next(), None, "{beginning}");
            let attributes: Vec<_> = cookie.split(';').map(str::trim).collect();
            for attribute in ["Path=/", "Secure", "HttpOnly"] {
                assert!(attributes.contains(&attribute), "{cookie}");
            }
            let expires = attributes.contains(&"Max-Age=0")
                || attributes.contains(&"Expires=Thu, 01 Jan 1970 00:00:00 GMT");
            assert!(expires, "{cookie}");
        }
    }
}

#[test]
fn get_redirects_and_post_answers_what_the_dashboard_expects() {
    for mode in ["enforce", "observe"] {
        let s = scenario(mode);
        let get = s.get("/logout").send();
        assert_eq!((get.status, get.values("location")), (302, vec![LOCATION]));
        assert_cookies_expire(&get);
        let post = s.request("POST", "/logout?x=y").body("{}").send();
        assert_eq!(post.status, 200);
        assert_eq!(post.json(), json!({"afterLogoutURL": LOCATION}));
        assert_eq!(post.values("content-type"), ["application/json"]);
        assert_cookies_expire(&post);
        assert_eq!(s.metric("requests.logout"), 2);
        assert_eq!(s.metric("observed.logout"), 0);
        assert_eq!(s.access_line("/logout").reason.as_deref(), Some("logout"));
    }
}

#[test]
fn no_token_is_looked_at() {
    let s = scenario("enforce");
    for token in [
        "x".to_owned(),
        s.token(),
        s.token_builder().expiring_at(0).sign(),
    ] {
        assert_eq!(s.get("/logout").token(&token).send().status, 302);
    }
    assert_eq!(s.endpoint.requests(), []);
}

#[test]
fn other_methods_paths_and_hosts_are_judged_like_any_request() {
    let s = scenario("enforce");
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let response = s.request(method, "/logout").body("").send();
        assert_refused(&response, "missing_token", method);
    }
    assert_eq!(s.request("HEAD", "/logout").send().status, 401);
    for path in [
        "/logout/",
        "/logou",
        "/Logout",
        "//logout",
        "/./logout",
        "/%6cogout",
        "/logout;a",
        "/logout%3f",
    ] {
        assert_refused(&s.get(path).send(), "missing_token", path);
    }
    let elsewhere = s.get("/logout").header("host", "b.example.com");
    assert_refused(&elsewhere.send(), "missing_token", "another host");
    let named = s.get("/logout").header("host", "KubeFlow.example.com:8443");
    assert_refused(&named.send(), "missing_token", "a port that no entry names");
    let default = s.get("/logout").header("host", "KubeFlow.example.com:443");
    assert_eq!(default.send().status, 302);
    s.request("PUT", "/logout")
        .token(&s.token())
        .body("")
        .send()
        .echo();
}

#[test]
fn without_the_setting_there_is_no_logout() {
    let s = Scenario::new().start();
    assert_refused(&s.get("/logout").send(), "missing_token", "GET");
}
