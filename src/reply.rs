//! Answers that the filter gives itself.

mod page;

use crate::config::Logout;
use crate::reason::Rejection;
use crate::routes::LogoutMethod;

/// A local reply: what the client gets instead of the upstream's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers in order; several `set-cookie` stay several.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// The load balancer cuts a session cookie into at most four (16 KB at 4 KB each).
const COOKIE_SHARDS: std::ops::RangeInclusive<u8> = 0..=3;

impl Reply {
    /// A refusal for programs. The body and the headers hold the reason's name and fixed texts only.
    pub fn refusal(rejection: Rejection) -> Self {
        let body = error_body(rejection.name(), rejection.message());
        Self::refusal_in(rejection, json_headers(), body)
    }

    /// The same refusal for people, as a page. `request_id` is what the client sent, of any form; `logout` is the path
    /// that ends the login on this host.
    pub fn refusal_page(rejection: Rejection, request_id: &[u8], logout: Option<&str>) -> Self {
        let body = page::body(rejection, request_id, logout);
        Self::refusal_in(rejection, page::headers(), body)
    }

    fn refusal_in(
        rejection: Rejection,
        mut headers: Vec<(&'static str, String)>,
        body: String,
    ) -> Self {
        match rejection.status() {
            401 => headers.push(("www-authenticate", challenge(rejection))),
            503 => headers.push(("retry-after", "1".to_owned())),
            _ => {}
        }
        Self {
            status: rejection.status(),
            headers,
            body,
        }
    }

    /// What a client gets when Envoy itself fails the filter in the middle of a request.
    pub fn internal_error() -> Self {
        let body = error_body(
            "internal_error",
            "The gateway could not look at the request.",
        );
        Self {
            status: 500,
            headers: json_headers(),
            body,
        }
    }

    /// The answer of `logout`: the session cookies end, and the browser goes to the IdP's logout, by
    /// itself (GET) or by Kubeflow's dashboard, which reads `afterLogoutURL` (POST).
    pub fn logout(method: LogoutMethod, logout: &Logout, session_cookies: &[String]) -> Self {
        let (status, mut headers, body) = match method {
            LogoutMethod::Get => {
                let headers = vec![
                    ("location", logout.location.clone()),
                    ("cache-control", "no-store".to_owned()),
                ];
                (302, headers, String::new())
            }
            LogoutMethod::Post => (
                200,
                json_headers(),
                format!("{{\"afterLogoutURL\":{}}}", json_text(&logout.location)),
            ),
        };
        let shards = session_cookies
            .iter()
            .flat_map(|name| COOKIE_SHARDS.map(move |n| (name, n)));
        headers.extend(shards.map(|(name, shard)| ("set-cookie", expired_cookie(name, shard))));
        Self {
            status,
            headers,
            body,
        }
    }
}

fn error_body(error: &str, message: &str) -> String {
    format!(
        "{{\"error\":{},\"message\":{}}}",
        json_text(error),
        json_text(message)
    )
}

/// A JSON string. Serializing one cannot fail.
fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn json_headers() -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "application/json".to_owned()),
        ("cache-control", "no-store".to_owned()),
    ]
}

/// RFC 6750 section 3: no error code if the request carried no token.
fn challenge(rejection: Rejection) -> String {
    match rejection {
        Rejection::MissingToken => "Bearer".to_owned(),
        _ => format!(
            "Bearer error=\"invalid_token\", error_description=\"{}\"",
            rejection.name()
        ),
    }
}

fn expired_cookie(name: &str, shard: u8) -> String {
    format!(
        "{name}-{shard}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Secure; HttpOnly"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::{LogoutRoute, PathRule};

    #[test]
    fn a_refusal_names_its_reason_and_nothing_else() {
        let reply = Reply::refusal(Rejection::TokenExpired);
        assert_eq!(reply.status, 401);
        assert_eq!(
            reply.headers,
            [
                ("content-type", "application/json".to_owned()),
                ("cache-control", "no-store".to_owned()),
                (
                    "www-authenticate",
                    r#"Bearer error="invalid_token", error_description="token_expired""#.to_owned()
                ),
            ]
        );
        assert_eq!(
            reply.body,
            r#"{"error":"token_expired","message":"The token has expired."}"#
        );
    }

    #[test]
    fn challenges_and_retries_follow_the_status() {
        for rejection in Rejection::ALL {
            let reply = Reply::refusal(rejection);
            let header = |name: &str| {
                reply
                    .headers
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| value.as_str())
            };
            assert_eq!(
                header("www-authenticate").is_some(),
                reply.status == 401,
                "{rejection}"
            );
            assert_eq!(
                header("retry-after"),
                (reply.status == 503).then_some("1"),
                "{rejection}"
            );
        }
        let missing = Reply::refusal(Rejection::MissingToken);
        assert!(
            missing
                .headers
                .contains(&("www-authenticate", "Bearer".to_owned()))
        );
    }

    #[test]
    fn logout_ends_every_shard_of_every_session_cookie() {
        let logout = Logout {
            route: LogoutRoute {
                path: PathRule::Exact("/logout".into()),
                hosts: None,
            },
            location: "https://idp.example.com/logout?a=\"b\"".into(),
        };
        let names = ["A".to_owned(), "B".to_owned()];
        let get = Reply::logout(LogoutMethod::Get, &logout, &names);
        let post = Reply::logout(LogoutMethod::Post, &logout, &names);
        assert_eq!((get.status, get.body.as_str()), (302, ""));
        assert!(get.headers.contains(&("location", logout.location.clone())));
        assert_eq!(
            (post.status, post.body.as_str()),
            (
                200,
                r#"{"afterLogoutURL":"https://idp.example.com/logout?a=\"b\""}"#
            )
        );
        for reply in [get, post] {
            let cookies: Vec<&str> = reply
                .headers
                .iter()
                .filter(|(name, _)| *name == "set-cookie")
                .filter_map(|(_, value)| value.split_once('='))
                .map(|(name, _)| name)
                .collect();
            assert_eq!(
                cookies,
                ["A-0", "A-1", "A-2", "A-3", "B-0", "B-1", "B-2", "B-3"]
            );
        }
    }
}
