//! The load balancer's configuration, in the shape of the AWS API (elbv2 `create-listener`,
//! `create-rule`): what is tried here can be pasted there, but for the addresses and files.

mod actions;
mod validate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use actions::{
    Action, AuthenticateOidcConfig, Condition, FixedResponseConfig, HttpHeaderConfig,
    OnUnauthenticatedRequest, RedirectConfig, RedirectStatus,
};

/// A load balancer and what stands around it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Config {
    /// The ARN: `signer` of every token.
    pub load_balancer_arn: String,
    /// Where requests come in.
    pub listeners: Vec<Listener>,
    /// Where requests go: a target group's ARN and the one target's `host:port`, by plain HTTP.
    pub target_groups: BTreeMap<String, String>,
    /// Load balancer attributes; of these `routing.http.drop_invalid_header_fields.enabled` has an effect.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The region's public key endpoint.
    pub public_keys: TlsAddress,
    /// The CA that the identity provider's certificate comes from, in PEM. At AWS: the public ones.
    pub identity_provider_ca_file: PathBuf,
    /// Where `POST /rotate-key` makes the region sign with a new key.
    pub control_address: Option<String>,
}

/// One listener of the load balancer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Listener {
    /// `HTTP` or `HTTPS`.
    pub protocol: Protocol,
    /// Where to listen, `host:port`.
    pub address: String,
    /// For HTTPS, in the place of a certificate of ACM.
    pub certificate: Option<Certificate>,
    /// By priority: the first rule whose conditions all hold is taken.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What is done where no rule is taken.
    pub default_actions: Vec<Action>,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum Protocol {
    /// Plain HTTP/1.1.
    #[serde(rename = "HTTP")]
    Http,
    /// HTTP/1.1 and HTTP/2 by TLS.
    #[serde(rename = "HTTPS")]
    Https,
}

/// An address with a certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TlsAddress {
    /// `host:port`.
    pub address: String,
    /// What it shows.
    pub certificate: Certificate,
}

/// A certificate's files, in PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Certificate {
    /// The chain, the leaf first.
    pub certificate_file: PathBuf,
    /// The leaf's private key.
    pub private_key_file: PathBuf,
}

/// A listener rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Rule {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Done in their `Order`; the last one answers.
    pub actions: Vec<Action>,
}

/// A configuration that can't be used; the text names the member.
#[derive(Debug)]
pub struct InvalidConfig(String);

impl std::fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidConfig {}

impl Config {
    /// Reads and checks a JSON file.
    pub fn read(file: &Path) -> Result<Self, InvalidConfig> {
        let name =
            |error: &dyn std::fmt::Display| InvalidConfig(format!("{}: {error}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| name(&error))?;
        Self::parse(&text).map_err(|error| name(&error))
    }

    /// Reads and checks a JSON text.
    pub fn parse(json: &str) -> Result<Self, InvalidConfig> {
        let config: Self =
            serde_json::from_str(json).map_err(|error| InvalidConfig(error.to_string()))?;
        validate::check(&config)?;
        Ok(config)
    }

    /// Whether headers whose names aren't `[-A-Za-z0-9]+` are dropped.
    pub fn drops_invalid_header_fields(&self) -> bool {
        self.attributes
            .get(DROP_INVALID_HEADER_FIELDS)
            .is_some_and(|value| value == "true")
    }
}

impl Listener {
    /// Each rule's actions, the default ones included.
    pub(crate) fn all_actions(&self) -> impl Iterator<Item = &[Action]> {
        let of_rules = self.rules.iter().map(|rule| rule.actions.as_slice());
        of_rules.chain([self.default_actions.as_slice()])
    }

    /// The login configurations of all rules.
    pub(crate) fn logins(&self) -> impl Iterator<Item = &AuthenticateOidcConfig> {
        self.all_actions()
            .flatten()
            .filter_map(|action| match action {
                Action::AuthenticateOidc { config } => Some(config.as_ref()),
                _ => None,
            })
    }
}

/// A load balancer attribute of the AWS API; `false` unless set.
const DROP_INVALID_HEADER_FIELDS: &str = "routing.http.drop_invalid_header_fields.enabled";
