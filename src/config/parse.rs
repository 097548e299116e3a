//! From JSON to the typed configuration, field by field.

mod access_token;
mod claims;
mod headers;
mod limits;
mod load_balancers;
mod routes;

use std::time::Duration;

use super::json::Json;
use super::problem::{Problem, Problems};
use super::reader::{Node, Object};
use super::{BackendChoice, ClaimSource, Config, EmailVerified, Mode};
use crate::header_name::HeaderName;
use claims::{
    NO_ACCESS_TOKEN, ReadList, ReadRequirement, default_list, read_assignable_header, read_list,
    read_required_claims,
};
use headers::Lists;
use limits::{read_key_limits, read_token_cache};
use load_balancers::{Entry, read_entries, resolve};
use routes::{read_logouts, read_public_route};

/// Removed from every request whatever the configuration maps: Kubeflow trusts the first two, and applications
/// behind AWS Verified Access the third.
const ALWAYS_STRIPPED: [&str; 3] = [
    "kubeflow-userid",
    "kubeflow-groups",
    "x-amzn-ava-user-context",
];

pub(super) fn parse(json: &[u8]) -> Result<Config, Vec<Problem>> {
    if json.is_empty() {
        return Err(vec![Problem::new(
            "pluginConfig",
            "required, but absent; expected an object with loadBalancers",
        )]);
    }
    let json: Json = serde_json::from_slice(json)
        .map_err(|e| vec![Problem::new("pluginConfig", format!("expected JSON: {e}"))])?;
    let problems = Problems::default();
    let config = Node::root(&json, &problems).object().and_then(read_config);
    match (config, problems.into_vec()) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(problems),
    }
}

fn read_config(mut root: Object<'_>) -> Option<Config> {
    let email_verified = root.or("emailVerified", EmailVerified::Required, |node| {
        node.choice(&[
            ("required", EmailVerified::Required),
            ("ifPresent", EmailVerified::IfPresent),
            ("ignored", EmailVerified::Ignored),
        ])
    });
    let global = GlobalClaims {
        output: root.or("outputClaimToHeaders", default_list(), read_list),
        required: root.or("requiredClaims", Vec::new(), read_required_claims),
    };
    let entries = root.required("loadBalancers", |node| read_entries(node));
    let entries = entries.unwrap_or_default();
    let own_lists: Vec<ReadList<'_>> = entries.iter().filter_map(|e| e.output.clone()).collect();
    // The default list counts only if it holds for some load balancer.
    let is_used = root.has("outputClaimToHeaders") || own_lists.len() < entries.len();
    let global_list = is_used.then(|| global.output.clone());
    let lists = global_list.into_iter().chain(own_lists).collect();
    check_sources(&entries, &global);
    let lists = Lists::checked(lists, email_verified);
    let forward_token = root.or("forwardToken", false, Node::boolean);
    let forward_access_token = root.or("forwardAccessToken", false, |node| {
        read_forward_access_token(node, &entries, forward_token)
    });
    let strip_headers = root.or("stripHeaders", Vec::new(), |node| {
        node.list(0..=usize::MAX, folded, |item| {
            lists.check_spelling(item, read_assignable_header(item)?)
        })
    });
    let mode = root.or("mode", Mode::Enforce, |node| {
        node.choice(&[("enforce", Mode::Enforce), ("observe", Mode::Observe)])
    });
    let is_forwarded = forward_token || forward_access_token;
    let first_access_token = entries.iter().position(|e| e.access_token.is_some());
    let trust = resolve(entries, &global, &lists, is_forwarded);
    let config = Config {
        stripped: stripped(&lists, strip_headers),
        signers: trust.signers,
        key_sources: trust.key_sources,
        key_set_sources: trust.key_set_sources,
        first_access_token,
        allow_missing_token: root.or("allowMissingToken", Vec::new(), |node| {
            node.list(0..=usize::MAX, Clone::clone, read_public_route)
        }),
        logout: root.or("logout", Vec::new(), read_logouts),
        forward_token,
        forward_access_token,
        forward_session_cookies: root.or("forwardSessionCookies", false, Node::boolean),
        session_cookies: root.or("sessionCookies", default_cookies(), |node| {
            node.list(1..=16, Clone::clone, read_cookie_name)
        }),
        mode,
        clock_skew: root.or("clockSkew", Duration::from_secs(30), |n| {
            n.duration("0s"..="5m")
        }),
        max_token_bytes: root.or("maxTokenBytes", 16_384, |n| n.integer(1024..=65_536)),
        public_keys: read_key_limits(&mut root, mode),
        token_cache_bytes: read_token_cache(&mut root),
        signature_backend: root.or("signatureBackend", BackendChoice::Auto, |node| {
            node.choice(&[
                ("auto", BackendChoice::Auto),
                ("host", BackendChoice::Host),
                ("wasm", BackendChoice::Wasm),
            ])
        }),
    };
    root.finish();
    Some(config)
}

