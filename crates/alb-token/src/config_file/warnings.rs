//! Warnings about a configuration: what the filter accepts, and what its author should have meant.

mod access_tokens;
mod issuers;
mod mappings;
mod values;

use super::value::Value;

/// A path in the configuration, and what to say about it.
pub(super) type Warning = (String, String);

pub(super) fn of_config(config: &Value) -> Vec<Warning> {
    let mut found = settings(config);
    for (i, load_balancer) in load_balancers(config).iter().enumerate() {
        let path = format!("loadBalancers[{i}]");
        found.extend(anybody(&path, load_balancer));
        found.extend(issuers::warnings(&path, load_balancer));
    }
    found.extend(mappings::warnings(config));
    found.extend(values::warnings("", config));
    for (i, load_balancer) in load_balancers(config).iter().enumerate() {
        let path = format!("loadBalancers[{i}].");
        found.extend(values::warnings(&path, load_balancer));
    }
    found.extend(access_tokens::warnings(config));
    found.extend(whole_hosts(config));
    found
}

fn load_balancers(config: &Value) -> &[Value] {
    config.member("loadBalancers").map_or(&[], Value::items)
}

/// The name of a top-level claim, which may be written as a path of one name.
fn claim_name(entry: &Value) -> Option<&str> {
    let claim = entry.member("claim")?;
    match claim.items() {
        [only] => only.as_str(),
        _ => claim.as_str(),
    }
}

fn settings(config: &Value) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |path: &str, message: &str| found.push((path.to_owned(), message.to_owned()));
    if config.member("mode").and_then(Value::as_str) == Some("observe") {
        warn("mode", "nothing is refused: every request passes");
    }
    for (field, message) in [
        (
            "forwardToken",
            "the application gets the tokens too, and can replay them while they live",
        ),
        (
            "forwardAccessToken",
            "the application gets the access token too, unless a RequestAuthentication behind the filter removes it",
        ),
        (
            "forwardSessionCookies",
            "the application gets the session cookies too, and can sign in with them elsewhere",
        ),
    ] {
        if config.member(field) == Some(&Value::Bool(true)) {
            warn(field, message);
        }
    }
    found
}

fn anybody(path: &str, load_balancer: &Value) -> Vec<Warning> {
    let fields = [
        (
            "issuers",
            "any identity provider of this load balancer is trusted",
        ),
        (
            "clientIds",
            "any application behind this load balancer's rules can sign users in",
        ),
    ];
    let is_any = |value: &Value| matches!(value.items(), [only] if only.as_str() == Some("*"));
    let given = fields
        .iter()
        .filter(|(field, _)| load_balancer.member(field).is_some_and(is_any));
    given
        .map(|(field, message)| (format!("{path}.{field}"), (*message).to_owned()))
        .collect()
}

/// Entries of `allowMissingToken` without a path.
fn whole_hosts(config: &Value) -> Vec<Warning> {
    let entries = config.member("allowMissingToken");
    let entries = entries.map_or(&[][..], Value::items).iter().enumerate();
    let has_no_path = |entry: &Value| {
        ["path", "pathPrefix"]
            .iter()
            .all(|name| entry.member(name).is_none())
    };
    let message = "every path of these hosts passes without a token, and so does what is added to them later; expected \
                   a path or pathPrefix if only part of them is public";
    entries
        .filter(|(_, entry)| entry.member("hosts").is_some() && has_no_path(entry))
        .map(|(i, _)| (format!("allowMissingToken[{i}]"), message.to_owned()))
        .collect()
}
