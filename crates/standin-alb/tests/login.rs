//! A login from the first request to the application's answer, and the session after it.

mod support;

use alb_fixtures::signed_token::Token;
use hyper::header::SET_COOKIE;
use hyper::{Method, StatusCode};
use serde_json::json;
use support::browser::parameter;
use support::provider;
use support::{ARN, CLIENT_ID};

const HOST: &str = "kubeflow.localhost";

#[tokio::test]
async fn the_first_request_is_sent_to_the_provider_with_a_sealed_state_and_a_nonce_cookie() {
    let mut it = support::start(|setup| {
        setup.login["AuthenticationRequestExtraParams"] = json!({"prompt": "login"});
    });

    let answer = it.browser.get(&it.url("/notebook/?token=x")).await;

    assert_eq!(answer.status, StatusCode::FOUND);
    let location = answer.location().unwrap();
    assert!(
        location.starts_with(&format!("{}/auth?", it.provider.issuer)),
        "{location}"
    );
    let sent = |name: &str| parameter(&location, name);
    assert_eq!(sent("client_id").as_deref(), Some(CLIENT_ID));
    assert_eq!(sent("response_type").as_deref(), Some("code"));
    assert_eq!(
        sent("scope").as_deref(),
        Some("openid email profile offline_access")
    );
    assert_eq!(sent("redirect_uri"), Some(it.url("/oauth2/idpresponse")));
    assert_eq!(sent("prompt").as_deref(), Some("login"));
    assert!(!sent("state").unwrap().contains("notebook"));
    let cookie = answer.headers.get(SET_COOKIE).unwrap().to_str().unwrap();
    assert!(cookie.starts_with("AWSALBAuthNonce="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly"), "{cookie}");
    assert_eq!(
        it.browser.cookie(HOST, "AWSALBAuthNonce").unwrap().len(),
        16
    );
    assert_eq!(it.alb.application.requests(), 0);
}

#[tokio::test]
async fn a_login_leads_to_the_page_that_the_user_came_for() {
    let mut it = support::start(|_| {});

    let answer = it
        .browser
        .get_following(&it.url("/notebook/?a=b%2Fc&d"))
        .await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["target"], "/notebook/?a=b%2Fc&d");
    let form = it.provider.last_form();
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "the-code");
    assert_eq!(form["redirect_uri"], it.url("/oauth2/idpresponse"));
    assert_eq!(
        it.browser.cookie_names(HOST),
        ["AWSALBAuthNonce", "AWSELBAuthSessionCookie-0"]
    );
}

#[tokio::test]
async fn the_application_gets_the_claims_signed_as_an_alb_signs_them() {
    let mut it = support::start(|_| {});

    let answer = it.browser.get_following(&it.url("/")).await;

    assert_eq!(answer.seen("x-amzn-oidc-identity").as_deref(), Some("ada"));
    assert_eq!(
        answer.seen("x-amzn-oidc-accesstoken").as_deref(),
        Some("access-1")
    );
    let token = Token::decode(&answer.seen("x-amzn-oidc-data").unwrap());
    let exp = token.header["exp"].as_i64().unwrap();
    assert!((1..=120).contains(&(exp - alb_fixtures::mint::unix_now())));
    assert_eq!(
        token.header_text,
        format!(
            r#"{{"typ":"JWT","kid":"{}","alg":"ES256","iss":"{}","client":"{CLIENT_ID}","signer":"{ARN}","exp":{exp}}}"#,
            token.kid(),
            it.provider.issuer,
        )
    );
    let mut expected = provider::claims();
    expected["exp"] = exp.into();
    expected["iss"] = it.provider.issuer.clone().into();
    assert_eq!(token.payload, expected);

    let pem = it
        .browser
        .get(&format!("{}/{}", it.alb.keys_url, token.kid()))
        .await;
    assert_eq!(pem.status, StatusCode::OK);
    assert!(token.verifies_with(&pem.body));
}

