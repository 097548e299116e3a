//! Any path, method, host and headers against a configuration with public paths.
//!
//! What passes without a token must be public for every upstream, however it reads paths: so each way of
//! reading that is known (URL parsers, servlet containers, reverse proxies) is tried on what passed.

use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::reason::Reason;
use alb_authn::request::Request;
use alb_authn::token_cache::TokenCache;
use arbitrary::{Arbitrary, Unstructured};
use serde_json::json;

use crate::support::{after_noon, config_with};

/// A request as a stranger writes it.
#[derive(Arbitrary, Debug)]
struct Input {
    path: Vec<Piece>,
    method: Method,
    authority: Authority,
    authorization: Authorization,
    upgrade: Upgrade,
}

/// An `upgrade` header.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Upgrade {
    None,
    WebSocket,
    TwoWebSockets,
    Other,
}

/// A bit of a path: often one that servers disagree about.
#[derive(Arbitrary, Debug)]
enum Piece {
    Tricky(u8),
    Text(String),
}

const TRICKY: [&str; 36] = [
    "/",
    "/",
    "/",
    ".",
    "..",
    "/..",
    "/../",
    "%2e",
    "%2E%2e",
    "%2f",
    "%5c",
    "\\",
    ";",
    ";x=1",
    "\t",
    "\n",
    "//",
    "%25",
    "%00",
    "?",
    "#",
    "admin",
    "static",
    "healthz",
    "%20",
    "%3A",
    "%C3%A9",
    "%EF%B8%B0",
    "%ef%bc%8e",
    "%E2%80%A5",
    "%c0%ae",
    "%C2%85",
    "%",
    "%E2",
    "%88%95",
    "%2",
];

impl Piece {
    fn text(&self) -> &str {
        match self {
            Self::Tricky(index) => TRICKY[usize::from(*index) % TRICKY.len()],
            Self::Text(text) => text,
        }
    }
}

/// An `authorization` header: often nearly right.
#[derive(Arbitrary, Debug)]
enum Authorization {
    None,
    Bearer(Vec<u8>),
    Other(Vec<u8>),
}

impl Authorization {
    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::None => None,
            Self::Bearer(token) => Some([b"Bearer ", token.as_slice()].concat()),
            Self::Other(value) => Some(value.clone()),
        }
    }
}

/// A host: often the public one.
#[derive(Arbitrary, Debug)]
enum Authority {
    Public,
    PublicAnd(String),
    PublicPort(u16),
    Whole,
    Below(Vec<Label>),
    Other(String),
}

impl Authority {
    fn text(&self) -> String {
        match self {
            Self::Public => "kubeflow.example.com".to_owned(),
            Self::PublicAnd(more) => format!("Kubeflow.example.com{more}"),
            Self::PublicPort(port) => format!("kubeflow.example.com:{port}"),
            Self::Whole => "public.example.com:443".to_owned(),
            Self::Below(labels) => labels.iter().map(Label::text).collect(),
            Self::Other(text) => text.clone(),
        }
    }
}

/// A bit of a host's name.
#[derive(Arbitrary, Debug)]
enum Label {
    Below,
    Suffix,
    Https,
    Port,
    Text(String),
}

