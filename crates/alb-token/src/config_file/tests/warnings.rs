//! What the filter accepts, and its author may not have meant.

use super::*;

/// A configuration with one load balancer for each text, which are its further fields.
fn load_balancers(fields: &[&str]) -> String {
    let entries = fields.iter().enumerate().map(|(i, fields)| {
        let arn = ARN.replace("50dc6c495c0c9188", &format!("{i:016x}"));
        let issuers = match fields.contains("issuers") {
            true => "",
            false => "  issuers: [https://idp.example.com]\n",
        };
        format!("- arn: {arn}\n  clientIds: [client-1]\n{issuers}{fields}")
    });
    format!("loadBalancers:\n{}", entries.collect::<String>())
}

#[test]
fn issuers_that_no_token_has_are_named() {
    for (issuer, expected) in [
        (
            "us-west-2_AbCdEf123",
            "a user pool's id is no issuer; expected https://cognito-idp.us-west-2.amazonaws.com/us-west-2_AbCdEf123",
        ),
        ("http://idp.example.com", "expected an https URL"),
        ("idp.example.com", "expected an https URL"),
        (
            "https://idp.example.com/.well-known/openid-configuration",
            "the address of the discovery document is no issuer",
        ),
        (
            "https://login.microsoftonline.com/common/v2.0",
            "no token names /common as its issuer",
        ),
        (
            "https://login.microsoftonline.com/organizations/v2.0",
            "no token names /organizations",
        ),
    ] {
        let config =
            load_balancers(&[&format!("  issuers: [https://a.example.com, '{issuer}']\n")]);
        check(
            &config,
            &[&format!("~loadBalancers[0].issuers[1]: {expected}")],
        );
    }
    for good in [
        "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_AbCdEf123",
        "https://idp.example.com/realms/common",
        "https://idp.example.com/",
    ] {
        check(&load_balancers(&[&format!("  issuers: ['{good}']\n")]), &[]);
    }
}

#[test]
fn a_user_named_by_a_claim_that_users_can_edit_is_warned_of() {
    for claim in ["upn", "preferred_username", "username", "nickname", "name"] {
        let list = format!("outputClaimToHeaders: [{{header: x-user, claim: {claim}}}]\n");
        let expected = format!("users can often edit {claim} at the identity provider");
        check(
            &(load_balancers(&[""]) + &list),
            &[&format!("~outputClaimToHeaders[0].claim: {expected}")],
        );
        check(
            &load_balancers(&[&format!("  {list}")]),
            &[&format!(
                "~loadBalancers[0].outputClaimToHeaders[0].claim: {expected}"
            )],
        );
    }
    // Other headers name nobody.
    let list =
        "outputClaimToHeaders: [{header: x-user, claim: sub}, {header: x-name, claim: name}]\n";
    check(&(load_balancers(&[""]) + list), &[]);
}

#[test]
fn an_end_of_an_address_without_an_at_sign_is_warned_of() {
    let required =
        |allowed: &str| format!("requiredClaims: [{{claim: email, anyOf: [{allowed}]}}]\n");
    let config =
        load_balancers(&[""]) + &required("'*example.com', '*@example.com', 'a@example.com'");
    check(&config, &["~requiredClaims[0].anyOf[0]: expected *@DOMAIN"]);
    let config = load_balancers(&[&format!("  {}", required("'*.example.com'"))]);
    check(
        &config,
        &["~loadBalancers[0].requiredClaims[0].anyOf[0]: expected *@DOMAIN"],
    );
    let other = "requiredClaims: [{claim: tenant, anyOf: ['*blue']}]\n";
    check(&(load_balancers(&[""]) + other), &[]);
}

#[test]
fn users_headers_that_differ_between_load_balancers_are_warned_of() {
    let own = "  outputClaimToHeaders: [{header: x-user, claim: email}]\n";
    check(
        &load_balancers(&["", own]),
        &[
            "~loadBalancers[1].outputClaimToHeaders[0].header: the user's header is x-user here and kubeflow-userid for \
           loadBalancers[0]",
        ],
    );
    // One spelling of it or another is the same header to applications.
    let spelt = own
        .replace("x-user", "Kubeflow-UserID")
        .replace("claim: email", "claim: email, prefix: 'p:'");
    check(&load_balancers(&["", &spelt]), &[]);
}

#[test]
fn users_of_two_load_balancers_that_look_the_same_are_warned_of() {
    let list = |prefix: &str| {
        format!(
            "  outputClaimToHeaders: [{{header: kubeflow-userid, claim: email, prefix: '{prefix}'}}]\n"
        )
    };
    let shared = |path: &str, other: usize| {
        format!("~{path}: fills kubeflow-userid with the same prefix as loadBalancers[{other}]")
    };
    check(
        &load_balancers(&["", ""]),
        &[&shared("loadBalancers[1]", 0)],
    );
    check(&load_balancers(&["", &list("p:")]), &[]);
    let path = "loadBalancers[2].outputClaimToHeaders";
    check(
        &load_balancers(&["", &list("p:"), &list("p:")]),
        &[&shared(path, 1)],
    );
    check(&load_balancers(&["", &list("p:"), &list("q:")]), &[]);
}
