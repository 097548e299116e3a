//! Istio's AuthorizationPolicies that decide by the filter's headers.

use alb_authn::config::Config;

use super::finding::Finding;
use super::plugin::at_path;
use super::value::Value;

/// Conditions that an absent header fulfils, or that deny by its value: who lacks the header passes.
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
            let path = format!("spec.rules[{i}].when[{k}]");
            let negative = condition.member("notValues").map(|_| "notValues");
            let positive = condition.member("values").filter(|_| denies);
            if let Some(field) = negative.or(positive.map(|_| "values")) {
                let message = format!(
                    "expected a header with a required entry in outputClaimToHeaders: {header} may be absent, also \
                     because its value is unusable, and who lacks it is then treated as if it held none of these values; \
                     let policies on it grant, never deny"
                );
                found.push(Finding::warning(format!("{path}.{field}"), message));
            }
        }
    }
    found
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
