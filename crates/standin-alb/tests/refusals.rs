//! What goes wrong with a login: the load balancer's answer, its reason, and that the application sees nothing.

mod support;

use hyper::StatusCode;
use serde_json::json;
use support::browser::{Answer, Browser};
use support::provider::{self, Provider, Script};
use support::{Folder, Setup, Started};

const HOST: &str = "kubeflow.localhost";
const CALLBACK: &str = "/oauth2/idpresponse";

/// A login as far as the provider's redirect back, which the test may change before it is followed.
struct Login {
    it: Started,
    /// Where the provider sends the browser.
    callback: String,
}

impl Login {
    async fn begin() -> Self {
        let mut it = support::start(|_| {});
        let start = it.browser.get(&it.url("/")).await;
        let answer = it.browser.get(&start.location().expect("a redirect")).await;
        let callback = answer.location().expect("a redirect");
        Self { it, callback }
    }

    async fn return_from_provider(&mut self) -> Answer {
        self.it.browser.get(&self.callback).await
    }

    fn assert_refused(&self, answer: &Answer, status: u16, reason: &str) {
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        assert_eq!(self.it.alb.error_reason(CALLBACK), reason);
        assert_eq!(self.it.alb.application.requests(), 0);
        assert_eq!(
            self.it.browser.cookie(HOST, "AWSELBAuthSessionCookie-0"),
            None
        );
    }
}

#[tokio::test]
async fn a_state_that_is_missing_or_not_the_load_balancer_s() {
    let mut login = Login::begin().await;
    let good = login.callback.clone();
    let (before, state) = good.split_once("&state=").unwrap();

    login.callback = before.to_owned();
    let answer = login.return_from_provider().await;
    login.assert_refused(&answer, 401, "AuthMissingStateParam");

    let changed = format!("{}A{}", &state[..20], &state[21..]);
    let foreign = Login::begin().await.callback;
    let foreign = foreign.split_once("&state=").unwrap().1.to_owned();
    for other in [changed, foreign, String::new(), "e30%3D".into()] {
        login.callback = format!("{before}&state={other}");
        let answer = login.return_from_provider().await;
        login.assert_refused(&answer, 401, "AuthInvalidStateParam");
    }
}

