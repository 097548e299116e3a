//! A browser's part of HTTP: cookies by host, redirects followed on demand.

use std::collections::BTreeMap;
use std::path::Path;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use serde_json::Value;
use standin_alb::identity_provider::{HttpsClient, https_client};

pub(crate) struct Browser {
    client: HttpsClient,
    /// By host and name.
    cookies: BTreeMap<(String, String), String>,
    /// Sent with each request to the load balancer.
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    /// A browser that trusts a CA, with no cookies.
    pub(crate) fn new(ca_file: &Path) -> Self {
        Self {
            client: https_client(ca_file).unwrap(),
            cookies: BTreeMap::new(),
            headers: Vec::new(),
        }
    }

    pub(crate) async fn get(&mut self, url: &str) -> Answer {
        self.send(Method::GET, url, Bytes::new()).await
    }

    pub(crate) async fn post_form(&mut self, url: &str, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        self.send(Method::POST, url, body.into()).await
    }

    pub(crate) async fn send(&mut self, method: Method, url: &str, body: Bytes) -> Answer {
        let uri: Uri = url.parse().unwrap();
        let host = uri.host().unwrap().to_owned();
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(body))
            .unwrap();
        let cookies = self.cookie_header(&host);
        if !cookies.is_empty() {
            request
                .headers_mut()
                .insert(COOKIE, cookies.parse().unwrap());
        }
        for (name, value) in &self.headers {
            let name: hyper::header::HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let response = self.client.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(SET_COOKIE) {
            self.store(&host, cookie.to_str().unwrap());
        }
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            url: url.to_owned(),
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Logs in at a provider that asks nothing; the answer sets the session, and leads to what was asked for.
    pub(crate) async fn log_in(&mut self, url: &str) -> Answer {
        let start = self.get(url).await;
        let callback = self
            .get(&start.location().expect("sent to the provider"))
            .await;
        self.get(&callback.location().expect("sent back")).await
    }

    /// Follows redirects to their end.
    pub(crate) async fn get_following(&mut self, url: &str) -> Answer {
        let answer = self.get(url).await;
        self.follow(answer).await
    }

    pub(crate) async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            let Some(next) = answer.location() else {
                return answer;
            };
            answer = self.get(&next).await;
        }
        panic!("redirected in a circle: {answer:?}");
    }

    pub(crate) fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        let key = (host.to_owned(), name.to_owned());
        self.cookies.get(&key).map(String::as_str)
    }

    pub(crate) fn set_cookie(&mut self, host: &str, name: &str, value: &str) {
        let key = (host.to_owned(), name.to_owned());
        self.cookies.insert(key, value.to_owned());
    }

    pub(crate) fn forget_cookie(&mut self, host: &str, name: &str) {
        self.cookies.remove(&(host.to_owned(), name.to_owned()));
    }

    pub(crate) fn cookie_names(&self, host: &str) -> Vec<&str> {
        let of_host = self.cookies.keys().filter(|(h, _)| h == host);
        of_host.map(|(_, name)| name.as_str()).collect()
    }

    pub(crate) fn cookie_header(&self, host: &str) -> String {
        let of_host = self.cookies.iter().filter(|((h, _), _)| h == host);
        let pairs: Vec<String> = of_host
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn store(&mut self, host: &str, cookie: &str) {
        let mut parts = cookie.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        if cookie.contains("Max-Age=0;") {
            self.forget_cookie(host, name);
        } else {
            self.set_cookie(host, name, value);
        }
    }
}

impl Answer {
    /// Where a redirect leads to, as an absolute URL.
    pub(crate) fn location(&self) -> Option<String> {
        if !self.status.is_redirection() {
            return None;
        }
        let location = self.headers.get(LOCATION)?.to_str().unwrap();
        Some(self.absolute(location))
    }

    /// A URL as this page would resolve it.
    pub(crate) fn absolute(&self, reference: &str) -> String {
        if reference.starts_with('/') {
            let uri: Uri = self.url.parse().unwrap();
            format!(
                "{}://{}{reference}",
                uri.scheme_str().unwrap(),
                uri.authority().unwrap()
            )
        } else {
            reference.to_owned()
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// A header that the application saw.
    pub(crate) fn seen(&self, header: &str) -> Option<String> {
        self.json()["headers"][header].as_str().map(Into::into)
    }
}

/// A parameter of a URL's query.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
