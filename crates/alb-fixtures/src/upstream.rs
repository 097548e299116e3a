//! The application behind the gateway: it answers every request with what reached it, as a page in a
//! browser (`accept: text/html`), else as JSON.

mod page;

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::server::{self, Body};

/// What the page shows beside the request.
pub enum Page {
    /// What can be tried where `alb-token standin` is the load balancer.
    Demo,
    /// An application with a title and links, for where users log in.
    Application {
        /// Its name.
        title: String,
        /// Paths.
        links: Vec<String>,
    },
}

/// Answers requests until the program ends.
pub async fn serve(listener: TcpListener, page: Page) {
    let page = Arc::new(page);
    server::serve(listener, move |request, _peer| {
        answer(request, Arc::clone(&page))
    })
    .await;
}

/// A request as it arrived.
#[derive(Debug, PartialEq, Eq)]
struct Arrival {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body_bytes: usize,
}

async fn answer(request: Request<Incoming>, page: Arc<Page>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let wants_page = wants_page(&parts.headers);
    let arrival = Arrival {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: readable(&parts.headers),
        body_bytes: count_bytes(body).await,
    };
    let mut response = if wants_page {
        server::text(
            StatusCode::OK,
            "text/html; charset=utf-8",
            page::render(&arrival, &page),
        )
    } else {
        let json = format!("{:#}\n", arrival.to_json());
        server::text(StatusCode::OK, "application/json", json)
    };
    add_safety_headers(response.headers_mut());
    response
}

impl Arrival {
    /// Who the gateway says this is; nobody where it says so twice.
    fn user(&self) -> Option<&str> {
        match self.values("kubeflow-userid").as_slice() {
            [user] => Some(user),
            _ => None,
        }
    }

    fn groups(&self) -> Vec<&str> {
        self.values("kubeflow-groups")
            .iter()
            .flat_map(|groups| groups.split(','))
            .collect()
    }

    /// The role, if the gateway maps one.
    fn role(&self) -> Option<&str> {
        self.values("x-webauth-role").first().copied()
    }

    fn values(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    fn to_json(&self) -> Value {
        json!({
            "user": self.user(),
            "groups": self.groups(),
            "method": self.method,
            "target": self.target,
            "bodyBytes": self.body_bytes,
            "headers": self.headers_by_name(),
        })
    }

    /// A header that came several times has an array of its values.
    fn headers_by_name(&self) -> Map<String, Value> {
        self.headers
            .iter()
            .map(|(name, _)| match self.values(name).as_slice() {
                [value] => (name.clone(), json!(value)),
                values => (name.clone(), json!(values)),
            })
            .collect()
    }
}

fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect()
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).is_some_and(|accept| {
        accept
            .as_bytes()
            .windows(9)
            .any(|part| part == b"text/html")
    })
}

/// Reads the body to its end, or as far as it came.
async fn count_bytes(mut body: Incoming) -> usize {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, |data| data.len());
    }
    bytes
}

/// The values shown are the sender's: nothing of them may run, and no cache may keep one user's page.
fn add_safety_headers(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::from_str(&page::content_security_policy()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
}
