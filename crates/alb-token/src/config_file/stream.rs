//! What the objects of one stream say about each other, and about objects without a configuration.

use super::finding::Finding;
use super::object::Kind;
use super::plugin::{Plugin, at_path, join, object_name};
use super::policies;
use super::value::Value;

const ANNOTATIONS: &str = "alb.ingress.kubernetes.io";

/// What the load balancer's controller uses if an Ingress names no cookie.
const DEFAULT_COOKIE: &str = "AWSELBAuthSessionCookie";

/// The findings about all objects together; those about one configuration are the plugins' own.
pub(super) fn judge(objects: &[&Value], plugins: &[Plugin]) -> Vec<Finding> {
    let configs: Vec<_> = plugins.iter().filter_map(|it| it.config().ok()).collect();
    let cookies: Vec<&str> = configs
        .iter()
        .flat_map(|config| config.session_cookies.iter().map(String::as_str))
        .collect();
    let mut found = Vec::new();
    for object in objects {
        let of_object = match of_kind(object) {
            Some(("networking.k8s.io", "Ingress")) => ingress(object, &cookies),
            Some(("networking.istio.io", "EnvoyFilter")) => envoy_filter(object),
            Some(("security.istio.io", "AuthorizationPolicy")) => {
                policies::warnings(object, &configs)
            }
            _ => bearers(object, objects),
        };
        let name = object_name(object);
        found.extend(of_object.into_iter().map(|finding| finding.of(&name)));
    }
    found.extend(plugin_names(objects));
    found.sort_by_key(|finding| finding.severity);
    found
}

/// API group and kind.
fn of_kind(object: &Value) -> Option<(&str, &str)> {
    let version = object.member("apiVersion")?.as_str()?;
    let (group, _) = version.split_once('/')?;
    Some((group, object.member("kind")?.as_str()?))
}

fn ingress(object: &Value, cookies: &[&str]) -> Vec<Finding> {
    let path = |name| format!("metadata.annotations[{ANNOTATIONS}/{name}]");
    let annotation = |name: &str| {
        let annotations = at_path(object, "metadata.annotations")?;
        annotations
            .member(&format!("{ANNOTATIONS}/{name}"))?
            .as_str()
    };
    let mut found = Vec::new();
    if annotation("group.name").is_some() {
        let message = "expected none: an Ingress of the same group, in any namespace, can add a rule without a login \
                       to this load balancer, whose tokens the filter trusts";
        found.push(Finding::problem(path("group.name"), message));
    }
    let logs_in = annotation("auth-type").is_some_and(|it| ["cognito", "oidc"].contains(&it));
    let cookie = annotation("auth-session-cookie").or(logs_in.then_some(DEFAULT_COOKIE));
    if let Some(cookie) = cookie.filter(|it| !cookies.is_empty() && !cookies.contains(it)) {
        let message = format!(
            "expected a name in sessionCookies ({}): applications would receive the cookie {cookie}, which is the \
             user's login, and it would outlive a logout",
            cookies.join(", ")
        );
        found.push(Finding::problem(path("auth-session-cookie"), message));
    }
    found
}

/// Envoy's own words for what WasmPlugin calls FAIL_OPEN. No other filter of Envoy has these fields.
fn envoy_filter(object: &Value) -> Vec<Finding> {
    let path = "spec.configPatches";
    let mut paths = Vec::new();
    if let Some(patches) = at_path(object, path) {
        fail_open(patches, path, &mut paths);
    }
    let message =
        "expected a Wasm filter that fails closed: every request passes when its module can't run";
    let problem = |path| Finding::problem(path, message);
    paths.into_iter().map(problem).collect()
}

fn fail_open(value: &Value, path: &str, found: &mut Vec<String>) {
    for (name, member) in value.members() {
        let below = join(path, name);
        let is_open = match name.as_str() {
            "fail_open" | "failOpen" => *member == Value::Bool(true),
            "failure_policy" | "failurePolicy" => member.as_str() == Some("FAIL_OPEN"),
            _ => false,
        };
        fail_open(member, &below, found);
        found.extend(is_open.then_some(below));
    }
    for (i, item) in value.items().iter().enumerate() {
        fail_open(item, &format!("{path}[{i}]"), found);
    }
}

/// Bearer tokens that the filter lets pass, and nothing verifies.
fn bearers(object: &Value, objects: &[&Value]) -> Vec<Finding> {
    let has = |kind| {
        objects
            .iter()
            .any(|it| of_kind(it) == Some(("security.istio.io", kind)))
    };
    let Some(kind) = Kind::of(object) else {
        return Vec::new();
    };
    if has("RequestAuthentication") && has("AuthorizationPolicy") {
        return Vec::new();
    }
    let path = join(kind.config_path(), "allowMissingToken");
    let entries = at_path(object, &path).map_or(&[][..], Value::items);
    let lets_bearers_pass = |entry: &Value| {
        let header = entry.member("withHeader").and_then(Value::as_str);
        header.is_some_and(|name| name.eq_ignore_ascii_case("authorization"))
    };
    let message = "expected a RequestAuthentication and an AuthorizationPolicy as well: the filter doesn't verify \
                   bearer tokens, so anybody who invents one passes";
    let entries = entries.iter().enumerate();
    entries
        .filter(|(_, entry)| lets_bearers_pass(entry))
        .map(|(i, _)| Finding::warning(format!("{path}[{i}].withHeader"), message))
        .collect()
}

/// Envoy tells plugins in one VM apart by this name.
fn plugin_names(objects: &[&Value]) -> Vec<Finding> {
    let mut seen: Vec<(&str, String)> = Vec::new();
    let mut found = Vec::new();
    for object in objects {
        let path = Kind::of(object).map(|kind| kind.plugin_name_path());
        let Some((path, name)) = path
            .as_deref()
            .and_then(|path| Some((path, at_path(object, path)?.as_str()?)))
        else {
            continue;
        };
        match seen.iter().find(|(other, _)| *other == name) {
            Some((_, first)) => {
                let message = format!(
                    "{first} has the same name: Envoy can't tell two plugins of one name apart in its metrics and logs"
                );
                found.push(Finding::warning(path, message).of(&object_name(object)));
            }
            None => seen.push((name, object_name(object))),
        }
    }
    found
}
