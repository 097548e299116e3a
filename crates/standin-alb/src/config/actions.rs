//! A rule's conditions and actions, as the AWS API writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What must hold for a rule to be taken: one of several values.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "Field", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Condition {
    /// The path, case-sensitive; `*` stands for any characters, `?` for one.
    PathPattern {
        /// The patterns.
        #[serde(rename = "Values")]
        values: Vec<String>,
    },
    /// The host without its port, in any case; wildcards as above.
    HostHeader {
        /// The patterns.
        #[serde(rename = "Values")]
        values: Vec<String>,
    },
    /// A header's value, in any case; wildcards as above.
    HttpHeader {
        /// Which header and which patterns.
        #[serde(rename = "HttpHeaderConfig")]
        config: HttpHeaderConfig,
    },
}

/// What a header must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct HttpHeaderConfig {
    /// The header's name, in any case.
    pub http_header_name: String,
    /// The patterns.
    pub values: Vec<String>,
}

/// What is done with a request.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "Type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Sees to it that somebody is logged in; the next action follows.
    AuthenticateOidc {
        /// How.
        #[serde(rename = "AuthenticateOidcConfig")]
        config: Box<AuthenticateOidcConfig>,
    },
    /// Passes the request on.
    Forward {
        /// Whereto.
        #[serde(rename = "TargetGroupArn")]
        target_group_arn: String,
    },
    /// Answers with another place.
    Redirect {
        /// Which.
        #[serde(rename = "RedirectConfig")]
        config: RedirectConfig,
    },
    /// Answers with a text.
    FixedResponse {
        /// Which.
        #[serde(rename = "FixedResponseConfig")]
        config: FixedResponseConfig,
    },
}

/// `AuthenticateOidcActionConfig` of the AWS API, with its defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AuthenticateOidcConfig {
    /// The issuer, `iss` of ID tokens and of the tokens for the gateway.
    pub issuer: String,
    /// Where browsers are sent to log in.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where access tokens become claims.
    pub user_info_endpoint: String,
    /// The client id, `client` of the tokens for the gateway.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The session cookie's name, without `-0` to `-3`.
    #[serde(default = "default_cookie_name")]
    pub session_cookie_name: String,
    /// How long a session lives, in seconds.
    #[serde(default = "default_timeout")]
    pub session_timeout: u64,
    /// The scopes, separated by spaces.
    #[serde(default = "default_scope")]
    pub scope: String,
    /// Further parameters of the authorization request.
    #[serde(default)]
    pub authentication_request_extra_params: BTreeMap<String, String>,
    /// What happens where nobody is logged in.
    #[serde(default)]
    pub on_unauthenticated_request: OnUnauthenticatedRequest,
}

/// What happens to a request of nobody.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnUnauthenticatedRequest {
    /// The browser is sent to log in.
    #[default]
    Authenticate,
    /// 401.
    Deny,
    /// It passes, without claims.
    Allow,
}

/// Another place; `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}` stand for the request's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RedirectConfig {
    /// `HTTP`, `HTTPS` or the request's.
    #[serde(default = "own_protocol")]
    pub protocol: String,
    /// The host.
    #[serde(default = "own_host")]
    pub host: String,
    /// The port.
    #[serde(default = "own_port")]
    pub port: String,
    /// The path, with the `/` in front.
    #[serde(default = "own_path")]
    pub path: String,
    /// The query, without the `?` in front.
    #[serde(default = "own_query")]
    pub query: String,
    /// `HTTP_301` or `HTTP_302`.
    pub status_code: RedirectStatus,
}

/// A redirect's status.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum RedirectStatus {
    /// 301.
    #[serde(rename = "HTTP_301")]
    Permanent,
    /// 302.
    #[serde(rename = "HTTP_302")]
    Temporary,
}

/// A text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct FixedResponseConfig {
    /// Three digits.
    pub status_code: String,
    /// `text/plain` where absent.
    #[serde(default = "text_plain")]
    pub content_type: String,
    /// The body.
    #[serde(default)]
    pub message_body: String,
}

fn default_cookie_name() -> String {
    "AWSELBAuthSessionCookie".into()
}

/// Seven days.
fn default_timeout() -> u64 {
    604_800
}

fn default_scope() -> String {
    "openid".into()
}

fn own_protocol() -> String {
    "#{protocol}".into()
}

fn own_host() -> String {
    "#{host}".into()
}

fn own_port() -> String {
    "#{port}".into()
}

fn own_path() -> String {
    "/#{path}".into()
}

fn own_query() -> String {
    "#{query}".into()
}

fn text_plain() -> String {
    "text/plain".into()
}
