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
fn an_end_of_an_address_without_an_at_sign_is_warned_of_in_a_mapping_too() {
    let list = "outputClaimToHeaders: [{header: x-user, claim: [email], keep: ['*@a.example', '*a.example']}]\n";
    check(
        &(load_balancers(&[""]) + list),
        &["~outputClaimToHeaders[0].keep[1]: expected *@DOMAIN"],
    );
}

#[test]
fn parts_of_distinguished_names_are_warned_of() {
    let mapping = |fields: &str| {
        format!(
            "outputClaimToHeaders: [{{header: x-user, claim: email}}, {{header: x-groups, claim: groups, {fields}}}]\n"
        )
    };
    let required = |fields: &str| format!("requiredClaims: [{{claim: groups, {fields}}}]\n");
    let looks = "looks like part of a distinguished name";
    let keep = mapping("format: list, keep: [ml, 'CN=ml*']");
    let any_of = required("format: list, anyOf: ['CN=ml,OU=Groups', ml]");
    for (list, path) in [
        (&keep, "outputClaimToHeaders[1].keep[1]"),
        (&any_of, "requiredClaims[0].anyOf[0]"),
    ] {
        check(
            &(load_balancers(&[""]) + list),
            &[&format!("~{path}: {looks}")],
        );
        check(
            &load_balancers(&[&format!("  {list}")]),
            &[&format!("~loadBalancers[0].{path}: {looks}")],
        );
    }
    // One name, or no commas to split at.
    for fields in [
        "keep: ['CN=ml,OU=Groups']",
        "format: spaceSeparated, keep: ['a=b']",
        "format: list, keep: [ml]",
    ] {
        check(&(load_balancers(&[""]) + &mapping(fields)), &[]);
    }
    check(
        &(load_balancers(&[""]) + &required("anyOf: ['CN=ml']")),
        &[],
    );
}

#[test]
fn whole_hosts_that_need_no_token_are_warned_of() {
    let entries =
        |entries: &str| load_balancers(&[""]) + &format!("allowMissingToken: [{entries}]\n");
    check(
        &entries(
            "{path: /a, hosts: [a.example]}, {hosts: [b.example], methods: [GET]}, {hosts: ['*']}",
        ),
        &[
            "~allowMissingToken[1]: every path of these hosts passes without a token",
            "~allowMissingToken[2]: every path of these hosts passes without a token",
        ],
    );
    check(&entries("{pathPrefix: /a/, hosts: ['*']}, {path: /b}"), &[]);
}

#[test]
fn one_role_for_users_of_two_load_balancers_is_what_was_meant() {
    let list = |prefix: &str| {
        format!(
            "  outputClaimToHeaders: [{{header: x-user, claim: email, prefix: '{prefix}'}}, \
             {{header: x-role, claim: sub, keep: ['*'], value: Viewer}}]\n"
        )
    };
    check(&load_balancers(&[&list("a:"), &list("b:")]), &[]);
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

/// A Cognito user pool, whose key set needs no words.
const POOL: &str = "  issuers: [https://cognito-idp.us-west-2.amazonaws.com/us-west-2_EXAMPLE]\n  accessToken: {}\n";

#[test]
fn what_rejects_for_the_access_tokens_sake_without_a_logout_is_warned_of() {
    let source = "claim: 'cognito:groups', source: accessToken";
    let required = format!("requiredClaims: [{{{source}, anyOf: [a]}}]\n");
    let headers = format!(
        "outputClaimToHeaders: [{{header: x-user, claim: email}}, {{header: x-groups, {source}}}, \
         {{header: x-team, {source}, required: false}}]\n"
    );
    // One required entry is enough: another one for the same header is withheld with it.
    let shared = format!(
        "outputClaimToHeaders: [{{header: x-user, claim: email}}, {{header: x-groups, {source}, required: false}}, \
         {{header: X-Groups, claim: groups}}]\n"
    );
    let logout = "logout: {path: /logout, location: 'https://idp.example.com/'}\n";
    for (list, path) in [
        (&required, "requiredClaims[0].source"),
        (&headers, "outputClaimToHeaders[1].source"),
        (&shared, "outputClaimToHeaders[1].source"),
    ] {
        let warning = |path: &str| format!("~{path}: requests without a good access token");
        let global = load_balancers(&[POOL]) + list;
        check(&global, &[&warning(path)]);
        check(&(global + logout), &[]);
        let own = load_balancers(&[&format!("{POOL}  {list}")]);
        check(&own, &[&warning(&format!("loadBalancers[0].{path}"))]);
    }
}

#[test]
fn an_access_token_that_nothing_reads_is_warned_of() {
    let unread = "~loadBalancers[0].accessToken: nothing reads the access token";
    let list = "outputClaimToHeaders: [{header: x-user, claim: sub}, \
                {header: x-groups, claim: groups, source: accessToken, required: false}]\n";
    let own = "  outputClaimToHeaders: [{header: x-user, claim: sub}]\n";
    check(&load_balancers(&[POOL]), &[unread]);
    check(&(load_balancers(&[POOL]) + list), &[]);
    check(&load_balancers(&[&format!("{POOL}  {list}")]), &[]);
    check(
        &(load_balancers(&[&format!("{POOL}{own}")]) + list),
        &[unread],
    );
}

#[test]
fn a_forwarded_access_token_is_warned_of() {
    let config = load_balancers(&[POOL]) + "forwardAccessToken: true\n";
    check(
        &config,
        &["~forwardAccessToken: the application gets the access token too"],
    );
}
