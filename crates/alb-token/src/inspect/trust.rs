//! The configuration that would trust a token.

use alb_authn::alb::AlbArn;
use serde_json::{Value, json};

use super::access_trust::TrustedIssuer;
use super::members::Members;
use super::{Kind, groups};
use crate::config_file::quoted;

/// What would have to be configured.
pub(crate) enum Trust {
    Configuration(Box<TrustedLoadBalancer>),
    /// For an access token.
    AccessToken(Box<TrustedIssuer>),
    /// Nothing would help; one sentence.
    Impossible(&'static str),
}

pub(crate) struct TrustedLoadBalancer {
    arn: AlbArn,
    issuer: String,
    client: String,
    /// What the rest of the default configuration would still refuse, and what else could be configured.
    hints: Vec<String>,
}

impl Trust {
    /// The configuration as YAML, with hints as comments.
    pub(crate) fn yaml(&self) -> Result<String, &'static str> {
        match self {
            Self::Configuration(load_balancer) => Ok(load_balancer.yaml()),
            Self::AccessToken(issuer) => Ok(issuer.yaml()),
            Self::Impossible(why) => Err(why),
        }
    }

    /// The same as JSON, without the hints.
    pub(crate) fn json(&self) -> Option<Value> {
        match self {
            Self::Configuration(load_balancer) => Some(load_balancer.json()),
            Self::AccessToken(issuer) => Some(issuer.json()),
            Self::Impossible(_) => None,
        }
    }

    /// The hints, or why there is no configuration.
    pub(crate) fn hints(&self) -> Vec<&str> {
        let texts = match self {
            Self::Configuration(load_balancer) => &load_balancer.hints,
            Self::AccessToken(issuer) => issuer.hints(),
            Self::Impossible(why) => return vec![why],
        };
        texts.iter().map(String::as_str).collect()
    }

    pub(super) fn of(header: Option<&Members>, claims: Option<&Members>) -> Self {
        let Some(header) = header else {
            return Self::Impossible("there is no header that could be decoded");
        };
        let text = |name| header.text(name);
        let Some(arn) = text("signer").and_then(|signer| AlbArn::parse(&signer)) else {
            return Self::Impossible(
                "`signer` is not the full ARN of an application load balancer",
            );
        };
        let (Some(issuer), Some(client)) = (text("iss"), text("client")) else {
            return Self::Impossible("the header lacks `iss` or `client`");
        };
        if !is_plain(&issuer) || !is_plain(&client) {
            return Self::Impossible("`iss` or `client` has a form that can't be configured");
        }
        Self::Configuration(Box::new(TrustedLoadBalancer {
            arn,
            issuer,
            client,
            hints: claims.map(hints).unwrap_or_default(),
        }))
    }
}

/// `*` would trust every issuer or client, and not this one.
pub(super) fn is_plain(text: &String) -> bool {
    !text.is_empty() && text != "*" && !text.chars().any(char::is_control)
}

impl TrustedLoadBalancer {
    fn yaml(&self) -> String {
        let mut yaml = format!(
            "loadBalancers:\n- arn: {}\n  issuers: [{}]\n  clientIds: [{}]\n",
            quoted(self.arn.as_str()),
            quoted(&self.issuer),
            quoted(&self.client)
        );
        if self.lacks_endpoint() {
            yaml.push_str(&format!(
                "  keyEndpoint:\n    authority: \"\"  # to be found out: AWS documents none for the partition {}\n",
                self.arn.partition()
            ));
        }
        for hint in &self.hints {
            yaml.push_str(&format!("# {hint}\n"));
        }
        yaml
    }

    fn json(&self) -> Value {
        let mut load_balancer = json!({
            "arn": self.arn.as_str(),
            "issuers": [self.issuer],
            "clientIds": [self.client],
        });
        if self.lacks_endpoint() {
            load_balancer["keyEndpoint"] = json!({"authority": ""});
        }
        json!({"loadBalancers": [load_balancer]})
    }

    fn lacks_endpoint(&self) -> bool {
        self.arn.documented_key_endpoint().is_none()
    }
}

/// By default `kubeflow-userid` is made from a verified e-mail address.
fn hints(claims: &Members) -> Vec<String> {
    let user = user_hint(claims).map(str::to_owned);
    user.into_iter()
        .chain(groups::hints(claims, Kind::User))
        .collect()
}

fn user_hint(claims: &Members) -> Option<&'static str> {
    let is_absent = |name| claims.raw(name).is_none_or(|raw| raw == "null");
    let is_verified = matches!(claims.raw("email_verified"), Some("true" | "\"true\""));
    if is_absent("email") {
        Some(
            "The claims lack `email`, from which kubeflow-userid is made: name another claim in outputClaimToHeaders.",
        )
    } else if !is_verified {
        Some(
            "`email_verified` is not true, so this would still be unverified_email: see emailVerified.",
        )
    } else {
        None
    }
}
