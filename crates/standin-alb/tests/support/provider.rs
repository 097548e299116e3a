//! A provider that does what a test says, for what a real one never does. Everyone is logged in as
//! `ada@example.com` at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alb_fixtures::server::{self, Body};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, LOCATION};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use standin_alb::config::Certificate;
use standin_alb::listener;

use super::browser::parameter;
use super::processes::serve;
use super::{CLIENT_ID, Folder};

/// What the endpoints answer.
#[derive(Clone)]
pub(crate) struct Script {
    /// Added to the redirect back, in place of `code=…` where it begins with `error=`.
    pub(crate) back: String,
    pub(crate) token: (u16, String),
    pub(crate) userinfo: (u16, String),
}

pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) script: Arc<Mutex<Script>>,
    /// The forms that the token endpoint got.
    pub(crate) forms: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Provider {
    pub(crate) fn start(folder: &Folder) -> Self {
        let script = Arc::new(Mutex::new(Script {
            back: "code=the-code".into(),
            token: (200, String::new()),
            userinfo: (200, claims().to_string()),
        }));
        let forms = Arc::new(Mutex::new(Vec::new()));
        let certificate = Certificate {
            certificate_file: folder.file("idp.localhost.pem"),
            private_key_file: folder.file("idp.localhost.key"),
        };
        let tls = listener::acceptor(&certificate).unwrap();
        let (current, received) = (Arc::clone(&script), Arc::clone(&forms));
        let address = serve(async move |socket| {
            let answer = move |request, _| {
                let script = current.lock().unwrap().clone();
                answer(request, script, Arc::clone(&received))
            };
            listener::serve(socket, Some(tls), answer).await;
        });
        let issuer = format!("https://idp.localhost:{}", address.port());
        script.lock().unwrap().token.1 = grant(&issuer, 3600).to_string();
        Self {
            issuer,
            script,
            forms,
        }
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    pub(crate) fn last_form(&self) -> BTreeMap<String, String> {
        self.forms
            .lock()
            .unwrap()
            .last()
            .cloned()
            .expect("a token request")
    }
}

async fn answer(
    request: Request<Incoming>,
    script: Script,
    forms: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
) -> Response<Body> {
    let uri = request.uri().to_string();
    match request.uri().path() {
        "/auth" => {
            let back = parameter(&uri, "redirect_uri").unwrap();
            let state = parameter(&uri, "state").unwrap();
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("state", &state)
                .finish();
            let mut response = server::text(StatusCode::FOUND, "text/plain", "");
            let location = format!("{back}?{}&{query}", script.back);
            response
                .headers_mut()
                .insert(LOCATION, HeaderValue::from_str(&location).unwrap());
            response
        }
        "/token" => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            forms
                .lock()
                .unwrap()
                .push(form_urlencoded::parse(&body).into_owned().collect());
            reply(script.token)
        }
        _ => reply(script.userinfo),
    }
}

fn reply((status, body): (u16, String)) -> Response<Body> {
    server::text(
        StatusCode::from_u16(status).unwrap(),
        "application/json",
        body,
    )
}

/// What a token endpoint gives.
pub(crate) fn grant(issuer: &str, expires_in: i64) -> Value {
    let id_token = json!({
        "iss": issuer, "aud": CLIENT_ID, "sub": "ada", "exp": alb_fixtures::mint::unix_now() + 600,
    });
    json!({
        "access_token": "access-1",
        "token_type": "bearer",
        "expires_in": expires_in,
        "refresh_token": "refresh-1",
        "id_token": id_token_of(&id_token),
    })
}

pub(crate) fn id_token_of(claims: &Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

pub(crate) fn claims() -> Value {
    json!({"sub": "ada", "name": "Ada", "email": "ada@example.com", "email_verified": true})
}
