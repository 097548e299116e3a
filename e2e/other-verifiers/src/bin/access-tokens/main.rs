//! Writes access tokens, good and spoiled in known ways, with the filter's result for each next to one user's token, as
//! JSON: what other verifiers then judge (`make test-differential`). They read the real clock, so this does too.

mod cases;
mod filter;
mod forgery;

use alb_fixtures::access_token::UserPool;
use alb_fixtures::example;
use alb_fixtures::mint::{KeyPair, unix_now};
use alb_fixtures::rsa::{RsaSigner, TestKey, key_set};
use serde_json::{Map, Value, json};

use filter::Filter;

/// The user of the load balancer's token.
const SUB: &str = "23d498b2-3031-70d2-8a15-49dd886a087b";

/// The audience that the configuration of [`Provider::Oidc`] asks for.
const AUDIENCE: &str = "https://api.example.com";

/// A key id with every character that base64 and base64url do not share.
const KID: &str = "k+1/oEW6TNdyrzzPmMXMwYRyvpwNMJZlIbMXMwYRyvp=";

fn main() {
    let now = unix_now();
    let lists: Vec<(Provider, Vec<Value>)> = [Provider::Cognito, Provider::Oidc]
        .map(|provider| (provider, cases_of(provider, now)))
        .into();
    let cases: Vec<Value> = lists.into_iter().flat_map(|(_, cases)| cases).collect();
    let cognito = Provider::Cognito.pool();
    let document = json!({
        "userPoolId": "us-west-2_EXAMPLE",
        "clientId": cognito.client,
        "subject": SUB,
        "audience": AUDIENCE,
        "issuers": { "cognito": cognito.issuer, "oidc": Provider::Oidc.pool().issuer },
        "jwks": serde_json::from_str::<Value>(&keys()).unwrap_or_default(),
        "cases": cases,
    });
    println!("{document}");
}

fn cases_of(provider: Provider, now: i64) -> Vec<Value> {
    let mut cases = Cases {
        provider,
        now,
        filter: Filter::new(provider, KeyPair::generate(example::KID)),
        list: Vec::new(),
    };
    cases::good(&mut cases);
    cases::owners(&mut cases);
    cases::claims(&mut cases);
    forgery::headers(&mut cases);
    forgery::signatures(&mut cases);
    forgery::encodings(&mut cases);
    cases.list
}

/// Both forms have one key set, so that a key is never why they differ.
fn keys() -> String {
    let pool = Provider::Cognito.pool();
    key_set(&[pool.id_key, pool.access_key])
}

/// Who writes the access tokens.
#[derive(Clone, Copy)]
enum Provider {
    /// Cognito: `client_id` and `token_use`, no `aud`.
    Cognito,
    /// An OpenID provider: `azp` and `aud`, no `token_use`.
    Oidc,
}

impl Provider {
    fn name(self) -> &'static str {
        match self {
            Self::Cognito => "cognito",
            Self::Oidc => "oidc",
        }
    }

    fn pool(self) -> UserPool {
        let mut pool = match self {
            Self::Cognito => example::user_pool(),
            Self::Oidc => UserPool::new("https://idp.example.com/realms/ml", example::CLIENT),
        };
        pool.access_key = pool.access_key.named(KID);
        pool
    }
}

/// The tokens of one provider so far.
struct Cases {
    provider: Provider,
    now: i64,
    filter: Filter,
    list: Vec<Value>,
}

impl Cases {
    fn key(&self) -> RsaSigner {
        self.provider.pool().access_key
    }

    fn header(&self) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("kid".into(), KID.into());
        header.insert("alg".into(), "RS256".into());
        header
    }

    /// The claims of a good access token.
    fn claims(&self) -> Map<String, Value> {
        let pool = self.provider.pool();
        let mut claims = pool.access_claims(SUB, &["ml"], self.now);
        if let Provider::Oidc = self.provider {
            for absent in [
                "version",
                "client_id",
                "token_use",
                "username",
                "cognito:groups",
            ] {
                claims.remove(absent);
            }
            claims.insert("azp".into(), pool.client.into());
            claims.insert("aud".into(), AUDIENCE.into());
        }
        claims
    }

    /// Adds a token with the filter's result: whether it holds for the user.
    fn add(&mut self, family: &str, token: &str) {
        let result = self.filter.judge(token, self.now);
        let reason = match result {
            Ok(()) => "ok",
            Err(rejection) => rejection.name(),
        };
        self.list.push(json!({
            "family": family, "form": self.provider.name(), "token": token,
            "reason": reason, "accepted": result.is_ok(),
        }));
    }

    /// Adds a token of these texts that is signed by the issuer's key.
    fn add_texts(&mut self, family: &str, header: &str, payload: &str) {
        let key = self.key();
        let token = forgery::rs256(&key, header, payload);
        self.add(family, &token);
    }

    /// Adds a good token with other claims; `null` takes a claim away.
    fn add_claims(&mut self, family: &str, changes: Value) {
        let mut claims = self.claims();
        change(&mut claims, changes);
        let (header, payload) = (text(&self.header()), text(&claims));
        self.add_texts(family, &header, &payload);
    }

    /// Adds a good token with other members in its header; `null` takes one away.
    fn add_header(&mut self, family: &str, changes: Value) {
        let mut header = self.header();
        change(&mut header, changes);
        let (header, payload) = (text(&header), text(&self.claims()));
        self.add_texts(family, &header, &payload);
    }
}

fn change(object: &mut Map<String, Value>, changes: Value) {
    let Value::Object(changes) = changes else {
        return;
    };
    for (name, value) in changes {
        match value {
            Value::Null => object.remove(&name),
            value => object.insert(name, value),
        };
    }
}

fn text(object: &Map<String, Value>) -> String {
    Value::Object(object.clone()).to_string()
}

/// An attacker's key.
fn other_key() -> RsaSigner {
    TestKey::Rsa2048C.signer().named(KID)
}
