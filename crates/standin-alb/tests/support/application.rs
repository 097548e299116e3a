//! The application behind the load balancer: it answers with what reached it as JSON, and sends back
//! whatever comes through an upgraded connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alb_fixtures::server::{self, Body};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncWriteExt as _, copy, split};

use super::processes::serve;

pub(crate) struct Application {
    pub(crate) address: String,
    requests: Arc<AtomicUsize>,
}

impl Application {
    pub(crate) fn start() -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let address = serve(async move |listener| {
            let answer = move |request, _| {
                counter.fetch_add(1, Ordering::SeqCst);
                answer(request)
            };
            server::serve(listener, answer).await;
        });
        let address = address.to_string();
        Self { address, requests }
    }

    /// How many requests have reached it.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn answer(mut request: Request<Incoming>) -> Response<Body> {
    if request.headers().contains_key(UPGRADE) {
        return echo(&mut request);
    }
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.map_or(0, |body| body.to_bytes().len());
    let headers: Map<String, Value> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into(),
            )
        })
        .collect();
    let seen = json!({"target": parts.uri.to_string(), "bodyBytes": bytes, "headers": headers});
    server::text(StatusCode::OK, "application/json", seen.to_string())
}

fn echo(request: &mut Request<Incoming>) -> Response<Body> {
    let upgraded = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let (mut reader, mut writer) = split(TokioIo::new(upgraded.await.unwrap()));
        let _ = copy(&mut reader, &mut writer).await;
        let _ = writer.shutdown().await;
    });
    let mut response = server::text(StatusCode::SWITCHING_PROTOCOLS, "text/plain", "");
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    response
}