/// What holds for every load balancer unless it says otherwise.
struct GlobalClaims<'a> {
    output: ReadList<'a>,
    required: Vec<ReadRequirement<'a>>,
}

/// No mapping or requirement reads the access token of a load balancer without `accessToken`: it would never hold.
fn check_sources(entries: &[Entry<'_>], global: &GlobalClaims<'_>) {
    let lacks = |entry: &&Entry<'_>| entry.access_token.is_none();
    if entries
        .iter()
        .any(|entry| lacks(&entry) && entry.output.is_none())
    {
        check_list_sources(&global.output);
    }
    if entries.iter().any(|entry| lacks(&entry)) {
        check_requirement_sources(&global.required);
    }
    for entry in entries.iter().filter(lacks) {
        entry.output.iter().for_each(check_list_sources);
        check_requirement_sources(&entry.required);
    }
}

fn check_list_sources(list: &ReadList<'_>) {
    for entry in list {
        if let (ClaimSource::AccessToken, Some(node)) = (entry.mapping.source, &entry.node) {
            node.problem_at::<()>("source", NO_ACCESS_TOKEN);
        }
    }
}

fn check_requirement_sources(requirements: &[ReadRequirement<'_>]) {
    for requirement in requirements {
        if requirement.claim.source == ClaimSource::AccessToken {
            let node = &requirement.node;
            node.problem_at::<()>("source", NO_ACCESS_TOKEN);
        }
    }
}

fn read_forward_access_token(
    node: &Node<'_>,
    entries: &[Entry<'_>],
    forward_token: bool,
) -> Option<bool> {
    let is_forwarded = node.boolean()?;
    if is_forwarded && forward_token {
        return node.problem("expected false beside forwardToken, which forwards the access token");
    }
    if is_forwarded && entries.iter().all(|entry| entry.access_token.is_none()) {
        return node.problem("expected false: no load balancer has accessToken");
    }
    Some(is_forwarded)
}

/// Of the load balancer itself, and of AWS Verified Access, which may stand before the same gateway.
fn default_cookies() -> Vec<String> {
    ["AWSELBAuthSessionCookie", "AWSVAAuthSessionCookie"]
        .map(str::to_owned)
        .into()
}

fn folded(header: &HeaderName) -> String {
    header.as_str().replace('_', "-")
}

fn stripped(lists: &Lists<'_>, strip_headers: Vec<HeaderName>) -> Vec<HeaderName> {
    let always = ALWAYS_STRIPPED.into_iter().filter_map(HeaderName::parse);
    let mut all: Vec<HeaderName> = Vec::new();
    for header in always.chain(lists.headers()).chain(strip_headers) {
        if !all
            .iter()
            .any(|known| known.folds_with(header.as_str().as_bytes()))
        {
            all.push(header);
        }
    }
    all
}

fn read_cookie_name(node: &Node<'_>) -> Option<String> {
    node.text_that("a cookie name (RFC 6265 token)", |text| {
        let legal = |b: u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b);
        !text.is_empty() && text.bytes().all(legal)
    })
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}
