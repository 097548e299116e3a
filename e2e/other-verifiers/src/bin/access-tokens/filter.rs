//! The filter's side: its core judges a request with the user's token and an access token.

use std::rc::Rc;

use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::keys::{KeySet, PublicKey, RsaPublicKey, Signature};
use alb_authn::reason::Rejection;
use alb_authn::request::{Caches, Judge, Judgement, Request, Step};
use alb_authn::time::UnixTime;
use alb_authn::token_kind::{ACCESS_TOKEN_HEADER, ALB};
use alb_authn::verify::{SignatureBackend, WasmBackend};
use alb_fixtures::example;
use alb_fixtures::mint::KeyPair;
use alb_fixtures::rsa::rs256_verifies;
use serde_json::{Value, json};

use crate::{AUDIENCE, Provider, SUB, keys};

/// One configuration, and the keys that the load balancer and the identity provider publish.
pub(crate) struct Filter {
    issuer: String,
    config: Config,
    user: KeyPair,
    set: KeySet,
}

impl Filter {
    pub(crate) fn new(provider: Provider, user: KeyPair) -> Self {
        let issuer = provider.pool().issuer;
        let access_token = match provider {
            Provider::Cognito => json!({}),
            Provider::Oidc => json!({
                "jwks": { "authority": "idp.example.com", "path": "/keys" }, "audiences": [AUDIENCE],
            }),
        };
        let config = json!({
            "clockSkew": "0s",
            "loadBalancers": [{
                "arn": example::ARN, "issuers": [issuer], "clientIds": ["*"], "accessToken": access_token,
            }],
            "outputClaimToHeaders": [
                { "header": "kubeflow-userid", "claim": "email" },
                { "header": "x-scope", "claim": "scope", "source": "accessToken", "required": false },
            ],
        });
        Self {
            issuer,
            config: Config::parse(config.to_string().as_bytes()).expect("a good configuration"),
            user,
            set: KeySet::parse(keys().as_bytes()).expect("a key set"),
        }
    }

    /// Whether the access token holds next to a fresh token of the user.
    pub(crate) fn judge(&self, access_token: &str, now: i64) -> Result<(), Rejection> {
        let users = self.users_token(now);
        let pairs: [(&[u8], &[u8]); 2] = [
            (ALB.header.as_bytes(), users.as_bytes()),
            (ACCESS_TOKEN_HEADER.as_bytes(), access_token.as_bytes()),
        ];
        let judgement = self.request(&pairs, UnixTime::from_secs(now));
        judgement.access_token.expect("a mapping reads it")
    }

    fn users_token(&self, now: i64) -> String {
        let mut load_balancer = example::load_balancer();
        load_balancer.issuer.clone_from(&self.issuer);
        let claims = json!({ "sub": SUB, "email": "alice@example.com", "email_verified": true });
        let Value::Object(claims) = claims else {
            unreachable!("an object");
        };
        load_balancer.mint(&self.user, &claims, now + 60)
    }

    fn request(&self, pairs: &[(&[u8], &[u8])], now: UnixTime) -> Judgement {
        let caches = &mut Caches::new(0, false);
        let request =
            Request::handle_headers(&Headers::new(pairs), &self.config, &caches.user, now);
        let Request::AwaitingKey(request) = request else {
            unreachable!("the user's token is good");
        };
        let mut judge = Judge {
            config: &self.config,
            backend: &Native,
            caches,
        };
        let key = PublicKey::from_pem(self.user.public_pem().as_bytes()).expect("a key");
        match judge.decide(request, Ok(Rc::new(key)), now) {
            Step::Decided(judgement) => judgement,
            Step::AwaitingKeySet(request) => {
                let key = self.set.find(request.kid()).cloned();
                let key = key.ok_or(Rejection::InvalidAccessToken);
                judge.decide_with_set_key(request, key, now)
            }
        }
    }
}

/// ES256 as the module computes it, and RS256, which the module leaves to Envoy.
struct Native;

impl SignatureBackend for Native {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        WasmBackend.verify(key, message, signature)
    }

    fn verify_rs256(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
        rs256_verifies(key.spki(), message, signature)
    }
}
