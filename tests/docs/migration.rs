//! `docs/migrate.md` says of every setting of the ways that people come from what becomes of it.

use crate::markdown::{rows, section};

const MIGRATION: &str = include_str!("../../docs/migrate.md");

/// What a row may begin with: the name stays, has another one, or goes.
const FATES: [&str; 3] = ["supported", "replaced by ", "not needed"];

/// The names in awslabs/kubeflow-manifests (`awsconfigs/common`: istio-ingress, aws-authservice) and in
/// kubeflow/manifests (`common/oauth2-proxy/base`, `common/dex/base`), by the section that has them.
const SETTINGS: [(&str, &[&str]); 4] = [
    (
        "## From awslabs/kubeflow-manifests: Cognito",
        &[
            "CognitoUserPoolArn",
            "CognitoAppClientId",
            "CognitoUserPoolDomain",
            "certArn",
            "loadBalancerScheme",
            "LOGOUT_URL",
            "PORT",
            "httpHeaderName",
            "httpHeaderValues",
        ],
    ),
    (
        "## From awslabs/kubeflow-manifests: OIDC",
        &[
            "oidcIssuer",
            "oidcAuthorizationEndpoint",
            "oidcTokenEndpoint",
            "oidcUserInfoEndpoint",
            "clientID",
            "clientSecret",
        ],
    ),
    (
        "### oauth2-proxy's settings",
        &[
            "provider",
            "oidc_issuer_url",
            "scope",
            "email_domains",
            "upstreams",
            "skip_auth_routes",
            "api_routes",
            "skip_oidc_discovery",
            "login_url",
            "redeem_url",
            "oidc_jwks_url",
            "skip_provider_button",
            "provider_display_name",
            "custom_sign_in_logo",
            "banner",
            "footer",
            "prompt",
            "set_authorization_header",
            "set_xauthrequest",
            "cookie_name",
            "cookie_expire",
            "cookie_refresh",
            "code_challenge_method",
            "redirect_url",
            "relative_redirect_url",
            "client-id",
            "client-secret",
            "cookie-secret",
            "FORCE_HTTPS",
            "ALLOW_SELF_SIGNED_ISSUER",
            "ENABLE_M2M_TOKENS",
            "EXTRA_JWT_ISSUERS",
        ],
    ),
    (
        "### Dex's settings",
        &[
            "issuer",
            "storage",
            "web",
            "logger",
            "oauth2",
            "enablePasswordDB",
            "staticPasswords",
            "staticClients",
            "connectors",
        ],
    ),
];

#[test]
fn each_setting_of_what_people_run_today_has_one_row() {
    for (heading, names) in SETTINGS {
        let rows = rows(section(MIGRATION, heading), "Name");
        for name in names {
            let quoted = format!("`{name}`");
            let of_name = rows.iter().filter(|row| row[0].contains(&quoted));
            assert_eq!(of_name.count(), 1, "{heading}: {name}");
        }
    }
}

#[test]
fn each_row_says_supported_replaced_or_not_needed() {
    let settings = rows(MIGRATION, "Name");
    let lua = rows(MIGRATION, "What it does");
    assert!(!lua.is_empty());
    for row in settings.iter().chain(&lua) {
        assert!(FATES.iter().any(|fate| row[1].starts_with(fate)), "{row:?}");
    }
}

/// What a parameter is replaced by exists.
#[test]
fn the_parameters_that_the_rows_name_are_the_overlays() {
    let overlays = concat!(
        include_str!("../../deploy/overlays/kubeflow-cognito/params.env"),
        include_str!("../../deploy/overlays/kubeflow-oidc/params.env")
    );
    let schema = include_str!("../../docs/config.schema.json");
    for row in rows(MIGRATION, "Name") {
        let Some(by) = row[1].strip_prefix("replaced by `") else {
            continue;
        };
        let name = by.split(['`', '[']).next().unwrap();
        let is_parameter = overlays.contains(&format!("\n{name}="));
        let is_field = schema.contains(&format!("\"{name}\""));
        let is_other =
            name.contains(['/', ' ', ':']) || name == "jwtRules" || name.ends_with("Params");
        assert!(is_parameter || is_field || is_other, "{name}");
    }
}
