//! From JSON to the typed configuration, field by field.

mod claims;
mod limits;
mod load_balancers;
mod routes;

use std::rc::Rc;
use std::time::Duration;

use super::json::Json;
use super::reader::{Node, Object, Problem, Problems};
use super::{
    BackendChoice, ClaimPath, ClaimToHeader, Config, EmailVerified, Mode, RequiredClaim, Signer,
};
use crate::header_name::HeaderName;
use claims::{read_assignable_header, read_output, read_required_claims};
use limits::{read_key_limits, read_token_cache};
use load_balancers::read_load_balancers;
use routes::{read_logout, read_public_route};

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
    let global = GlobalClaims {
        output: root.or("outputClaimToHeaders", default_output(), read_output),
        required: root.or("requiredClaims", Vec::new(), read_required_claims),
        email_verified: root.or("emailVerified", EmailVerified::Required, |node| {
            node.choice(&[
                ("required", EmailVerified::Required),
                ("ifPresent", EmailVerified::IfPresent),
                ("ignored", EmailVerified::Ignored),
            ])
        }),
    };
    let mut sources = Vec::new();
    let load_balancers = root.required("loadBalancers", |node| {
        read_load_balancers(node, &global, &mut sources)
    });
    let strip_headers = root.or("stripHeaders", Vec::new(), |node| {
        node.list(0..=usize::MAX, folded, read_assignable_header)
    });
    let mode = root.or("mode", Mode::Enforce, |node| {
        node.choice(&[("enforce", Mode::Enforce), ("observe", Mode::Observe)])
    });
    let config = Config {
        stripped: stripped(&global, load_balancers.as_ref(), strip_headers),
        signers: load_balancers.unwrap_or_default(),
        key_sources: sources,
        allow_missing_token: root.or("allowMissingToken", Vec::new(), |node| {
            node.list(0..=usize::MAX, Clone::clone, read_public_route)
        }),
        logout: root.optional("logout").and_then(|node| read_logout(&node)),
        forward_token: root.or("forwardToken", false, Node::boolean),
        forward_session_cookies: root.or("forwardSessionCookies", false, Node::boolean),
        session_cookies: root.or(
            "sessionCookies",
            vec!["AWSELBAuthSessionCookie".to_owned()],
            |node| node.list(1..=16, Clone::clone, read_cookie_name),
        ),
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
struct GlobalClaims {
    output: Vec<ClaimToHeader>,
    required: Vec<RequiredClaim>,
    email_verified: EmailVerified,
}

fn default_output() -> Vec<ClaimToHeader> {
    let header = HeaderName::parse("kubeflow-userid");
    header
        .map(|header| ClaimToHeader {
            header,
            claim: ClaimPath::Name("email".to_owned()),
            prefix: String::new(),
            other_prefixes: Vec::new(),
            reserves_system: true,
            lowercase: false,
            required: true,
        })
        .into_iter()
        .collect()
}

fn folded(header: &HeaderName) -> String {
    header.as_str().replace('_', "-")
}

fn stripped(
    global: &GlobalClaims,
    load_balancers: Option<&Vec<Rc<Signer>>>,
    strip_headers: Vec<HeaderName>,
) -> Vec<HeaderName> {
    let own = load_balancers
        .into_iter()
        .flatten()
        .flat_map(|lb| &lb.output_claim_to_headers);
    let mapped = global
        .output
        .iter()
        .chain(own)
        .map(|mapping| mapping.header.clone());
    let always = ALWAYS_STRIPPED.into_iter().filter_map(HeaderName::parse);
    let mut all: Vec<HeaderName> = Vec::new();
    for header in always.chain(mapped).chain(strip_headers) {
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