impl Label {
    fn text(&self) -> &str {
        match self {
            Self::Below => "a.",
            Self::Suffix => "models.example.com",
            Self::Https => ":443",
            Self::Port => ":8443",
            Self::Text(text) => text,
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Method {
    Get,
    Post,
    Connect,
}

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let path: String = input.path.iter().map(Piece::text).collect();
    for start in ["", "/static/", "/healthz", "/api/", "/ported", "/logout"] {
        let path = format!("{start}{path}");
        judge(&input, &path);
    }
}

thread_local! {
    static CONFIG: Config = config_with(json!({
        "allowMissingToken": [
            { "path": "/healthz", "methods": ["GET"] },
            { "pathPrefix": "/static/", "hosts": ["kubeflow.example.com"] },
            { "pathPrefix": "/api/", "withHeader": "authorization" },
            { "hosts": ["public.example.com", "*.models.example.com"] },
            { "path": "/ported", "hosts": ["kubeflow.example.com:8443"] },
        ],
        "logout": { "path": "/logout", "location": "https://idp.example.com/logout" },
    }));
}

fn judge(input: &Input, path: &str) {
    let method = match input.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Connect => "CONNECT",
    };
    let authority = input.authority.text();
    let mut pairs: Vec<(&[u8], &[u8])> = vec![
        (b":method", method.as_bytes()),
        (b":path", path.as_bytes()),
        (b":authority", authority.as_bytes()),
    ];
    let authorization = input.authorization.bytes();
    if let Some(value) = &authorization {
        pairs.push((b"authorization", value));
    }
    let upgrades: &[&[u8]] = match input.upgrade {
        Upgrade::None => &[],
        Upgrade::WebSocket => &[b"WebSocket"],
        Upgrade::TwoWebSockets => &[b"websocket", b"websocket"],
        Upgrade::Other => &[b"websocket, h2c"],
    };
    pairs.extend(upgrades.iter().map(|value| (&b"upgrade"[..], *value)));
    let headers = Headers::new(&pairs);
    let request = CONFIG.with(|config| {
        Request::handle_headers(&headers, config, &TokenCache::new(0), after_noon(0))
    });
    let Request::Decided(decision) = request else {
        panic!("a request without a token waits for a key");
    };
    match decision.reason {
        Reason::NoToken => check_passed(input, path),
        Reason::Logout => {
            assert!(
                readings(path).iter().all(|path| path == "/logout"),
                "{path:?}"
            );
            assert!(input.method != Method::Connect);
        }
        Reason::Ok => panic!("an identity from nothing"),
        Reason::Rejected(_) => {}
    }
}

fn check_passed(input: &Input, path: &str) {
    assert!(input.method != Method::Connect);
    let is_websocket = input.upgrade == Upgrade::WebSocket;
    assert!(input.upgrade == Upgrade::None || is_websocket);
    let host = host_name(&input.authority.text());
    let is_below = |suffix: &str| {
        host.strip_suffix(suffix)
            .is_some_and(|start| !start.is_empty())
    };
    if host == "public.example.com" || is_below(".models.example.com") {
        return;
    }
    assert!(!is_ambiguous(path), "{path:?} of {input:?}");
    for path in readings(path) {
        let is_health = path == "/healthz" && input.method == Method::Get;
        let is_static = path.starts_with("/static/") && host == "kubeflow.example.com";
        let is_ported = path == "/ported" && host == "kubeflow.example.com:8443";
        let is_api = path.starts_with("/api/")
            && input
                .authorization
                .bytes()
                .is_some_and(|value| is_bearer(&value));
        let is_public = is_api || !is_websocket && (is_health || is_static || is_ported);
        assert!(is_public, "{path:?} of {input:?}");
    }
}

/// In lower case, without the ports that browsers leave out.
fn host_name(authority: &str) -> String {
    let name = authority.to_ascii_lowercase();
    let short = name.strip_suffix(":443").or(name.strip_suffix(":80"));
    short.unwrap_or(&name).to_owned()
}

/// What some server reads as a delimiter, as one or several dots, or as nothing, once it is decoded: from Unicode's
/// tables for NFKC, and three characters that only look so.
const CONFUSABLE: &str = "./\\;%?#\u{37e}\u{2024}\u{2025}\u{2026}\u{2044}\u{2047}\u{2048}\u{2049}\
    \u{2100}\u{2101}\u{2105}\u{2106}\u{2215}\u{2216}\u{2488}\u{2489}\u{248a}\u{248b}\u{248c}\u{248d}\
    \u{248e}\u{248f}\u{2490}\u{2491}\u{2492}\u{2493}\u{2494}\u{2495}\u{2496}\u{2497}\u{2498}\u{2499}\
    \u{249a}\u{249b}\u{33c2}\u{33c7}\u{33d8}\u{fe14}\u{fe16}\u{fe19}\u{fe30}\u{fe52}\u{fe54}\u{fe56}\
    \u{fe5f}\u{fe68}\u{fe6a}\u{ff03}\u{ff05}\u{ff0e}\u{ff0f}\u{ff1b}\u{ff1f}\u{ff3c}\u{1f100}";

/// Whether an escape of the path stands for such a character, or the escapes are no text.
fn is_ambiguous(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let decoded = percent_decoded(path);
    let literal = path.replace('%', "");
    let count = |text: &str, c: char| text.chars().filter(|other| *other == c).count();
    let is_new = |c: char| count(&decoded, c) > count(&literal, c);
    decoded.contains('\u{fffd}')
        || decoded.contains(char::is_control)
        || CONFUSABLE.chars().any(is_new)
}

fn is_bearer(value: &[u8]) -> bool {
    let token = value.strip_prefix(b"Bearer ").unwrap_or_default();
    !token.is_empty() && !token.iter().any(|b| b" ,\t\"".contains(b) || !b.is_ascii())
}

/// The path as different servers read it.
fn readings(path: &str) -> Vec<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_decoded(path);
    let without_blanks: String = path.chars().filter(|c| !"\t\r\n".contains(*c)).collect();
    let without_parameters = |path: &str| {
        let segments = path
            .split('/')
            .map(|s| s.split(';').next().unwrap_or_default());
        segments.collect::<Vec<_>>().join("/")
    };
    let mut readings = vec![
        path.to_owned(),
        decoded.clone(),
        percent_decoded(&decoded),
        path.replace('\\', "/"),
        decoded.replace('\\', "/"),
        without_blanks,
        without_parameters(path),
        without_parameters(&decoded),
        path.trim().to_owned(),
    ];
    readings.extend(readings.clone().iter().map(|path| without_dots(path, true)));
    readings.extend(
        readings
            .clone()
            .iter()
            .map(|path| without_dots(path, false)),
    );
    readings
}

fn percent_decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Dot segments removed (RFC 3986 section 5.2.4), where asked for after merging slashes.
fn without_dots(path: &str, merge_slashes: bool) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (i, segment) in segments.iter().enumerate() {
        let is_last = i + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            "" if merge_slashes && !is_last => {}
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}
