//! The upstream tells what reached it, and nothing that reached it can run in a browser.

mod support;

use serde_json::json;
use support::{Server, exchange};

#[test]
fn json_tells_user_groups_headers_and_body() {
    let upstream = Server::upstream();
    let headers = [
        "kubeflow-userid: alice@example.com",
        "kubeflow-groups: red,blue",
        "x-twice: 1",
        "x-twice: 2",
    ];

    let answer = exchange(&upstream.addresses[0], "PUT", "/a?b=c", &headers, b"1234");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.json(),
        json!({
            "user": "alice@example.com",
            "groups": ["red", "blue"],
            "method": "PUT",
            "target": "/a?b=c",
            "bodyBytes": 4,
            "headers": {
                "host": "test",
                "connection": "close",
                "kubeflow-userid": "alice@example.com",
                "kubeflow-groups": "red,blue",
                "x-twice": ["1", "2"],
                "content-length": "4",
            },
        })
    );
}

#[test]
fn two_users_are_nobody() {
    let upstream = Server::upstream();
    let two = ["kubeflow-userid: alice@example.com", "kubeflow-userid: m"];

    assert!(upstream.get("/", &two).json()["user"].is_null());
    assert!(upstream.get("/", &[]).json()["user"].is_null());
}

#[test]
fn a_browser_gets_a_page_that_names_the_user() {
    let upstream = Server::upstream();
    let headers = [
        "accept: text/html,application/xhtml+xml,*/*;q=0.8",
        "kubeflow-userid: alice@example.com",
        "kubeflow-groups: red,blue",
        "x-webauth-role: Editor",
    ];

    let page = upstream.get("/", &headers);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let identity = "<h1>You are <strong>alice@example.com</strong></h1>";
    assert!(page.body.contains(identity), "{}", page.body);
    let rights = "groups <strong>red, blue</strong>, role <strong>Editor</strong>.";
    assert!(page.body.contains(rights), "{}", page.body);
    let nobody = upstream.get("/", &headers[..1]);
    assert!(nobody.body.contains("You are nobody here"));
}

#[test]
fn the_page_escapes_every_value_and_loads_nothing() {
    let upstream = Server::upstream();
    let hostile = r#"<script>alert(1)</script>"'&"#;
    let headers = [
        "accept: text/html".to_owned(),
        format!("kubeflow-userid: {hostile}"),
        format!("kubeflow-groups: {hostile}"),
        format!("x-other: {hostile}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();

    let page = upstream.get("/?%3Cscript%3E'", &headers);
    assert_eq!(page.body.matches("<script").count(), 1, "{}", page.body);
    assert!(!page.body.contains("?%3Cscript%3E'"), "{}", page.body);
    let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;";
    let attacks = page.body.matches("data-headers=").count();
    assert_eq!(
        page.body.matches(escaped).count(),
        6 + attacks,
        "{}",
        page.body
    );
    assert!(!page.body.contains("http:") && !page.body.contains("https:"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

#[test]
fn an_application_has_its_title_and_links_and_nothing_to_attack() {
    let arguments = [
        "upstream",
        "--listen",
        "127.0.0.1:0",
        "--title",
        "R&D",
        "--link",
        "/a?b&c",
    ];
    let upstream = Server::start(&arguments, 1);
    let page = upstream.get(
        "/",
        &["accept: text/html", "kubeflow-userid: ada@example.com"],
    );
    assert!(page.body.contains("<p>R&amp;D</p>"), "{}", page.body);
    assert!(
        page.body.contains("<a href=\"/a?b&amp;c\">"),
        "{}",
        page.body
    );
    assert!(
        page.body
            .contains("You are <strong>ada@example.com</strong>")
    );
    for absent in ["attack", "<script"] {
        assert!(!page.body.contains(absent), "{absent} in {}", page.body);
    }
}
