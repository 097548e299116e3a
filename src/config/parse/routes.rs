//! `allowMissingToken` and `logout`.

use super::claims::read_header_name;
use super::is_visible_ascii;
use crate::config::Logout;
use crate::config::reader::Node;
use crate::routes::{self, HostPattern, LogoutRoute, PathRule, PublicRoute};

pub(super) fn read_public_route(node: &Node<'_>) -> Option<PublicRoute> {
    let mut object = node.object()?;
    let o = &mut object;
    let exact = o.optional("path").map(|node| read_path(&node));
    let prefix = o.optional("pathPrefix").map(|node| {
        let expected =
            format!("a path that starts and ends with / and is not just /, {UNAMBIGUOUS}");
        let text = node.text_that(&expected, |text| {
            routes::is_plain_path(text) && text.ends_with('/') && text != "/"
        });
        text.map(PathRule::Prefix)
    });
    let methods = o.optional("methods").map(|node| {
        node.list(1..=usize::MAX, Clone::clone, |item| {
            item.text_that("a method in upper case, such as GET", routes::is_method)
        })
    });
    let hosts = o.optional("hosts").map(|node| read_hosts(&node));
    let with_header = o.optional("withHeader").map(|node| read_header_name(&node));
    object.finish();
    let path = match (exact, prefix) {
        (Some(_), Some(_)) => return node.problem("expected at most one of path, pathPrefix"),
        (None, None) if hosts.is_none() => {
            return node.problem("expected path, pathPrefix, or hosts for whole hosts");
        }
        (path, None) | (None, path) => present(path)?,
    };
    Some(PublicRoute {
        path,
        methods: present(methods)?,
        hosts: present(hosts)?,
        with_header: present(with_header)?,
    })
}

/// Absent stays absent; what was read wrongly makes the whole entry fail.
fn present<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// What servers could read in two ways would never match.
const UNAMBIGUOUS: &str = "in printable ASCII, without \\, //, ;, ?, #, . or .. segments, \
    and without escapes that servers read in two ways";

fn read_path(node: &Node<'_>) -> Option<PathRule> {
    let expected = format!("a path that starts with /, {UNAMBIGUOUS}");
    node.text_that(&expected, routes::is_plain_path)
        .map(PathRule::Exact)
}

fn read_hosts(node: &Node<'_>) -> Option<Vec<HostPattern>> {
    node.list(1..=usize::MAX, Clone::clone, |item| {
        let host = HostPattern::parse(item.text()?);
        host.or_else(|| {
            item.problem("expected a host name, such as kubeflow.example.com, *.example.com or *")
        })
    })
}

/// One logout, or one for each of several hosts.
pub(super) fn read_logouts(node: &Node<'_>) -> Option<Vec<Logout>> {
    if node.is_list() {
        return node.list(1..=usize::MAX, Clone::clone, read_logout);
    }
    Some(read_logout(node).into_iter().collect())
}

fn read_logout(node: &Node<'_>) -> Option<Logout> {
    let mut object = node.object()?;
    let path = object.required("path", |node| read_path(node));
    let location = object.required("location", |node| {
        node.text_that("an absolute https URL", |text| {
            let rest = text.strip_prefix("https://");
            let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
            authority.is_some_and(routes::is_authority) && is_visible_ascii(text)
        })
    });
    let hosts = object.optional("hosts").map(|node| read_hosts(&node));
    object.finish();
    let route = LogoutRoute {
        path: path?,
        hosts: present(hosts)?,
    };
    Some(Logout {
        route,
        location: location?,
    })
}
