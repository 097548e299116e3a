//! `outputClaimToHeaders` and `requiredClaims`.

use super::has_control;
use crate::config::reader::Node;
use crate::config::{ClaimPath, ClaimToHeader, RequiredClaim, SYSTEM_PREFIX};
use crate::header_name::{HeaderName, NOT_ASSIGNABLE};

pub(super) fn read_output(node: &Node<'_>) -> Option<Vec<ClaimToHeader>> {
    let mut seen: Vec<HeaderName> = Vec::new();
    let nodes = node.items()?;
    if nodes.is_empty() {
        return node.problem("expected at least 1 item(s)");
    }
    let mut mappings = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let Some(mut object) = node.object() else {
            continue;
        };
        let header = object.required("header", |node| {
            let header = read_assignable_header(node)?;
            if seen
                .iter()
                .any(|earlier| earlier.folds_with(header.as_str().as_bytes()))
            {
                return node.problem("expected no spelling of an earlier entry's header");
            }
            seen.push(header.clone());
            Some(header)
        });
        let claim = object.required("claim", read_claim_path);
        let reserves_system = index == 0 || header.as_ref().is_some_and(names_to_kubernetes);
        let prefix = object.or("prefix", String::new(), |node| {
            read_prefix(node, reserves_system)
        });
        let lowercase = object.or("lowercase", false, Node::boolean);
        let required = object.or("required", true, Node::boolean);
        object.finish();
        if let (Some(header), Some(claim)) = (header, claim) {
            mappings.push(ClaimToHeader {
                header,
                claim,
                prefix,
                other_prefixes: Vec::new(),
                reserves_system,
                lowercase,
                required,
            });
        }
    }
    Some(mappings)
}

/// Headers whose values are users or groups to Kubeflow, to Kubernetes' authenticating proxy or to
/// impersonation, besides the first one of each list.
fn names_to_kubernetes(header: &HeaderName) -> bool {
    const NAMES: [&str; 6] = [
        "kubeflow-userid",
        "kubeflow-groups",
        "x-remote-user",
        "x-remote-group",
        "impersonate-user",
        "impersonate-group",
    ];
    NAMES.iter().any(|name| header.folds_with(name.as_bytes()))
}

fn read_prefix(node: &Node<'_>, reserves_system: bool) -> Option<String> {
    // Whitespace at the start of a header's value is lost on the way.
    let prefix = node.text_that(
        "no control characters and no whitespace at the start",
        |text| !has_control(text) && !text.starts_with(char::is_whitespace),
    )?;
    if reserves_system && prefix.starts_with(SYSTEM_PREFIX) {
        return node
            .problem("expected no system: at the start: Kubernetes' own names begin with it");
    }
    Some(prefix)
}

pub(super) fn read_assignable_header(node: &Node<'_>) -> Option<HeaderName> {
    let header = read_header_name(node)?;
    if header.is_assignable() {
        return Some(header);
    }
    let others = NOT_ASSIGNABLE.join(", ");
    node.problem(format!(
        "expected a header other than {others} and x-amzn-oidc-*"
    ))
}

pub(super) fn read_header_name(node: &Node<'_>) -> Option<HeaderName> {
    HeaderName::parse(node.text()?).or_else(|| {
        node.problem(
            "expected a header name of letters, digits, - and _ that begins with a letter or digit",
        )
    })
}

fn read_claim_path(node: &Node<'_>) -> Option<ClaimPath> {
    let read_name =
        |node: &Node<'_>| node.text_that("a non-empty claim name", |text| !text.is_empty());
    if !node.is_list() {
        return Some(ClaimPath::Name(read_name(node)?));
    }
    let nodes = node.items()?;
    if nodes.is_empty() {
        return node.problem("expected at least 1 item(s)");
    }
    let segments: Vec<Option<String>> = nodes.iter().map(read_name).collect();
    Some(ClaimPath::Path(
        segments.into_iter().collect::<Option<_>>()?,
    ))
}

pub(super) fn read_required_claims(node: &Node<'_>) -> Option<Vec<RequiredClaim>> {
    node.list(0..=usize::MAX, Clone::clone, |item| {
        let mut object = item.object()?;
        let claim = object.required("claim", read_claim_path);
        let any_of = object.required("anyOf", |node| {
            node.list(1..=usize::MAX, Clone::clone, |item| {
                Some(item.text()?.to_owned())
            })
        });
        object.finish();
        Some(RequiredClaim {
            claim: claim?,
            any_of: any_of?,
        })
    })
}
