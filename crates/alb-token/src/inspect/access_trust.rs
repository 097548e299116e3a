//! The configuration that would read an access token.

use serde_json::{Value, json};

use super::access::CLIENT_CLAIMS;
use super::groups::is_one_line;
use super::members::Members;
use super::trust::{Trust, is_plain};
use super::{Kind, groups};
use crate::config_file::quoted;

/// Microsoft Graph, as Entra ID names it in `aud`.
const GRAPH: [&str; 2] = [
    "00000003-0000-0000-c000-000000000000",
    "https://graph.microsoft.com",
];

/// An entry for the issuer of an access token. The load balancer is not in the token.
pub(crate) struct TrustedIssuer {
    issuer: String,
    /// Empty if the token names none.
    client: String,
    /// The claim that equals the user's `sub`, if it is not `sub`.
    subject: Option<&'static str>,
    hints: Vec<String>,
}

pub(super) fn trust(header: Option<&Members>, claims: Option<&Members>) -> Trust {
    let (Some(header), Some(claims)) = (header, claims) else {
        return Trust::Impossible("header and claims could not be decoded");
    };
    if let Some(why) = unusable(header, claims) {
        return Trust::Impossible(why);
    }
    let issuer = claims.text("iss");
    let Some(issuer) = issuer.filter(|issuer| is_plain(issuer) && is_one_line(issuer)) else {
        return Trust::Impossible("it has no `iss` that can be configured");
    };
    let named = CLIENT_CLAIMS.iter().find_map(|name| claims.text(name));
    let mut hints = Vec::new();
    let client = named.or_else(|| {
        let audience = sole_audience(claims)?;
        hints.push(
            "The token names its client in `aud` only. If that is not the client id of your load balancer's rule, \
             list it in accessToken.audiences."
                .to_owned(),
        );
        Some(audience)
    });
    // Okta's authorization servers: `sub` is the login name there, and the user's `sub` is in `uid`.
    let is_okta = claims.text("cid").is_some() && claims.text("uid").is_some();
    hints.extend(groups::hints(claims, Kind::Access));
    Trust::AccessToken(Box::new(TrustedIssuer {
        issuer,
        client: client.filter(is_plain).unwrap_or_default(),
        subject: is_okta.then_some("uid"),
        hints,
    }))
}

/// Why no configuration helps.
fn unusable(header: &Members, claims: &Members) -> Option<&'static str> {
    let audiences = audiences(claims);
    let is_graphs = audiences
        .iter()
        .any(|audience| GRAPH.contains(&audience.trim_end_matches('/')));
    let is_id_token = claims.text("token_use").as_deref() == Some("id")
        || claims.text("typ").as_deref() == Some("ID");
    match header.text("alg").as_deref() {
        _ if is_graphs || header.raw("nonce").is_some() => Some(
            "it is Microsoft Graph's token, which only Graph can verify. Federate Entra ID through a provider that \
             puts groups into the user's claims",
        ),
        _ if is_id_token => Some(
            "it is an ID token. The load balancer passes on the access token, in x-amzn-oidc-accesstoken",
        ),
        Some("RS256") => None,
        Some("HS256" | "HS384" | "HS512") => Some(
            "a secret signs it (`alg`), and no key set can contain a secret. Let the provider sign with RS256",
        ),
        _ => Some("only RS256 is verified. Let the provider sign with it"),
    }
}

fn audiences(claims: &Members) -> Vec<String> {
    let value = claims
        .raw("aud")
        .and_then(|raw| serde_json::from_str(raw).ok());
    match value {
        Some(Value::String(audience)) => vec![audience],
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

fn sole_audience(claims: &Members) -> Option<String> {
    match audiences(claims).as_slice() {
        [audience] => Some(audience.clone()),
        _ => None,
    }
}

impl TrustedIssuer {
    pub(super) fn yaml(&self) -> String {
        let client_hint = if self.client.is_empty() {
            "  # the client id of your load balancer's rule: the token names none"
        } else {
            ""
        };
        let mut yaml = format!(
            "loadBalancers:\n- arn: \"\"  # your load balancer's: no access token names it\n  issuers: [{}]\n  \
             clientIds: [{}]{client_hint}\n",
            quoted(&self.issuer),
            quoted(&self.client),
        );
        let mut members = String::new();
        if !self.is_cognito() {
            members.push_str(&format!(
                "    jwks:\n      authority: \"\"  # host and path of `jwks_uri` in {}/.well-known/openid-configuration\n      \
                 path: \"\"\n",
                self.issuer.trim_end_matches('/')
            ));
        }
        if let Some(subject) = self.subject {
            members.push_str(&format!("    subject: {subject}\n"));
        }
        if members.is_empty() {
            yaml.push_str("  accessToken: {}\n");
        } else {
            yaml.push_str(&format!("  accessToken:\n{members}"));
        }
        for hint in &self.hints {
            yaml.push_str(&format!("# {hint}\n"));
        }
        yaml
    }

    pub(super) fn json(&self) -> Value {
        let mut access_token = json!({});
        if !self.is_cognito() {
            access_token["jwks"] = json!({"authority": "", "path": ""});
        }
        if let Some(subject) = self.subject {
            access_token["subject"] = subject.into();
        }
        json!({"loadBalancers": [{
            "arn": "",
            "issuers": [self.issuer],
            "clientIds": [self.client],
            "accessToken": access_token,
        }]})
    }

    pub(super) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Whether the place of the key set follows from the issuer: a user pool's URL.
    fn is_cognito(&self) -> bool {
        let rest = self.issuer.strip_prefix("https://cognito-idp.");
        let parts = rest.and_then(|rest| rest.split_once(".amazonaws.com/"));
        parts.is_some_and(|(region, pool)| {
            let is_word = |text: &str| {
                !text.is_empty()
                    && text
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
            };
            is_word(region) && is_word(pool)
        })
    }
}
