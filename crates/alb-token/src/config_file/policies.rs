//! Istio's AuthorizationPolicies that decide by the filter's headers.

use alb_authn::config::Config;

use super::finding::Finding;
use super::plugin::at_path;
use super::value::Value;

/// Conditions by which the lack of a header passes, or denies those who would have it.
pub(super) fn warnings(policy: &Value, configs: &[Config]) -> Vec<Finding> {
    let denies = at_path(policy, "spec.action").and_then(Value::as_str) == Some("DENY");
    let rules = at_path(policy, "spec.rules").map_or(&[][..], Value::items);
    let mut found = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        let conditions = rule.member("when").map_or(&[][..], Value::items);
        for (k, condition) in conditions.iter().enumerate() {
            let Some(header) = header_of(condition).filter(|it| is_optional(it, configs)) else {
                continue;
            };
            let Some((field, consequence)) = consequence(condition, denies) else {
                continue;
            };
            let path = format!("spec.rules[{i}].when[{k}].{field}");
            let message = format!(
                "expected a header with a required entry in outputClaimToHeaders: {header} may be absent, also because its \
                 value is unusable or its access token has expired, and {consequence}"
            );
            found.push(Finding::warning(path, message));
        }
    }
    found
}

/// The field that decides by the lack of a header, and what happens to a user who lacks it. To Istio an absent header has
/// none of the values: `notValues` matches it, and `values` does not.
fn consequence(condition: &Value, denies: bool) -> Option<(&'static str, &'static str)> {
    const PASSES: &str = "who lacks it passes; let policies on it grant, never deny";
    const DENIED: &str =
        "who lacks it is denied; nobody gets in by that, but it locks out those who would have it";
    let has = |field: &str| condition.member(field).is_some();
    match (has("notValues"), denies) {
        (true, true) => Some(("notValues", DENIED)),
        (true, false) => Some(("notValues", PASSES)),
        (false, true) if has("values") => Some(("values", PASSES)),
        (false, _) => None,
    }
}

/// `x-user` of `request.headers[x-user]`.
fn header_of(condition: &Value) -> Option<&str> {
    let key = condition.member("key")?.as_str()?;
    key.strip_prefix("request.headers[")?.strip_suffix(']')
}

/// Whether some configuration fills the header, and some load balancer's users may lack it.
fn is_optional(header: &str, configs: &[Config]) -> bool {
    configs.iter().any(|config| {
        let policies = |only_required: bool| {
            config.signers().filter(move |signer| {
                signer.headers.iter().any(|policy| {
                    policy.name.folds_with(header.as_bytes()) && (policy.required || !only_required)
                })
            })
        };
        let (filled, required) = (policies(false).count(), policies(true).count());
        filled > 0 && required < config.signers().count()
    })
}
