//! The action `redirect`, with its keywords for the request's own parts (the ALB guide, "Redirect actions").

use alb_fixtures::server::Body;
use hyper::http::Uri;
use hyper::{Response, StatusCode};

use crate::config::{RedirectConfig, RedirectStatus};
use crate::reply;

/// A request's own parts.
pub(super) struct Own<'a> {
    pub(super) protocol: &'a str,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) uri: &'a Uri,
}

pub(super) fn answer(config: &RedirectConfig, own: &Own<'_>) -> Response<Body> {
    let status = match config.status_code {
        RedirectStatus::Permanent => StatusCode::MOVED_PERMANENTLY,
        RedirectStatus::Temporary => StatusCode::FOUND,
    };
    reply::redirect(status, &location(config, own))
}

fn location(config: &RedirectConfig, own: &Own<'_>) -> String {
    let fill = |template: &str| {
        template
            .replace("#{protocol}", own.protocol)
            .replace("#{host}", own.host)
            .replace("#{port}", &own.port.to_string())
            .replace("#{path}", own.uri.path().trim_start_matches('/'))
            .replace("#{query}", own.uri.query().unwrap_or_default())
    };
    let protocol = fill(&config.protocol).to_ascii_lowercase();
    let (host, port, path) = (fill(&config.host), fill(&config.port), fill(&config.path));
    match fill(&config.query).as_str() {
        "" => format!("{protocol}://{host}:{port}{path}"),
        query => format!("{protocol}://{host}:{port}{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_https_keeps_path_and_query() {
        let config: RedirectConfig = serde_json::from_str(
            r#"{"Protocol": "HTTPS", "Port": "8443", "StatusCode": "HTTP_301"}"#,
        )
        .unwrap();
        for (uri, expected) in [
            ("/", "https://kubeflow.localhost:8443/"),
            ("/a/b?c=d", "https://kubeflow.localhost:8443/a/b?c=d"),
        ] {
            let uri: Uri = uri.parse().unwrap();
            let own = Own {
                protocol: "http",
                host: "kubeflow.localhost",
                port: 8080,
                uri: &uri,
            };
            assert_eq!(location(&config, &own), expected);
        }
    }
}
