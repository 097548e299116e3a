//! `loadBalancers`: whom to trust, for what, and where the keys are.

use std::rc::Rc;

use super::claims::{read_output, read_required_claims};
use super::{GlobalClaims, has_control, is_visible_ascii};
use crate::alb::AlbArn;
use crate::config::reader::{Node, Object};
use crate::config::{Allowed, ClaimToHeader, EmailVerified, RequiredClaim, Signer};
use crate::key_source::KeySource;
use crate::key_source::SourceId;
use crate::routes;

pub(super) fn read_load_balancers(
    node: &Node<'_>,
    global: &GlobalClaims,
    sources: &mut Vec<KeySource>,
) -> Option<Vec<Rc<Signer>>> {
    let nodes = node.items()?;
    if !(1..=64).contains(&nodes.len()) {
        return node.problem("expected 1 to 64 items");
    }
    let mut load_balancers: Vec<Signer> = Vec::new();
    for node in nodes {
        let Some(object) = node.object() else {
            continue;
        };
        if let Some(load_balancer) = read_load_balancer(object, global, sources, &load_balancers) {
            load_balancers.push(load_balancer);
        }
    }
    load_balancers.sort_unstable_by(|a, b| a.arn.cmp(&b.arn));
    note_other_prefixes(&mut load_balancers);
    Some(load_balancers.into_iter().map(Rc::new).collect())
}

/// Users of one load balancer must not be able to name those of another: where one mapping has the
/// prefix `partner:` and another none, the other's value `partner:eve` is nobody's.
fn note_other_prefixes(load_balancers: &mut [Signer]) {
    let mappings = |lb: &Signer| lb.output_claim_to_headers.clone();
    let all: Vec<ClaimToHeader> = load_balancers.iter().flat_map(mappings).collect();
    for own in load_balancers
        .iter_mut()
        .flat_map(|lb| &mut lb.output_claim_to_headers)
    {
        let same_header = all
            .iter()
            .filter(|other| other.header.folds_with(own.header.as_str().as_bytes()));
        own.other_prefixes = same_header
            .map(|other| other.prefix.clone())
            .filter(|prefix| !prefix.is_empty() && *prefix != own.prefix)
            .collect();
        own.other_prefixes.sort_unstable();
        own.other_prefixes.dedup();
    }
}

fn read_load_balancer(
    mut object: Object<'_>,
    global: &GlobalClaims,
    sources: &mut Vec<KeySource>,
    earlier: &[Signer],
) -> Option<Signer> {
    let arn = object.required("arn", |node| {
        let arn = read_arn(node)?;
        if earlier.iter().any(|load_balancer| load_balancer.arn == arn) {
            return node.problem("expected no duplicate of an earlier load balancer");
        }
        Some(arn)
    });
    let issuers = object.required("issuers", read_allowed);
    let client_ids = object.required("clientIds", read_allowed);
    let own_required = object.or("requiredClaims", Vec::new(), read_required_claims);
    let output = object.or("outputClaimToHeaders", global.output.clone(), read_output);
    let source = read_key_endpoint(&mut object, arn.as_ref());
    object.finish();
    let required_claims = [global.required.as_slice(), own_required.as_slice()].concat();
    Some(Signer {
        email_verified: effective_email_verified(global.email_verified, &output, &required_claims),
        arn: arn?,
        issuers: issuers?,
        client_ids: client_ids?,
        keys: source_id(sources, source?),
        output_claim_to_headers: output,
        required_claims,
    })
}

fn effective_email_verified(
    configured: EmailVerified,
    output: &[ClaimToHeader],
    required: &[RequiredClaim],
) -> EmailVerified {
    let mut claims = output
        .iter()
        .map(|o| &o.claim)
        .chain(required.iter().map(|required| &required.claim));
    if claims.any(|claim| claim.is_top_level("email")) {
        configured
    } else {
        EmailVerified::Ignored
    }
}

fn source_id(sources: &mut Vec<KeySource>, source: KeySource) -> SourceId {
    let known = sources.iter().position(|known| *known == source);
    SourceId(known.unwrap_or_else(|| {
        sources.push(source);
        sources.len().saturating_sub(1)
    }))
}

fn read_arn(node: &Node<'_>) -> Option<AlbArn> {
    AlbArn::parse(node.text()?).or_else(|| {
        node.problem(
            "expected an application load balancer's full ARN, \
             arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID",
        )
    })
}

fn read_allowed(node: &Node<'_>) -> Option<Allowed> {
    let values = node.list(1..=usize::MAX, Clone::clone, |item| {
        item.text_that("a non-empty string without control characters", |text| {
            !text.is_empty() && !has_control(text)
        })
    })?;
    if !values.iter().any(|value| value == "*") {
        return Some(Allowed::OneOf(values.into_iter().map(Rc::from).collect()));
    }
    if values.len() == 1 {
        Some(Allowed::Any)
    } else {
        node.problem("expected \"*\" to stand alone")
    }
}

fn read_key_endpoint(object: &mut Object<'_>, arn: Option<&AlbArn>) -> Option<KeySource> {
    let documented = arn.and_then(AlbArn::documented_key_endpoint);
    let given = object.optional("keyEndpoint");
    let mut cluster = None;
    let mut authority = None;
    let mut path_prefix = None;
    if let Some(node) = &given {
        let mut fields = node.object()?;
        cluster = fields.optional("cluster").map(|n| {
            n.text_that("the name of an Envoy cluster", |t| {
                !t.is_empty() && !has_control(t)
            })
        });
        authority = fields
            .optional("authority")
            .map(|n| n.text_that("a host name, with or without a port", routes::is_authority));
        path_prefix = fields.optional("pathPrefix").map(|n| {
            n.text_that("a path that starts with / and holds no blanks", |t| {
                t.starts_with('/') && is_visible_ascii(t)
            })
        });
        fields.finish();
    }
    let (default_authority, default_prefix) = documented.unzip();
    let authority = match (authority, default_authority) {
        (Some(authority), _) => authority?,
        (None, Some(authority)) => authority,
        (None, None) => return no_documented_endpoint(object.node(), arn?),
    };
    Some(KeySource {
        cluster: match cluster {
            Some(cluster) => cluster?,
            None => KeySource::istio_cluster(&authority),
        },
        path_prefix: match path_prefix {
            Some(prefix) => prefix?,
            None => default_prefix.unwrap_or_else(|| "/".to_owned()),
        },
        authority,
    })
}

fn no_documented_endpoint<T>(load_balancer: &Node<'_>, arn: &AlbArn) -> Option<T> {
    load_balancer.problem_at(
        "keyEndpoint.authority",
        format!(
            "required: AWS documents no key endpoint for the partition {}",
            arn.partition()
        ),
    )
}
