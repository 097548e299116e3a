//! Issuers that no token has. The filter compares an issuer exactly, so each of them locks everybody out.

use super::Warning;
use crate::config_file::value::Value;

pub(super) fn warnings(path: &str, load_balancer: &Value) -> Vec<Warning> {
    let issuers = load_balancer
        .member("issuers")
        .map_or(&[][..], Value::items);
    let issuers = issuers.iter().enumerate();
    issuers
        .filter_map(|(i, issuer)| {
            let message = why_impossible(issuer.as_str()?)?;
            Some((format!("{path}.issuers[{i}]"), message))
        })
        .collect()
}

fn why_impossible(issuer: &str) -> Option<String> {
    if issuer == "*" {
        return None;
    }
    if let Some(region) = region_of_pool(issuer) {
        return Some(format!(
            "a user pool's id is no issuer; expected https://cognito-idp.{region}.amazonaws.com/{issuer}"
        ));
    }
    let Some(rest) = issuer.strip_prefix("https://") else {
        return Some("expected an https URL, as the identity provider calls itself".to_owned());
    };
    if rest.contains("/.well-known") {
        return Some(
            "the address of the discovery document is no issuer; expected what it says as `issuer`"
                .to_owned(),
        );
    }
    let tenant = rest.split('/').nth(1);
    let of_many = tenant.filter(|it| ["common", "organizations", "consumers"].contains(it))?;
    Some(format!(
        "no token names /{of_many} as its issuer, which stands for many tenants; expected your tenant's id in its place"
    ))
}

/// `us-west-2` of `us-west-2_AbCdEf123`.
fn region_of_pool(text: &str) -> Option<&str> {
    let (region, id) = text.split_once('_')?;
    let is_region = region.contains('-')
        && region
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let is_id = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric());
    (is_region && is_id).then_some(region)
}
