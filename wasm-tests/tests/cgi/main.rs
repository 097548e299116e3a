//! Servers that fold header names, behind the filter: lighttpd with a CGI program, and PHP's own server. Whatever a
//! client calls its header, no application takes it for the user's.
//!
//! `make test-cgi` runs it and fetches both servers; `CGI_PROGRAMS` names the folder that it unpacks them into.

mod server;

use serde_json::json;
use server::Server;
use wasm_tests::{Response, Running, Scenario, USER, latin1};

const EVE: &str = "eve@example.com";
/// Every byte but letters and digits that a header's name may hold (RFC 9110 section 5.6.2).
const SEPARATORS: &str = "!#$%&'*+-.^_`|~";

/// A scenario whose upstream is `server`.
fn in_front_of(server: &Server) -> Running {
    let config = json!({
        "outputClaimToHeaders": [
            {"header": "kubeflow-userid", "claim": "email"},
            {"header": "x-user-name", "claim": "username", "required": false},
        ],
        "stripHeaders": ["x-internal-role"],
        "allowMissingToken": [{"pathPrefix": "/public/"}],
    });
    let rewrite = json!({"pattern": {"regex": "^.*$"}, "substitution": server.path()});
    let route = json!({"cluster": "cgi", "regex_rewrite": rewrite});
    Scenario::new()
        .config(config)
        .cluster("cgi", server.addr())
        .cluster_members("cgi", json!({
            "connect_timeout": "5s",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
            }},
        }))
        .route(json!({"match": {"prefix": "/"}, "route": route}))
        .start()
}

/// What the application has as the variable `name`.
fn variables(response: &Response, name: &str) -> Vec<String> {
    assert_eq!(response.status, 200, "{response:?}");
    let body = latin1(&response.body);
    let lines = body.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(variable, _)| *variable == name)
        .map(|(_, value)| value.to_owned())
        .collect()
}

/// `name` in each spelling with one separator in the place of `-`.
fn spellings(name: &str) -> impl Iterator<Item = String> {
    SEPARATORS
        .chars()
        .map(move |c| name.replace('-', &c.to_string()))
}

fn assert_no_spelling_passes(server: &Server, folded: &str) {
    let direct = server.ask(&format!("kubeflow{folded}userid"), EVE);
    assert!(
        direct.contains(&format!("HTTP_KUBEFLOW_USERID={EVE}")),
        "{direct}"
    );

    let s = in_front_of(server);
    let names = [
        ("kubeflow-userid", "HTTP_KUBEFLOW_USERID", vec![USER]),
        ("kubeflow-groups", "HTTP_KUBEFLOW_GROUPS", vec![]),
        ("x-user-name", "HTTP_X_USER_NAME", vec!["ada"]),
        ("x-internal-role", "HTTP_X_INTERNAL_ROLE", vec![]),
        ("x-amzn-oidc-identity", "HTTP_X_AMZN_OIDC_IDENTITY", vec![]),
        (
            "x-amzn-oidc-accesstoken",
            "HTTP_X_AMZN_OIDC_ACCESSTOKEN",
            vec![],
        ),
    ];
    for (name, variable, expected) in names {
        for spelling in spellings(name) {
            let forged = |path: &str| s.get(path).last().header(&spelling, EVE);
            let response = forged("/").token(&s.token()).send();
            assert_eq!(variables(&response, variable), expected, "{spelling}");
            let body = latin1(&response.body);
            assert!(!body.contains(EVE), "{spelling} arrived: {body}");
            let response = forged("/public/").send();
            assert_eq!(
                variables(&response, variable),
                [""; 0],
                "{spelling}, no token"
            );
        }
    }
}

fn assert_no_trailer_passes(server: &Server) {
    let s = in_front_of(server);
    let post = s.request("POST", "/").token(&s.token()).body("a=b");
    let post = spellings("kubeflow-userid").fold(post, |post, name| post.trailer(&name, EVE));
    let response = post.send_http2();
    assert_eq!(variables(&response, "HTTP_KUBEFLOW_USERID"), [USER]);
    let body = latin1(&response.body);
    assert!(!body.contains(EVE), "a trailer arrived: {body}");
}

#[test]
fn lighttpd_hands_no_forged_user_to_a_cgi_program() {
    let server = Server::lighttpd();
    assert_no_spelling_passes(&server, ".");
    assert_no_trailer_passes(&server);
}

#[test]
fn php_takes_no_forged_user() {
    let server = Server::php();
    assert_no_spelling_passes(&server, ".");
    assert_no_trailer_passes(&server);
}
