//! Header names that servers fold together: whatever byte stands in the place of `-`, no such header or trailer
//! arrives. `tests/cgi` shows what real servers make of them.

use serde_json::json;
use wasm_tests::{Echo, Request, Running, Scenario, USER, Upstream, assert_refused};

const EVE: &str = "eve@example.com";
/// Every byte but letters and digits that a header's name may hold (RFC 9110 section 5.6.2).
const SEPARATORS: &str = "!#$%&'*+-.^_`|~";
/// What must not survive, mapped, stripped by request, stripped always.
const NAMES: [&str; 6] = [
    "kubeflow-userid",
    "kubeflow-groups",
    "x-user-name",
    "x-internal-role",
    "x-amzn-oidc-identity",
    "x-amzn-oidc-accesstoken",
];

fn scenario(members: serde_json::Value) -> Running {
    let config = json!({
        "outputClaimToHeaders": [
            {"header": "kubeflow-userid", "claim": "email"},
            {"header": "x-user-name", "claim": "username", "required": false},
        ],
        "stripHeaders": ["x-internal-role"],
        "allowMissingToken": [
            {"pathPrefix": "/public/"},
            {"pathPrefix": "/hook/", "withHeader": "x-hook"},
        ],
    });
    Scenario::new()
        .config(config)
        .config(members)
        .upstream(Upstream::Http2)
        .start()
}

/// `name` in each spelling: one separator throughout, and two of them mixed.
fn spellings(name: &str) -> Vec<String> {
    let throughout = SEPARATORS
        .chars()
        .map(|separator| name.replace('-', &separator.to_string()));
    let mixed = [
        name.replacen('-', ".", 1),
        name.to_uppercase().replacen('-', "+", 1),
    ];
    throughout.chain(mixed).collect()
}

fn all_spellings() -> impl Iterator<Item = String> {
    NAMES.into_iter().flat_map(spellings)
}

#[track_caller]
fn assert_no_forgery(echo: &Echo, case: &str) {
    let lines = echo.headers.iter().chain(&echo.trailers);
    let forged: Vec<_> = lines.filter(|(_, value)| value.contains(EVE)).collect();
    assert!(forged.is_empty(), "{case}: {forged:?}");
}

#[test]
fn no_spelling_of_an_identity_header_arrives() {
    let s = scenario(json!({}));
    for name in all_spellings() {
        let echo = s
            .get("/")
            .token(&s.token())
            .header(&name, EVE)
            .send()
            .echo();
        assert_no_forgery(&echo, &name);
        assert_eq!(echo.values("kubeflow-userid"), [USER], "{name}");
        let echo = s.get("/public/").header(&name, EVE).send().echo();
        assert_no_forgery(&echo, &name);
    }
    s.assert_alive();
}

#[test]
fn no_spelling_of_an_identity_header_arrives_in_observe_mode() {
    let s = scenario(json!({"mode": "observe"}));
    let spellings = spellings("kubeflow-userid");
    let request = spellings
        .iter()
        .fold(s.get("/"), |r, name| r.header(name, EVE));
    assert_no_forgery(&request.send().echo(), "observe");
}

/// With `forwardToken` only the load balancer's own spelling stays.
#[test]
fn forwarding_keeps_one_spelling_alone() {
    let s = scenario(json!({"forwardToken": true}));
    for name in ["x-amzn-oidc-data", "x-amzn-oidc-accesstoken"] {
        let own = name.to_owned();
        let others = spellings(name)
            .into_iter()
            .filter(|spelling| !spelling.eq_ignore_ascii_case(&own));
        for spelling in others {
            let request = s.get("/").token(&s.token()).header(&spelling, EVE);
            assert_no_forgery(&request.send().echo(), &spelling);
        }
    }
}

#[test]
fn no_spelling_of_an_identity_header_arrives_as_a_trailer() {
    let s = scenario(json!({}));
    let post = |path: &str| s.request("POST", path).body("x");
    let with_trailers = |request: Request| {
        // No more than 100 fit.
        let names = ["kubeflow-userid", "x-user-name", "x-amzn-oidc-identity"];
        let names = names.into_iter().flat_map(spellings);
        names.fold(request, |r, name| r.trailer(&name.to_lowercase(), EVE))
    };
    for request in [post("/").token(&s.token()), post("/public/")] {
        let echo = with_trailers(request).trailer("x-other", "stays");
        let echo = echo.send_http2().echo();
        assert_no_forgery(&echo, "a trailer");
        let names: Vec<_> = echo
            .trailers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["x-other"]);
    }
    s.assert_alive();
}

/// A server that folds names would find two values, and which of them counts is anybody's guess.
#[test]
fn a_second_spelling_of_a_required_header_lets_nobody_pass() {
    let s = scenario(json!({}));
    s.get("/hook/a").header("x-hook", "secret").send().echo();
    for spelling in spellings("x-hook") {
        let request = s.get("/hook/a").header("x-hook", "secret");
        let response = request.header(&spelling, "other").send();
        assert_refused(&response, "missing_token", &spelling);
    }
}

/// What merely resembles an identity header is the application's own.
#[test]
fn headers_that_do_not_fold_to_an_identity_header_arrive() {
    let s = scenario(json!({}));
    for name in [
        "kubeflowuserid",
        "kubeflow--userid",
        "kubeflow-userid-x",
        "x-kubeflow.userid",
    ] {
        let echo = s
            .get("/")
            .token(&s.token())
            .header(name, "own")
            .send()
            .echo();
        assert_eq!(echo.values(name), ["own"]);
    }
}
