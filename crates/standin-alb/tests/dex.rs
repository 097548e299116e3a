//! The same against a real OpenID provider, Dex. `make test-login` builds it and runs these.

mod support;

use std::fs;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use alb_fixtures::rsa::rs256_verifies_with_jwk;
use alb_fixtures::signed_token::Token;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use serde_json::Value;
use support::browser::{Answer, Browser};
use support::processes::{PATIENCE, free_port};
use support::{Alb, CLIENT_ID, CLIENT_SECRET, Folder, Setup};

struct Dex(std::process::Child);

impl Drop for Dex {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Path {
    alb: Alb,
    browser: Browser,
    issuer: String,
    _folder: Folder,
    _dex: Dex,
}

impl Path {
    fn start(access_token_lifetime: &str) -> Self {
        let folder = Folder::new();
        let dex_port = free_port();
        let issuer = format!("https://idp.localhost:{dex_port}/dex");
        let alb = Setup::new(&issuer).start(&folder);
        let config = format!(
            "issuer: {issuer}
storage: {{type: memory}}
web:
  https: 127.0.0.1:{dex_port}
  tlsCert: {folder}/idp.localhost.pem
  tlsKey: {folder}/idp.localhost.key
oauth2: {{skipApprovalScreen: true}}
expiry: {{idTokens: {access_token_lifetime}}}
enablePasswordDB: true
staticPasswords:
- email: ada@example.com
  username: ada
  userID: 11111111-1111-4111-8111-111111111111
  hash: {PASSWORD_HASH}
staticClients:
- id: {CLIENT_ID}
  name: test
  secret: '{CLIENT_SECRET}'
  redirectURIs: ['{}/oauth2/idpresponse']
",
            alb.url,
            folder = folder.path().display(),
        );
        let file = folder.file("dex.yaml");
        fs::write(&file, config).expect("a writable folder");
        let program = std::env::var("DEX").expect("DEX names the program");
        let dex = std::process::Command::new(&program)
            .arg("serve")
            .arg(&file)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", dex_port)).is_err() {
            assert!(Instant::now() < deadline, "Dex doesn't listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        let browser = Browser::new(&folder.file("ca.pem"));
        Self {
            alb,
            browser,
            issuer,
            _folder: folder,
            _dex: Dex(dex),
        }
    }

    /// Fills in the provider's form; the answer is where it sends the browser.
    async fn submit_form(&mut self, password: &str) -> Answer {
        let start = self
            .browser
            .get(&format!("{}/page?a=b", self.alb.url))
            .await;
        let form = self.browser.follow(start).await;
        let action = form
            .body
            .split("action=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_else(|| panic!("a form: {}", form.body))
            .replace("&amp;", "&");
        let url = if action.is_empty() {
            form.url.clone()
        } else {
            form.absolute(&action)
        };
        self.browser
            .post_form(
                &url,
                &[("login", "ada@example.com"), ("password", password)],
            )
            .await
    }

    /// Follows redirects up to the one that leads back to the load balancer, and gives its URL.
    async fn callback(&mut self, mut answer: Answer) -> String {
        loop {
            let next = answer
                .location()
                .unwrap_or_else(|| panic!("a redirect: {answer:?}"));
            if next.starts_with(&self.alb.url) {
                return next;
            }
            answer = self.browser.get(&next).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs Dex: make test-login"]
async fn a_user_logs_in_with_a_password_and_the_claims_are_the_provider_s() {
    let mut path = Path::start("1h");
    let answer = path.submit_form("password").await;
    let answer = path.browser.follow(answer).await;

    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json()["target"], "/page?a=b");
    let token = Token::decode(&answer.seen("x-amzn-oidc-data").unwrap());
    assert_eq!(token.header["iss"], path.issuer.as_str());
    assert_eq!(token.payload["iss"], path.issuer.as_str());
    assert_eq!(token.payload["exp"], token.header["exp"]);
    assert_eq!(token.payload["email"], "ada@example.com");
    assert_eq!(token.payload["email_verified"], true);
    assert_eq!(
        answer.seen("x-amzn-oidc-identity").unwrap(),
        token.payload["sub"].as_str().unwrap()
    );
    let pem = path
        .browser
        .get(&format!("{}/{}", path.alb.keys_url, token.kid()))
        .await;
    assert!(token.verifies_with(&pem.body));
}

#[tokio::test]
#[ignore = "needs Dex: make test-login"]
async fn the_provider_s_access_token_is_passed_on_as_it_is_and_belongs_to_the_user_s_token() {
    let mut path = Path::start("1h");
    let answer = path.submit_form("password").await;
    let answer = path.browser.follow(answer).await;
    let users = Token::decode(&answer.seen("x-amzn-oidc-data").unwrap());

    let token = answer.seen("x-amzn-oidc-accesstoken").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    let (header, claims) = (json(header), json(claims));
    assert_eq!(header["alg"], "RS256");
    for name in ["iss", "sub"] {
        assert_eq!(claims[name], users.payload[name], "{name}");
    }
    assert_eq!(
        claims["aud"], CLIENT_ID,
        "Dex names the client nowhere else"
    );

    let keys = path.browser.get(&format!("{}/keys", path.issuer)).await;
    let keys: Value = serde_json::from_str(&keys.body).unwrap();
    let mut keys = keys["keys"].as_array().unwrap().iter();
    let key = keys
        .find(|key| key["kid"] == header["kid"])
        .expect("its key");
    assert!(rs256_verifies_with_jwk(
        key,
        signed.as_bytes(),
        &decode(signature)
    ));
}

#[tokio::test]
#[ignore = "needs Dex: make test-login"]
async fn a_wrong_password_stays_at_the_provider() {
    let mut path = Path::start("1h");
    let answer = path.submit_form("wrong").await;
    assert!(answer.url.starts_with(&path.issuer));
    assert_eq!(answer.location(), None);
    assert_eq!(path.alb.application.requests(), 0);
}

#[tokio::test]
#[ignore = "needs Dex: make test-login"]
async fn a_callback_can_be_used_once() {
    let mut path = Path::start("1h");
    let answer = path.submit_form("password").await;
    let callback = path.callback(answer).await;
    assert_eq!(path.browser.get(&callback).await.status, StatusCode::FOUND);

    let again = path.browser.get(&callback).await;

    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        path.alb.error_reason("/oauth2/idpresponse"),
        "AuthInvalidGrantError"
    );
    assert_eq!(path.alb.application.requests(), 0);
}

#[tokio::test]
#[ignore = "needs Dex: make test-login"]
async fn an_expired_access_token_is_renewed_without_the_user() {
    // Of less than two seconds Dex says nothing in `expires_in`.
    let mut path = Path::start("3s");
    let answer = path.submit_form("password").await;
    let answer = path.browser.follow(answer).await;
    let first = answer.seen("x-amzn-oidc-accesstoken").unwrap();

    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = path.browser.get(&format!("{}/", path.alb.url)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        if answer.seen("x-amzn-oidc-accesstoken").unwrap() != first {
            break;
        }
        assert!(Instant::now() < deadline, "the access token stays the same");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// bcrypt of `password`, from Dex's own examples.
const PASSWORD_HASH: &str = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W";
