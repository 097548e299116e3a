//! `forwardToken`: what an upstream that reads the ALB's headers itself may get.

use serde_json::json;
use wasm_tests::{Running, Scenario};

const DATA: &str = "x-amzn-oidc-data";
const ACCESS: &str = "x-amzn-oidc-accesstoken";
const IDENTITY: &str = "x-amzn-oidc-identity";
/// The `sub` of the harness's claims.
const SUB: &str = "23d498b2-3031-70d2-8a15-49dd886a087b";

fn scenario(mode: &str) -> Running {
    let config = json!({
        "forwardToken": true,
        "mode": mode,
        "allowMissingToken": [{"path": "/public"}],
    });
    Scenario::new().config(config).start()
}

#[test]
fn the_three_headers_stay_on_a_request_that_is_ok() {
    let s = scenario("enforce");
    let token = s.token();
    let request = s
        .get("/")
        .token(&token)
        .header(ACCESS, "opaque")
        .header(IDENTITY, SUB);
    // A second, equal request is judged from memory.
    for _ in 0..2 {
        let echo = request.send().echo();
        assert_eq!(echo.values(DATA), [token.as_str()]);
        assert_eq!(echo.values(ACCESS), ["opaque"]);
        assert_eq!(echo.values(IDENTITY), [SUB]);
    }
    let upper = s
        .get("/")
        .header("X-Amzn-Oidc-Data", &token)
        .header("X-Amzn-Oidc-Accesstoken", "a");
    let echo = upper.send().echo();
    assert_eq!(
        (echo.values(DATA), echo.values(ACCESS)),
        (vec![token.as_str()], vec!["a"])
    );
}

#[test]
fn the_identity_stays_only_where_it_is_the_tokens_subject() {
    let s = scenario("enforce");
    for value in ["root", "", &SUB.to_uppercase(), &SUB[1..]] {
        let request = s.get("/").token(&s.token()).header(IDENTITY, value);
        assert!(!request.send().echo().has(IDENTITY), "{value}");
    }
    let without_sub = s.token_builder().without_claim("sub").sign();
    let request = s.get("/").token(&without_sub).header(IDENTITY, SUB);
    assert!(!request.send().echo().has(IDENTITY), "no sub");
    let number = s
        .get("/")
        .token(&s.token_with("sub", 5))
        .header(IDENTITY, "5");
    let _ = number.send().echo();
    // From memory, too.
    let token = s.token();
    s.get("/").token(&token).header(IDENTITY, SUB).send().echo();
    let other = s.get("/").token(&token).header(IDENTITY, "root");
    assert!(!other.send().echo().has(IDENTITY), "a cache hit");
}

#[test]
fn where_two_of_one_name_came_none_stays() {
    let s = scenario("enforce");
    let base = || s.get("/").token(&s.token());
    let echo = base().header(ACCESS, "a").header(ACCESS, "a").send().echo();
    assert!(!echo.has(ACCESS) && echo.has(DATA));
    let echo = base()
        .header(IDENTITY, SUB)
        .header(IDENTITY, SUB)
        .send()
        .echo();
    assert!(!echo.has(IDENTITY) && echo.has(DATA));
}

#[test]
fn only_the_spelling_with_hyphens_stays() {
    let s = scenario("enforce");
    let request = s
        .get("/")
        .token(&s.token())
        .header("x_amzn_oidc_data", "forged")
        .header("x-amzn_oidc-accesstoken", "forged")
        .header("x_amzn-oidc-identity", SUB);
    let echo = request.send().echo();
    let arrived = echo.headers.iter().map(|(name, _)| name.as_str());
    let oidc: Vec<_> = arrived.filter(|name| name.contains("oidc")).collect();
    assert_eq!(oidc, [DATA]);
}

#[test]
fn nothing_stays_on_any_other_path() {
    let s = scenario("observe");
    let dressed = |path: &str| s.get(path).header(ACCESS, "a").header(IDENTITY, SUB);
    let echo = dressed("/public").send().echo();
    assert!(!echo.has(ACCESS) && !echo.has(IDENTITY), "no_token");
    let expired = s.token_builder().expiring_at(0).sign();
    let unverified = s.token_with("email_verified", "false");
    for token in ["x", &expired, &unverified] {
        let echo = dressed("/").token(token).send().echo();
        let kept = [DATA, ACCESS, IDENTITY].map(|name| echo.has(name));
        assert_eq!(kept, [false; 3], "{token}");
    }
}

#[test]
fn by_default_none_stays() {
    let s = Scenario::new().start();
    let request = s
        .get("/")
        .token(&s.token())
        .header(ACCESS, "a")
        .header(IDENTITY, SUB);
    let echo = request.send().echo();
    assert_eq!(
        [DATA, ACCESS, IDENTITY].map(|name| echo.has(name)),
        [false; 3]
    );
}
