//! What the load balancer tells of a user who is logged in, or what an attacker would.

use hyper::HeaderMap;
use hyper::header::COOKIE;
use serde_json::{Map, Value};

use super::access::{Groups, access_token};
use super::choice::Attack;
use crate::access_token::UserPool;
use crate::list_header;
use crate::mint::{KeyPair, LoadBalancer, unix_now, uuid_of};
use crate::oidc_headers::OidcHeaders;

/// What the load balancer says about one request's user.
#[derive(Debug)]
pub(super) struct Identity {
    data: String,
    sub: String,
    access_token: String,
}

/// The load balancer's side of a token: its name, its region's key, and what its attackers have.
pub struct Signer {
    /// Whose tokens these are.
    pub load_balancer: LoadBalancer,
    /// The region's key.
    pub key: KeyPair,
    /// A key of an attacker's own, under the same key id.
    forger: KeyPair,
    /// Signs the users' access tokens.
    pub pool: UserPool,
    /// The users' groups, which are in their access tokens.
    pub groups: Groups,
    /// Claims of every user, after `sub`, `email`, `email_verified` and `username`.
    pub further_claims: Map<String, Value>,
    /// How long a token lives, in seconds.
    pub lifetime: i64,
}

impl Signer {
    /// A signer whose tokens live for `lifetime` seconds, and whose users have no groups.
    pub fn new(
        load_balancer: LoadBalancer,
        key: KeyPair,
        further_claims: Map<String, Value>,
        lifetime: i64,
    ) -> Self {
        let forger = KeyPair::generate(key.kid());
        let pool = UserPool::new(&load_balancer.issuer, &load_balancer.client);
        Self {
            load_balancer,
            key,
            forger,
            pool,
            groups: Groups::default(),
            further_claims,
            lifetime,
        }
    }

    /// A freshly signed identity, or one as `attack` forges it.
    pub(super) fn identity(&self, email: &str, attack: Option<Attack>) -> Identity {
        let sub = uuid_of(email);
        let claims = self.claims(email, &sub);
        let exp = match attack {
            Some(Attack::Expired) => unix_now() - EXPIRED_AGO,
            _ => unix_now().saturating_add(self.lifetime),
        };
        let data = match attack {
            Some(Attack::Forged) => self.load_balancer.mint(&self.forger, &claims, exp),
            Some(Attack::OtherAlb) => self.attackers_load_balancer().mint(&self.key, &claims, exp),
            _ => self.load_balancer.mint(&self.key, &claims, exp),
        };
        let access_attack = match attack {
            Some(Attack::AccessToken(attack)) => Some(attack),
            _ => None,
        };
        let access_token = access_token(&self.pool, &self.groups, email, access_attack, unix_now());
        Identity {
            data,
            sub,
            access_token,
        }
    }

    /// The claims as Cognito's userinfo endpoint gives them; `email_verified` is a string there.
    fn claims(&self, email: &str, sub: &str) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("sub".into(), sub.into());
        claims.insert("email_verified".into(), "true".into());
        claims.insert("email".into(), email.into());
        claims.insert("username".into(), sub.into());
        claims.extend(self.further_claims.clone());
        claims
    }

    fn attackers_load_balancer(&self) -> LoadBalancer {
        LoadBalancer {
            arn: ATTACKERS_ARN.into(),
            ..self.load_balancer.clone()
        }
    }
}

impl Identity {
    /// Adds the three headers, and the session cookie that a logged-in browser has.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let values = OidcHeaders {
            data: &self.data,
            identity: &self.sub,
            access_token: &self.access_token,
        };
        values.write(headers);
        let session = format!("AWSELBAuthSessionCookie-0=session-of-{}", self.sub);
        list_header::append(headers, COOKIE, "; ", &session);
    }
}

const EXPIRED_AGO: i64 = 3600;
const ATTACKERS_ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:999999999999:loadbalancer/app/attacker/0123456789abcdef";
