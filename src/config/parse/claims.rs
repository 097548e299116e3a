//! The entries of `outputClaimToHeaders` and `requiredClaims`, one by one.

use super::has_control;
use crate::config::reader::{Node, Object};
use crate::config::{
    ClaimPath, ClaimSource, ClaimToHeader, EmailVerified, Encoding, Format, RequiredClaim,
};
use crate::header_name::{HeaderName, NOT_ASSIGNABLE};
use crate::pattern::Pattern;

/// An entry and its place, for the rules that look at several entries.
#[derive(Clone)]
pub(super) struct ReadEntry<'a> {
    /// `None` for the default entry, which nobody wrote.
    pub(super) node: Option<Node<'a>>,
    pub(super) mapping: ClaimToHeader,
}

/// An entry of `requiredClaims` and its place.
#[derive(Clone)]
pub(super) struct ReadRequirement<'a> {
    pub(super) node: Node<'a>,
    pub(super) claim: RequiredClaim,
}

/// One list of entries.
pub(super) type ReadList<'a> = Vec<ReadEntry<'a>>;

pub(super) fn default_list() -> ReadList<'static> {
    let header = HeaderName::parse("kubeflow-userid");
    let entry = header.map(|header| ReadEntry {
        node: None,
        mapping: ClaimToHeader {
            header,
            claim: ClaimPath::Name("email".to_owned()),
            source: ClaimSource::UserClaims,
            format: Format::Text,
            keep: None,
            value: None,
            strip_prefix: String::new(),
            strip_suffix: String::new(),
            lowercase: false,
            encoding: Encoding::None,
            prefix: String::new(),
            separator: ',',
            required: true,
        },
    });
    entry.into_iter().collect()
}

pub(super) fn read_list<'a>(node: &Node<'a>) -> Option<ReadList<'a>> {
    let nodes = node.items()?;
    if nodes.is_empty() {
        return node.problem("expected at least 1 item(s)");
    }
    let mut list: ReadList<'a> = Vec::new();
    for node in nodes {
        let Some(mapping) = node.object().and_then(read_entry) else {
            continue;
        };
        if list.iter().any(|earlier| earlier.mapping == mapping) {
            node.problem::<()>("expected no duplicate of an earlier entry");
        }
        list.push(ReadEntry {
            node: Some(node),
            mapping,
        });
    }
    Some(list)
}

fn read_entry(mut object: Object<'_>) -> Option<ClaimToHeader> {
    let o = &mut object;
    let header = o.required("header", read_assignable_header);
    let claim = o.required("claim", read_claim_path);
    let mapping = ClaimToHeader {
        source: o.or("source", ClaimSource::UserClaims, read_source),
        format: o.or("format", Format::Text, read_format),
        required: o.or("required", true, Node::boolean),
        separator: o.or("separator", ',', read_separator),
        keep: o
            .optional("keep")
            .map(|node| read_patterns(&node).unwrap_or_default()),
        value: o
            .optional("value")
            .map(|node| read_value(&node).unwrap_or_default()),
        strip_prefix: o.or("stripPrefix", String::new(), read_text),
        strip_suffix: o.or("stripSuffix", String::new(), read_text),
        lowercase: o.or("lowercase", false, Node::boolean),
        encoding: o.or("encoding", Encoding::None, |node| {
            node.choice(&[("none", Encoding::None), ("percent", Encoding::Percent)])
        }),
        prefix: o.or("prefix", String::new(), read_prefix),
        header: header.clone().or_else(|| HeaderName::parse("x"))?,
        claim: claim.clone().unwrap_or(ClaimPath::Path(Vec::new())),
    };
    check_value_stands_alone(o, &mapping);
    object.finish();
    header.and(claim).map(|_| mapping)
}

/// A fixed text is written as it is, and only if some element is kept: without `keep` everybody would get it.
fn check_value_stands_alone(object: &Object<'_>, mapping: &ClaimToHeader) {
    if mapping.value.is_none() {
        return;
    }
    if mapping.keep.is_none() {
        object
            .node()
            .problem_at::<()>("value", "expected keep beside it");
    }
    for name in [
        "prefix",
        "stripPrefix",
        "stripSuffix",
        "lowercase",
        "encoding",
    ] {
        if object.has(name) {
            let message = "expected no such field beside value, which is written as it is";
            object.node().problem_at::<()>(name, message);
        }
    }
}

pub(super) fn read_source(node: &Node<'_>) -> Option<ClaimSource> {
    node.choice(&[
        ("userClaims", ClaimSource::UserClaims),
        ("accessToken", ClaimSource::AccessToken),
    ])
}

fn read_format(node: &Node<'_>) -> Option<Format> {
    node.choice(&[
        ("string", Format::Text),
        ("list", Format::List),
        ("spaceSeparated", Format::SpaceSeparated),
    ])
}

fn read_separator(node: &Node<'_>) -> Option<char> {
    node.choice(&[(",", ','), (";", ';'), ("|", '|'), (" ", ' ')])
}

fn read_text(node: &Node<'_>) -> Option<String> {
    node.text_that("a text without control characters", |text| {
        !has_control(text)
    })
}

fn read_value(node: &Node<'_>) -> Option<String> {
    let expected =
        "a text that is not empty, without control characters, and without whitespace at its ends";
    node.text_that(expected, |text| {
        !text.is_empty() && !has_control(text) && text.trim() == text
    })
}

/// Whitespace at the start of a header's value is lost on the way.
fn read_prefix(node: &Node<'_>) -> Option<String> {
    node.text_that(
        "no control characters and no whitespace at the start",
        |text| !has_control(text) && !text.starts_with(char::is_whitespace),
    )
}

fn read_patterns(node: &Node<'_>) -> Option<Vec<Pattern>> {
    node.list(1..=usize::MAX, Clone::clone, |item| {
        Pattern::parse(item.text()?).or_else(|| {
            item.problem("expected at most one *, at the start or at the end, or * alone")
        })
    })
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

/// The email rule is filled in when `emailVerified` is known.
pub(super) fn read_required_claims<'a>(node: &Node<'a>) -> Option<Vec<ReadRequirement<'a>>> {
    let claim = |requirement: &ReadRequirement<'a>| requirement.claim.clone();
    node.list(0..=usize::MAX, claim, |item| {
        let mut object = item.object()?;
        let claim = object.required("claim", read_claim_path);
        let source = object.or("source", ClaimSource::UserClaims, read_source);
        let format = object.or("format", Format::Text, read_format);
        let any_of = object.required("anyOf", read_patterns);
        let ignore_case = object.or("ignoreCase", false, Node::boolean);
        object.finish();
        Some(ReadRequirement {
            node: item.clone(),
            claim: RequiredClaim {
                claim: claim?,
                source,
                format,
                any_of: any_of?,
                ignore_case,
                email_rule: EmailVerified::Ignored,
            },
        })
    })
}

/// Why `source: accessToken` can't hold for a load balancer.
pub(super) const NO_ACCESS_TOKEN: &str =
    "expected userClaims: a load balancer that this holds for has no accessToken";
