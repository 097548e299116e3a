//! `loadBalancers`: whom to trust, for what, and where the keys are.

use std::rc::Rc;

use super::access_token::{AccessToken, read_access_token};
use super::claims::{ReadList, ReadRequirement, read_list, read_required_claims};
use super::headers::{Lists, email_rule};
use super::{GlobalClaims, has_control, is_visible_ascii};
use crate::alb::AlbArn;
use crate::config::reader::{Node, Object};
use crate::config::{Allowed, RequiredClaim, Signer};
use crate::key_source::{KeySetSource, KeySource, SetId, SourceId};
use crate::routes;

/// An entry as it is written.
pub(super) struct Entry<'a> {
    node: Node<'a>,
    arn: Option<AlbArn>,
    issuers: Option<Allowed>,
    client_ids: Option<Allowed>,
    pub(super) required: Vec<ReadRequirement<'a>>,
    /// Its own list, if it has one.
    pub(super) output: Option<ReadList<'a>>,
    key_endpoint: Option<KeyEndpoint<'a>>,
    pub(super) access_token: Option<AccessToken<'a>>,
}

/// `keyEndpoint` as it is written.
struct KeyEndpoint<'a> {
    node: Node<'a>,
    cluster: Option<String>,
    authority: Option<String>,
    path_prefix: Option<String>,
}

/// Whom to trust, and where their keys are.
#[derive(Default)]
pub(super) struct Trust {
    /// Sorted by ARN.
    pub(super) signers: Vec<Rc<Signer>>,
    pub(super) key_sources: Vec<KeySource>,
    pub(super) key_set_sources: Vec<KeySetSource>,
}

pub(super) fn read_entries<'a>(node: &Node<'a>) -> Option<Vec<Entry<'a>>> {
    let nodes = node.items()?;
    if !(1..=64).contains(&nodes.len()) {
        return node.problem("expected 1 to 64 items");
    }
    let objects = nodes.iter().filter_map(Node::object);
    Some(objects.map(read_entry).collect())
}

