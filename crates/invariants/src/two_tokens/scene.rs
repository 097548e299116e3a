//! The load balancers, identity providers, tokens and answers of [`super`].

use std::collections::BTreeMap;
use std::time::Duration;

use alb_authn::config::Config;
use alb_authn::keys::{AttemptId, AttemptResult, FetchTarget};
use alb_authn::time::UnixTime;
use arbitrary::Arbitrary;
use serde_json::{Value, json};

use crate::support::{
    ARN, OTHER_ARN, config_with, jwk, public_key, rsa_key, toy_access_token, toy_token,
};

pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
pub(super) const MAX_WAIT: Duration = Duration::from_secs(10);
pub(super) const REFRESH: Duration = Duration::from_secs(60);
pub(super) const MAX_STALE: Duration = Duration::from_secs(600);
const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// Four issuers: of the first load balancer the first two, of the second one the others. The last one's access tokens are
/// not read.
pub(super) const ISSUERS: u8 = 4;
const KEY_ID: &str = "00000000-0000-0000-0000-000000000001";
const SETS: [&str; 2] = ["set-a.example.com", "set-b.example.com"];

/// One of two configurations, which differ in what is required and where the keys are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting(pub(super) bool);

impl Setting {
    /// The authority of the issuer's key set.
    pub(super) fn set_of(self, issuer: u8) -> Option<&'static str> {
        match (self.0, issuer) {
            (_, 0) | (false, 1) | (true, 2) => Some(SETS[0]),
            (_, 1 | 2) => Some(SETS[1]),
            _ => None,
        }
    }

    /// Whether requests of its users need groups.
    pub(super) fn is_required(self, issuer: u8) -> bool {
        issuer == u8::from(!self.0)
    }

    pub(super) fn config(self) -> Config {
        thread_local! {
            static CONFIGS: [Config; 2] = [false, true].map(|other| Setting(other).parse());
        }
        CONFIGS.with(|configs| configs[usize::from(self.0)].clone())
    }

    fn parse(self) -> Config {
        let entries: Vec<Value> = (0..ISSUERS).map(|issuer| self.entry(issuer)).collect();
        config_with(json!({
            "loadBalancers": entries,
            "publicKeys": {
                "fetchTimeout": "2s", "refreshInterval": "1m", "maxStale": "10m",
                "maxPendingFetches": 2, "maxWaitingRequests": 8, "maxWait": "10s",
            },
            "tokenCache": { "maxBytes": 8192 },
            "forwardAccessToken": true,
        }))
    }

    fn entry(self, issuer: u8) -> Value {
        let mut headers = vec![json!({ "header": "kubeflow-userid", "claim": "email" })];
        let mut entry = json!({
            "arn": arn_of(issuer), "issuers": [issuer_name(issuer)], "clientIds": ["client-0", "client-1"],
        });
        if let Some(authority) = self.set_of(issuer) {
            entry["accessToken"] = json!({ "jwks": { "authority": authority, "path": "/keys" } });
            headers.push(json!({
                "header": "kubeflow-groups", "claim": "cognito:groups", "source": "accessToken",
                "format": "list", "required": self.is_required(issuer),
            }));
        }
        entry["outputClaimToHeaders"] = json!(headers);
        entry
    }
}

fn arn_of(issuer: u8) -> &'static str {
    if issuer < 2 { ARN } else { OTHER_ARN }
}

fn issuer_name(issuer: u8) -> String {
    format!("https://idp-{issuer}.example.com")
}

/// Authority and path of a key or a key set.
pub(super) type Place = (String, String);

pub(super) fn place_of_set(authority: &str) -> Place {
    (authority.to_owned(), "/keys".to_owned())
}

/// Whom both tokens of a request should name.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Person {
    issuer: u8,
    client: bool,
    number: u8,
}

impl Person {
    pub(super) fn issuer(self) -> u8 {
        self.issuer % ISSUERS
    }

    fn client(self) -> String {
        format!("client-{}", u8::from(self.client))
    }

    fn sub(self) -> String {
        format!("sub-{}", self.number % 3)
    }

    pub(super) fn email(self) -> String {
        format!("user-{}@example.com", self.number % 3)
    }

    fn is(self, other: Self) -> bool {
        let names = |person: Self| (person.issuer(), person.client, person.sub());
        names(self) == names(other)
    }
}

/// How a token is made.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Making {
    kid: u8,
    key: u8,
    seconds_to_live: u8,
    flaw: u8,
}

impl Making {
    fn exp(self, now: UnixTime) -> i64 {
        now.as_millis() / 1000 + i64::from(self.seconds_to_live) * 4 - 40
    }
}

/// A user's token, and what is true of it.
#[derive(Clone, Debug)]
pub(super) struct UserToken {
    pub(super) text: String,
    pub(super) person: Person,
    pub(super) key: Place,
    /// The number of the key that signed it; of none if it was changed.
    pub(super) signed_by: Option<u8>,
    exp: UnixTime,
}

