//! What the configuration expects of access tokens.

use super::{Warning, load_balancers};
use crate::config_file::value::Value;

/// Without it the page that a rejected user sees can't offer to log in again.
const NO_LOGOUT: &str = "requests without a good access token are rejected, and only a new login brings another one: \
                         expected logout, which ends the load balancer's session and which the page for browsers links to";

const UNREAD: &str = "nothing reads the access token: expected source: accessToken in a mapping or required claim, or \
                      forwardAccessToken";

pub(super) fn warnings(config: &Value) -> Vec<Warning> {
    let mut found = Vec::new();
    if config.member("logout").is_none() {
        found.extend(required("", config));
        for (i, load_balancer) in load_balancers(config).iter().enumerate() {
            found.extend(required(&format!("loadBalancers[{i}]."), load_balancer));
        }
    }
    found.extend(unread(config));
    found
}

/// What rejects requests for their access token's sake, in the two lists that `holder` may have.
fn required(above: &str, holder: &Value) -> Vec<Warning> {
    let headers = entries(holder, "outputClaimToHeaders");
    let is_required = |entry: &Value| {
        let same_header = |other: &&Value| header(other) == header(entry);
        let mut others = headers.iter().filter(same_header);
        others.any(|other| other.member("required") != Some(&Value::Bool(false)))
    };
    let mut found = Vec::new();
    for (i, entry) in headers.iter().enumerate() {
        if reads_access_token(entry) && is_required(entry) {
            found.push(format!("{above}outputClaimToHeaders[{i}].source"));
        }
    }
    for (i, entry) in entries(holder, "requiredClaims").iter().enumerate() {
        if reads_access_token(entry) {
            found.push(format!("{above}requiredClaims[{i}].source"));
        }
    }
    let warning = |path| (path, NO_LOGOUT.to_owned());
    found.into_iter().map(warning).collect()
}

/// Each `accessToken` that changes nothing.
fn unread(config: &Value) -> Vec<Warning> {
    let is_true = |field| config.member(field) == Some(&Value::Bool(true));
    if is_true("forwardToken") || is_true("forwardAccessToken") {
        return Vec::new();
    }
    let reads = |holder: &Value, list| entries(holder, list).iter().any(reads_access_token);
    let load_balancers = load_balancers(config).iter().enumerate();
    let unread = load_balancers.filter(|(_, load_balancer)| {
        let own_list = load_balancer.member("outputClaimToHeaders").is_some();
        let list = if own_list { load_balancer } else { config };
        load_balancer.member("accessToken").is_some()
            && !reads(list, "outputClaimToHeaders")
            && !reads(config, "requiredClaims")
            && !reads(load_balancer, "requiredClaims")
    });
    unread
        .map(|(i, _)| (format!("loadBalancers[{i}].accessToken"), UNREAD.to_owned()))
        .collect()
}

fn entries<'a>(holder: &'a Value, list: &str) -> &'a [Value] {
    holder.member(list).map_or(&[], Value::items)
}

fn reads_access_token(entry: &Value) -> bool {
    entry.member("source").and_then(Value::as_str) == Some("accessToken")
}

/// The header's name as the filter reads it.
fn header(entry: &Value) -> Option<String> {
    Some(entry.member("header")?.as_str()?.to_ascii_lowercase())
}