fn read_entry(mut object: Object<'_>) -> Entry<'_> {
    let o = &mut object;
    let entry = Entry {
        arn: o.required("arn", read_arn),
        issuers: o.required("issuers", read_allowed),
        client_ids: o.required("clientIds", read_allowed),
        required: o.or("requiredClaims", Vec::new(), read_required_claims),
        output: o
            .optional("outputClaimToHeaders")
            .and_then(|node| read_list(&node)),
        key_endpoint: o
            .optional("keyEndpoint")
            .and_then(|node| read_key_endpoint(&node)),
        access_token: o
            .optional("accessToken")
            .and_then(|node| read_access_token(&node)),
        node: o.node().clone(),
    };
    object.finish();
    entry
}

/// What all entries mean together.
pub(super) fn resolve(
    entries: Vec<Entry<'_>>,
    global: &GlobalClaims<'_>,
    lists: &Lists<'_>,
    is_forwarded: bool,
) -> Trust {
    let mut trust = Trust::default();
    let sources: Vec<Option<KeySource>> = (0..entries.len())
        .map(|position| key_source(&entries, position))
        .collect();
    for (entry, source) in entries.into_iter().zip(sources) {
        let (Some(arn), Some(issuers), Some(client_ids)) =
            (entry.arn, entry.issuers, entry.client_ids)
        else {
            continue;
        };
        let same_arn = trust.signers.iter().filter(|earlier| earlier.arn == arn);
        let overlaps = |earlier: &Rc<Signer>| {
            earlier.issuers.overlaps(&issuers) && earlier.client_ids.overlaps(&client_ids)
        };
        if same_arn.into_iter().any(overlaps) {
            let message = "expected no issuer and client together that an earlier entry for this load balancer allows";
            entry.node.problem_at::<()>("arn", message);
        }
        let headers = lists.policies(entry.output.as_ref().unwrap_or(&global.output));
        let required_claims = with_email_rules(&global.required, &entry.required, lists);
        let access_token = entry.access_token.and_then(|access_token| {
            let source = access_token.key_set_source(&issuers)?;
            let key_sets = &mut trust.key_set_sources;
            let key_set = || SetId(index_of(key_sets, source));
            access_token.policy(key_set, &headers, &required_claims, is_forwarded)
        });
        let Some(source) = source else { continue };
        trust.signers.push(Rc::new(Signer {
            arn,
            issuers,
            client_ids,
            keys: SourceId(index_of(&mut trust.key_sources, source)),
            headers,
            required_claims,
            access_token,
        }));
    }
    // Stable: entries with one ARN stay in their order.
    let by_arn = |a: &Rc<Signer>, b: &Rc<Signer>| a.arn.search_key().cmp(&b.arn.search_key());
    trust.signers.sort_by(by_arn);
    trust
}

fn with_email_rules(
    global: &[ReadRequirement<'_>],
    own: &[ReadRequirement<'_>],
    lists: &Lists<'_>,
) -> Vec<RequiredClaim> {
    let with_rule = |required: &ReadRequirement<'_>| RequiredClaim {
        email_rule: email_rule(&required.claim.claim, lists.email_verified()),
        ..required.claim.clone()
    };
    global.iter().chain(own).map(with_rule).collect()
}

/// The place of a source in a list without duplicates.
fn index_of<T: PartialEq>(sources: &mut Vec<T>, source: T) -> usize {
    let known = sources.iter().position(|known| *known == source);
    known.unwrap_or_else(|| {
        sources.push(source);
        sources.len().saturating_sub(1)
    })
}

/// Where the entry's keys are. Entries with one ARN share one endpoint: the one that is written, if any.
fn key_source(entries: &[Entry<'_>], position: usize) -> Option<KeySource> {
    let entry = entries.get(position)?;
    let arn = entry.arn.as_ref()?;
    let same_arn = |other: &&Entry<'_>| other.arn.as_ref() == Some(arn);
    let mut written = entries
        .iter()
        .filter(same_arn)
        .filter_map(|other| other.key_endpoint.as_ref());
    let shared = written.next();
    let source = complete(arn, &entry.node, entry.key_endpoint.as_ref().or(shared))?;
    let earlier = entries.iter().take(position).filter(same_arn);
    let mut earlier = earlier.filter_map(|other| other.key_endpoint.as_ref());
    if let (Some(own), Some(first)) = (&entry.key_endpoint, earlier.next())
        && complete(arn, &entry.node, Some(first)).as_ref() != Some(&source)
    {
        own.node
            .problem::<()>("expected the endpoint of the earlier entry for this load balancer");
    }
    Some(source)
}

/// Derives what is not written.
fn complete(
    arn: &AlbArn,
    entry: &Node<'_>,
    written: Option<&KeyEndpoint<'_>>,
) -> Option<KeySource> {
    let (default_authority, default_prefix) = arn.documented_key_endpoint().unzip();
    let authority = written.and_then(|endpoint| endpoint.authority.clone());
    let Some(authority) = authority.or(default_authority) else {
        let message = format!(
            "required: AWS documents no key endpoint for the partition {}",
            arn.partition()
        );
        return entry.problem_at("keyEndpoint.authority", message);
    };
    let cluster = written.and_then(|endpoint| endpoint.cluster.clone());
    let path_prefix = written.and_then(|endpoint| endpoint.path_prefix.clone());
    Some(KeySource {
        cluster: cluster.unwrap_or_else(|| KeySource::istio_cluster(&authority)),
        path_prefix: path_prefix
            .or(default_prefix)
            .unwrap_or_else(|| "/".to_owned()),
        authority,
    })
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

fn read_key_endpoint<'a>(node: &Node<'a>) -> Option<KeyEndpoint<'a>> {
    let mut object = node.object()?;
    let o = &mut object;
    let endpoint = KeyEndpoint {
        node: node.clone(),
        cluster: o.optional("cluster").and_then(|n| read_cluster(&n)),
        authority: o.optional("authority").and_then(|n| read_authority(&n)),
        path_prefix: o.optional("pathPrefix").and_then(|n| read_url_path(&n)),
    };
    object.finish();
    Some(endpoint)
}

pub(super) fn read_cluster(node: &Node<'_>) -> Option<String> {
    node.text_that("the name of an Envoy cluster", |text| {
        !text.is_empty() && !has_control(text)
    })
}

pub(super) fn read_authority(node: &Node<'_>) -> Option<String> {
    node.text_that("a host name, with or without a port", routes::is_authority)
}

pub(super) fn read_url_path(node: &Node<'_>) -> Option<String> {
    let expected = "a path that starts with / and holds no whitespace";
    node.text_that(expected, |text| {
        text.starts_with('/') && is_visible_ascii(text)
    })
}