impl UserToken {
    pub(super) fn mint(person: Person, making: Making, now: UnixTime) -> Self {
        let exp = making.exp(now);
        let number = if making.key < 16 { 2 } else { 1 };
        let arn = arn_of(person.issuer());
        let header = json!({
            "kid": KEY_ID, "alg": "ES256", "iss": issuer_name(person.issuer()),
            "client": person.client(), "signer": arn, "exp": exp,
        });
        let payload =
            json!({ "email": person.email(), "email_verified": true, "sub": person.sub() });
        let [header, payload] = [header, payload].map(|part| part.to_string());
        let key = public_key(number);
        let mut text = toy_token(header.as_bytes(), payload.as_bytes(), &key);
        let is_tampered = making.flaw < 8;
        if is_tampered {
            text = with_payload(
                &text,
                &toy_token(b"{}", br#"{"email":"admin@example.com"}"#, &key),
            );
        }
        let region = arn.split(':').nth(3).unwrap_or_default();
        let authority = format!("public-keys.auth.elb.{region}.amazonaws.com");
        Self {
            text,
            person,
            key: (authority, format!("/{KEY_ID}")),
            signed_by: (!is_tampered).then_some(number),
            exp: UnixTime::from_secs(exp),
        }
    }

    pub(super) fn is_alive(&self, now: UnixTime) -> bool {
        now < self.exp.plus(CLOCK_SKEW)
    }
}

/// An access token, and what is true of it.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub(super) text: String,
    person: Person,
    kid: String,
    /// As with [`UserToken::signed_by`]; also `None` for an ID token.
    signed_by: Option<u8>,
    pub(super) exp: UnixTime,
    /// No other token has these.
    pub(super) groups: String,
}

impl AccessToken {
    pub(super) fn mint(person: Person, making: Making, serial: usize, now: UnixTime) -> Self {
        let exp = making.exp(now);
        let kid = format!("kid-{}", making.kid % 4);
        let number = key_number(making.kid % 4, making.key);
        let is_id_token = (8..16).contains(&making.flaw);
        let is_tampered = making.flaw < 8;
        let payload = |groups: &str| {
            json!({
                "iss": issuer_name(person.issuer()), "client_id": person.client(), "sub": person.sub(),
                "token_use": if is_id_token { "id" } else { "access" }, "exp": exp,
                "cognito:groups": [groups, "all"],
            })
        };
        let header = json!({ "kid": kid, "alg": "RS256" }).to_string();
        let key = rsa_key("", number);
        let sign = |groups: &str| {
            toy_access_token(
                header.as_bytes(),
                payload(groups).to_string().as_bytes(),
                &key,
            )
        };
        let groups = format!("group-{serial}");
        let mut text = sign(&groups);
        if is_tampered {
            text = with_payload(&text, &sign("admins"));
        }
        Self {
            text,
            person,
            kid,
            signed_by: (!is_tampered && !is_id_token).then_some(number),
            exp: UnixTime::from_secs(exp),
            groups: format!("{groups},all"),
        }
    }

    /// Whether it is a good token of this person that a key of the set signed.
    pub(super) fn is_bound(&self, person: Person, set: &KeyNumbers) -> bool {
        let is_signed = self.signed_by.is_some() && set.get(&self.kid).copied() == self.signed_by;
        is_signed && self.person.is(person)
    }

    pub(super) fn is_alive(&self, now: UnixTime) -> bool {
        now < self.exp.plus(CLOCK_SKEW)
    }
}

/// The first text's header and signature around the other one's payload.
fn with_payload(text: &str, other: &str) -> String {
    let mut parts: Vec<&str> = text.split('.').collect();
    parts[1] = other.split('.').nth(1).unwrap_or_default();
    parts.join(".")
}

/// Mostly one key for a key id.
fn key_number(kid: u8, choice: u8) -> u8 {
    if choice < 24 { 5 } else { kid + 1 }
}

/// The keys of a set by their ids.
pub(super) type KeyNumbers = BTreeMap<String, u8>;

/// What a server says, whatever it is asked for.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Answer {
    kind: u8,
    keys: [(u8, u8); 3],
}

/// The same, understood.
pub(super) enum Served {
    Nothing,
    Key(u8),
    Set(KeyNumbers),
}

impl Answer {
    /// As the plugin is told, and what is true then.
    pub(super) fn read(self, attempt: AttemptId) -> (AttemptResult, Served) {
        let (status, body, served) = match self.kind {
            0..12 => (Some(503), String::new(), Served::Nothing),
            12..24 => (None, String::new(), Served::Nothing),
            24..32 => (Some(200), "{}".to_owned(), Served::Nothing),
            // For a load balancer's key this would mean that the key is gone.
            32..40 if matches!(attempt.target, FetchTarget::KeySet(_)) => {
                (Some(404), String::new(), Served::Nothing)
            }
            _ if matches!(attempt.target, FetchTarget::Key(_)) => {
                let number = if self.keys[0].0 < 16 { 2 } else { 1 };
                let key = public_key(number);
                return (AttemptResult::Key(key), Served::Key(number));
            }
            _ => {
                let (body, served) = self.key_set();
                (Some(200), body, served)
            }
        };
        (attempt.read(status, body.as_bytes()), served)
    }

    fn key_set(self) -> (String, Served) {
        let keys = self.keys.map(|(kid, key)| {
            let kid = kid % 3;
            (format!("kid-{kid}"), key_number(kid, key))
        });
        let is_clear = |(kid, number): &&(String, u8)| {
            keys.iter()
                .all(|(other, key)| other != kid || key == number)
        };
        let clear: KeyNumbers = keys.iter().filter(is_clear).cloned().collect();
        let jwks: Vec<Value> = keys.iter().map(|(kid, number)| jwk(kid, *number)).collect();
        let served = if clear.is_empty() {
            Served::Nothing
        } else {
            Served::Set(clear)
        };
        (json!({ "keys": jwks }).to_string(), served)
    }
}
