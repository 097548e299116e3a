//! What the AWS API refuses, and what would make no sense here.

use hyper::StatusCode;
use hyper::http::Uri;

use super::{Action, AuthenticateOidcConfig, Config, InvalidConfig, Listener, Protocol};

pub(super) fn check(config: &Config) -> Result<(), InvalidConfig> {
    for (index, listener) in config.listeners.iter().enumerate() {
        let path = format!("Listeners[{index}]");
        check_listener(listener, &path)?;
        for actions in listener.all_actions() {
            check_actions(config, listener, actions, &path)?;
        }
    }
    Ok(())
}

fn check_listener(listener: &Listener, path: &str) -> Result<(), InvalidConfig> {
    let needs_certificate = listener.protocol == Protocol::Https;
    if needs_certificate != listener.certificate.is_some() {
        return invalid(
            path,
            "an HTTPS listener has a Certificate, an HTTP listener has none",
        );
    }
    Ok(())
}

fn check_actions(
    config: &Config,
    listener: &Listener,
    actions: &[Action],
    path: &str,
) -> Result<(), InvalidConfig> {
    let Some((last, before)) = actions.split_last() else {
        return invalid(path, "a rule needs an action");
    };
    if matches!(last, Action::AuthenticateOidc { .. }) {
        return invalid(
            path,
            "the last action must be forward, redirect or fixed-response",
        );
    }
    for action in before {
        let Action::AuthenticateOidc { config } = action else {
            return invalid(
                path,
                "only authenticate-oidc may stand before another action",
            );
        };
        if listener.protocol == Protocol::Http {
            return invalid(
                path,
                "authenticate-oidc is supported only with HTTPS listeners",
            );
        }
        check_login(config, path)?;
    }
    match last {
        Action::Forward { target_group_arn }
            if !config.target_groups.contains_key(target_group_arn) =>
        {
            invalid(path, "TargetGroupArn: not one of TargetGroups")
        }
        Action::FixedResponse { config } if !is_status(&config.status_code) => {
            invalid(path, "StatusCode: 2XX, 4XX or 5XX")
        }
        _ => Ok(()),
    }
}

fn check_login(login: &AuthenticateOidcConfig, path: &str) -> Result<(), InvalidConfig> {
    for (member, url) in [
        ("AuthorizationEndpoint", &login.authorization_endpoint),
        ("TokenEndpoint", &login.token_endpoint),
        ("UserInfoEndpoint", &login.user_info_endpoint),
    ] {
        let is_https = url
            .parse::<Uri>()
            .is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
        if !is_https {
            return invalid(path, &format!("{member}: must be a full https URL"));
        }
    }
    let is_token = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if !is_token(&login.session_cookie_name) {
        return invalid(path, "SessionCookieName: letters, digits, `-`, `_` and `.`");
    }
    if !(1..=604_800).contains(&login.session_timeout) {
        return invalid(path, "SessionTimeout: 1 to 604800 seconds");
    }
    Ok(())
}

fn is_status(code: &str) -> bool {
    StatusCode::from_bytes(code.as_bytes()).is_ok_and(|status| {
        status.is_success() || status.is_client_error() || status.is_server_error()
    })
}

fn invalid(path: &str, what: &str) -> Result<(), InvalidConfig> {
    Err(InvalidConfig(format!("{path}: {what}")))
}