#[tokio::test]
async fn a_login_that_another_browser_began() {
    let mut login = Login::begin().await;
    let mut victim = Browser::new(&login.it.folder.file("ca.pem"));
    let answer = victim.get(&login.callback).await;
    login.assert_refused(&answer, 401, "AuthMissingAWSALBAuthNonce");

    victim.set_cookie(HOST, "AWSALBAuthNonce", "AAAAAAAAAAAAAAAA");
    let answer = victim.get(&login.callback).await;
    login.assert_refused(&answer, 401, "AuthInvalidAWSALBAuthNonce");

    // The browser that began it may still end it.
    assert_eq!(login.return_from_provider().await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_callback_without_a_code() {
    let mut login = Login::begin().await;
    login.callback = login.callback.replace("code=the-code&", "");
    let answer = login.return_from_provider().await;
    login.assert_refused(&answer, 401, "AuthMissingCodeParam");
}

#[tokio::test]
async fn a_replayed_callback_whose_code_the_provider_knows_no_longer() {
    let mut login = Login::begin().await;
    login
        .it
        .provider
        .set(|script| script.token = (400, r#"{"error":"invalid_grant"}"#.into()));
    let answer = login.return_from_provider().await;
    login.assert_refused(&answer, 401, "AuthInvalidGrantError");
}

#[tokio::test]
async fn an_error_that_the_provider_sends_with_the_browser() {
    for (back, status) in [("error=access_denied", 401), ("error=server_error", 561)] {
        let folder = Folder::new();
        let provider = Provider::start(&folder);
        provider.set(|script| script.back = back.into());
        let alb = Setup::new(&provider.issuer).start(&folder);
        let mut browser = Browser::new(&folder.file("ca.pem"));
        let answer = browser.get_following(&format!("{}/", alb.url)).await;
        assert_eq!(answer.status.as_u16(), status, "{back}");
        assert_eq!(alb.application.requests(), 0);
    }
}

#[tokio::test]
async fn a_provider_that_answers_nonsense() {
    type Change = fn(&mut Script);
    let cases: [(&str, Change, u16, &str); 9] = [
        (
            "a 500 of the token endpoint",
            |s| s.token = (500, "{}".into()),
            561,
            "AuthTokenEpRequestFailed",
        ),
        (
            "no JSON",
            |s| s.token.1 = "<html>".into(),
            401,
            "AuthInvalidTokenResponse",
        ),
        (
            "no access token",
            |s| s.token.1 = "{}".into(),
            401,
            "AuthInvalidTokenResponse",
        ),
        (
            "no ID token",
            |s| s.token.1 = json!({"access_token": "a"}).to_string(),
            401,
            "AuthInvalidTokenResponse",
        ),
        (
            "an ID token of another issuer",
            |s| s.token.1 = provider::grant("https://other.example.com", 3600).to_string(),
            401,
            "AuthInvalidIdToken",
        ),
        (
            "a 403 of the userinfo endpoint",
            |s| s.userinfo = (403, "{}".into()),
            561,
            "AuthUserinfoEpRequestFailed",
        ),
        (
            "userinfo that is no object",
            |s| s.userinfo.1 = "[]".into(),
            401,
            "AuthInvalidUserinfoResponse",
        ),
        (
            "userinfo without sub",
            |s| s.userinfo.1 = "{}".into(),
            401,
            "AuthInvalidUserinfoResponse",
        ),
        (
            "claims over 11 KB",
            |s| s.userinfo.1 = json!({"sub": "ada", "pad": "p".repeat(11 * 1024)}).to_string(),
            500,
            "AuthUserinfoResponseSizeExceeded",
        ),
    ];
    for (what, change, status, reason) in cases {
        let mut login = Login::begin().await;
        login.it.provider.set(change);
        let answer = login.return_from_provider().await;
        eprintln!("{what}");
        login.assert_refused(&answer, status, reason);
    }
}

#[tokio::test]
async fn a_provider_that_is_down() {
    let folder = Folder::new();
    let provider = Provider::start(&folder);
    let nobody = format!("https://idp.localhost:{}", support::processes::free_port());
    for (member, path, reason) in [
        ("TokenEndpoint", "/token", "AuthTokenEpRequestTimeout"),
        (
            "UserInfoEndpoint",
            "/userinfo",
            "AuthUserinfoEpRequestTimeout",
        ),
    ] {
        let mut setup = Setup::new(&provider.issuer);
        setup.login[member] = format!("{nobody}{path}").into();
        let alb = setup.start(&folder);
        let mut browser = Browser::new(&folder.file("ca.pem"));
        let answer = browser.get_following(&format!("{}/", alb.url)).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(alb.error_reason(CALLBACK), reason);
        assert_eq!(alb.application.requests(), 0);
    }
}

#[tokio::test]
async fn a_provider_whose_certificate_is_not_trusted() {
    let (folder, impostor) = (Folder::new(), Folder::new());
    let provider = Provider::start(&impostor);
    let alb = Setup::new(&provider.issuer).start(&folder);
    let mut browser = Browser::new(&folder.file("ca.pem"));
    let mut careless = Browser::new(&impostor.file("ca.pem"));
    let start = browser.get(&format!("{}/", alb.url)).await;
    let callback = careless.get(&start.location().unwrap()).await;

    let answer = browser.get(&callback.location().unwrap()).await;

    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(alb.error_reason(CALLBACK), "AuthTokenEpRequestTimeout");
}

#[tokio::test]
async fn a_session_cookie_that_was_changed_or_is_another_load_balancer_s() {
    let mut it = support::start(|_| {});
    let cookie = "AWSELBAuthSessionCookie-0";
    it.browser.get_following(&it.url("/")).await;
    let good = it.browser.cookie(HOST, cookie).unwrap().to_owned();
    let seen = it.alb.application.requests();

    let other_alb = Setup::new(&it.provider.issuer).start(&it.folder);
    let mut other_browser = Browser::new(&it.folder.file("ca.pem"));
    other_browser
        .get_following(&format!("{}/", other_alb.url))
        .await;
    let foreign = other_browser.cookie(HOST, cookie).unwrap().to_owned();

    let changed = format!("{}{}", &good[..good.len() - 8], "AAAAAAAA");
    for bad in [
        changed,
        foreign,
        good[..100].to_owned(),
        "x".into(),
        good.replace('=', "%3D") + "%3D",
    ] {
        it.browser.set_cookie(HOST, cookie, &bad);
        let answer = it.browser.get(&it.url("/page")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bad}");
        assert_eq!(it.alb.error_reason("/page"), "AuthInvalidCookie");
        assert_eq!(it.alb.application.requests(), seen);
    }
    it.browser.set_cookie(HOST, cookie, &good);
    assert_eq!(
        it.browser.get(&it.url("/page")).await.status,
        StatusCode::OK
    );
}
