//! `accessToken`: how the access tokens of a load balancer's issuer are judged, and where its keys are.

use super::has_control;
use super::load_balancers::{read_authority, read_cluster, read_url_path};
use crate::config::reader::{Node, Object};
use crate::config::{
    AccessTokenPolicy, Allowed, ClaimPath, ClaimSource, HeaderPolicy, RequiredClaim,
};
use crate::key_source::{KeySetSource, KeySource, SetId};

/// `accessToken` as it is written.
pub(super) struct AccessToken<'a> {
    node: Node<'a>,
    key_set: KeySet,
    audiences: Vec<String>,
    subject: ClaimPath,
}

/// `jwks` as it is written.
#[derive(Default)]
struct KeySet {
    cluster: Option<String>,
    authority: Option<String>,
    path: Option<String>,
}

pub(super) fn read_access_token<'a>(node: &Node<'a>) -> Option<AccessToken<'a>> {
    let mut object = node.object()?;
    let o = &mut object;
    let key_set = o.optional("jwks").and_then(|node| node.object());
    let access_token = AccessToken {
        key_set: key_set.map(read_key_set).unwrap_or_default(),
        audiences: o.or("audiences", Vec::new(), |node| {
            node.list(0..=usize::MAX, Clone::clone, |item| {
                item.text_that("a non-empty string without control characters", |text| {
                    !text.is_empty() && !has_control(text)
                })
            })
        }),
        subject: o.or("subject", ClaimPath::Name("sub".to_owned()), |node| {
            node.text_that("a non-empty claim name", |text| !text.is_empty())
                .map(ClaimPath::Name)
        }),
        node: node.clone(),
    };
    object.finish();
    Some(access_token)
}

fn read_key_set(mut object: Object<'_>) -> KeySet {
    let o = &mut object;
    let key_set = KeySet {
        cluster: o.optional("cluster").and_then(|n| read_cluster(&n)),
        authority: o.optional("authority").and_then(|n| read_authority(&n)),
        path: o.optional("path").and_then(|n| read_url_path(&n)),
    };
    object.finish();
    key_set
}

impl AccessToken<'_> {
    /// Where the keys are. The keys of one issuer say nothing of another one's tokens, so there is one issuer.
    pub(super) fn key_set_source(&self, issuers: &Allowed) -> Option<KeySetSource> {
        let Allowed::OneOf(issuers) = issuers else {
            return self.node.problem(ONE_ISSUER);
        };
        let [issuer] = issuers.as_slice() else {
            return self.node.problem(ONE_ISSUER);
        };
        let (derived_authority, derived_path) = cognito_key_set(issuer).unzip();
        let authority = self.key_set.authority.clone().or(derived_authority);
        let path = self.key_set.path.clone().or(derived_path);
        let required = |name: &str| {
            let message = "required: it can be derived for a Cognito user pool only; see jwks_uri in the \
                 issuer's /.well-known/openid-configuration";
            self.node.problem_at::<()>(&format!("jwks.{name}"), message);
        };
        if authority.is_none() {
            required("authority");
        }
        if path.is_none() {
            required("path");
        }
        let (authority, path) = (authority?, path?);
        let cluster = self.key_set.cluster.clone();
        Some(KeySetSource {
            cluster: cluster.unwrap_or_else(|| KeySource::istio_cluster(&authority)),
            authority,
            path,
        })
    }

    /// The policy, if anything looks at access tokens. A key set that nothing needs is not fetched.
    pub(super) fn policy(
        self,
        key_set: impl FnOnce() -> SetId,
        headers: &[HeaderPolicy],
        required_claims: &[RequiredClaim],
        is_forwarded: bool,
    ) -> Option<AccessTokenPolicy> {
        let reads = |policy: &&HeaderPolicy| {
            let mut entries = policy.entries.iter();
            entries.any(|entry| entry.mapping.source == ClaimSource::AccessToken)
        };
        let is_in_headers = headers.iter().any(|policy| reads(&policy));
        let mut required = headers.iter().filter(reads).map(|policy| policy.required);
        let mut claims = required_claims.iter().map(|claim| claim.source);
        let is_required = claims.any(|source| source == ClaimSource::AccessToken)
            || required.any(|is_required| is_required);
        (is_forwarded || is_in_headers || is_required).then(|| AccessTokenPolicy {
            key_set: key_set(),
            audiences: self.audiences,
            subject: self.subject,
            is_required,
        })
    }
}

const ONE_ISSUER: &str = "expected exactly one issuer beside it, and not \"*\"";

/// Authority and path of the key set of a Cognito user pool's URL; `None` for any other issuer. Source: Amazon
/// Cognito's guide, "Verifying JSON web tokens".
fn cognito_key_set(issuer: &str) -> Option<(String, String)> {
    let (authority, pool) = issuer.strip_prefix("https://")?.split_once('/')?;
    let region = authority
        .strip_prefix("cognito-idp.")?
        .strip_suffix(".amazonaws.com")?;
    let in_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let id = pool.strip_prefix(region)?.strip_prefix('_')?;
    let is_pool = !region.is_empty()
        && region.bytes().all(in_region)
        && !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_alphanumeric());
    is_pool.then(|| {
        let path = format!("/{pool}/.well-known/jwks.json");
        (authority.to_owned(), path)
    })
}