#[tokio::test]
async fn each_request_carries_a_token_of_its_own() {
    let mut it = support::start(|_| {});

    let first = it.browser.get_following(&it.url("/")).await;
    let second = it.browser.get(&it.url("/")).await;

    assert_eq!(second.status, StatusCode::OK);
    assert_ne!(
        first.seen("x-amzn-oidc-data"),
        second.seen("x-amzn-oidc-data")
    );
    assert_eq!(it.provider.forms.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_rotated_key_signs_at_once_and_the_old_one_stays_readable() {
    let mut it = support::start(|_| {});
    let old = it.browser.get_following(&it.url("/")).await;
    let old = Token::decode(&old.seen("x-amzn-oidc-data").unwrap());

    let new_kid = it.alb.rotate_key();

    let new = it.browser.get(&it.url("/")).await;
    let new = Token::decode(&new.seen("x-amzn-oidc-data").unwrap());
    assert_eq!(new.kid(), new_kid);
    assert_ne!(old.kid(), new_kid);
    for token in [old, new] {
        let pem = it
            .browser
            .get(&format!("{}/{}", it.alb.keys_url, token.kid()))
            .await;
        assert!(token.verifies_with(&pem.body));
    }
    for unknown in ["", "00000000-0000-4000-8000-000000000000", "robots.txt"] {
        let answer = it
            .browser
            .get(&format!("{}/{unknown}", it.alb.keys_url))
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{unknown}");
    }
}

#[tokio::test]
async fn claims_of_nearly_eleven_kilobytes_take_several_cookies_and_arrive_whole() {
    let mut it = support::start(|_| {});
    let mut claims = provider::claims();
    claims["groups"] = "g".repeat(10_000).into();
    it.provider
        .set(|script| script.userinfo.1 = claims.to_string());

    let answer = it.browser.get_following(&it.url("/")).await;

    assert_eq!(answer.status, StatusCode::OK);
    let token = Token::decode(&answer.seen("x-amzn-oidc-data").unwrap());
    assert_eq!(token.payload["groups"], claims["groups"]);
    let shards = it.browser.cookie_names(HOST);
    assert!(shards.len() > 3, "{shards:?}");

    // The next session is smaller: what it doesn't need is ended.
    it.browser.forget_cookie(HOST, "AWSELBAuthSessionCookie-0");
    it.provider
        .set(|script| script.userinfo.1 = provider::claims().to_string());
    let answer = it.browser.get_following(&it.url("/")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        it.browser.cookie_names(HOST),
        ["AWSALBAuthNonce", "AWSELBAuthSessionCookie-0"]
    );
}

#[tokio::test]
async fn an_expired_access_token_is_renewed_within_the_session() {
    let mut it = support::start(|_| {});
    it.provider
        .set(|script| script.token.1 = provider::grant(&it.provider.issuer, 0).to_string());
    let target = it.browser.log_in(&it.url("/")).await.location().unwrap();

    let mut renewed = provider::grant(&it.provider.issuer, 3600);
    renewed["access_token"] = "access-2".into();
    it.provider
        .set(|script| script.token.1 = renewed.to_string());
    let answer = it.browser.get(&target).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.seen("x-amzn-oidc-accesstoken").as_deref(),
        Some("access-2")
    );
    let form = it.provider.last_form();
    assert_eq!(form["grant_type"], "refresh_token");
    assert_eq!(form["refresh_token"], "refresh-1");
    // The renewed session is in the browser: the provider isn't asked again.
    let requests = it.provider.forms.lock().unwrap().len();
    let answer = it.browser.get(&target).await;
    assert_eq!(
        answer.seen("x-amzn-oidc-accesstoken").as_deref(),
        Some("access-2")
    );
    assert_eq!(it.provider.forms.lock().unwrap().len(), requests);
}

#[tokio::test]
async fn a_refused_refresh_sends_the_user_to_log_in() {
    let mut it = support::start(|_| {});
    it.provider
        .set(|script| script.token.1 = provider::grant(&it.provider.issuer, 0).to_string());
    it.browser.log_in(&it.url("/")).await;

    it.provider
        .set(|script| script.token = (400, r#"{"error":"invalid_grant"}"#.into()));
    let answer = it.browser.get(&it.url("/")).await;

    assert!(answer.location().unwrap().starts_with(&it.provider.issuer));
    assert_eq!(it.alb.application.requests(), 0);
}

#[tokio::test]
async fn a_session_ends_with_its_timeout_and_the_next_login_brings_a_new_one() {
    let mut it = support::start(|setup| setup.login["SessionTimeout"] = 1.into());
    it.browser.log_in(&it.url("/")).await;

    // One second passes, however long that takes here.
    let sent_to_log_in = loop {
        let answer = it.browser.get(&it.url("/")).await;
        if let Some(location) = answer.location() {
            break location;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(sent_to_log_in.starts_with(&it.provider.issuer));
}

#[tokio::test]
async fn posts_with_large_bodies_pass_to_a_logged_in_user_s_application() {
    let mut it = support::start(|_| {});
    it.browser.get_following(&it.url("/")).await;

    let body = vec![b'x'; 8 * 1024 * 1024];
    let answer = it
        .browser
        .send(Method::POST, &it.url("/upload"), body.into())
        .await;

    assert_eq!(answer.json()["bodyBytes"], 8 * 1024 * 1024);
}
