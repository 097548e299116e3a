mod forms;

use std::rc::Rc;

use alb_fixtures::access_token::{UserPool, sign};
use alb_fixtures::rsa::rs256_verifies;
use serde_json::{Map, Value, json};

use super::*;
use crate::claims::{UserClaims, read_user_claims};
use crate::config::{Config, Signer};
use crate::keys::{KeySet, PublicKey, Signature};
use crate::testing::{self, ARN, CLIENT, ISSUER, NOON, at, public_key};
use crate::time::Clock;
use crate::token::{CheckedHeader, check_locally};
use crate::token_kind::ALB;
use crate::verify::{WasmBackend, verify};

/// p256 for the user's token, and ring for the access token.
pub(crate) struct Native;

impl SignatureBackend for Native {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        WasmBackend.verify(key, message, signature)
    }

    fn verify_rs256(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
        rs256_verifies(key.spki(), message, signature)
    }
}

/// The sub of the user's token in `testing`.
pub(crate) const SUB: &str = "subject-1";

/// The issuer and client of `testing`.
pub(crate) fn pool() -> UserPool {
    UserPool::new(ISSUER, CLIENT)
}

fn claims() -> Map<String, Value> {
    pool().access_claims(SUB, &["admins"], NOON - 60)
}

/// The good claims with these members in place of theirs; `null` removes one.
fn claims_with(changes: Value) -> Map<String, Value> {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
    claims
}

fn config(access_token: Value) -> Config {
    let mut access_token = access_token;
    access_token["jwks"] = json!({ "authority": "idp.example.com", "path": "/keys" });
    testing::config_with(json!({
        "loadBalancers": [{
            "arn": ARN, "issuers": [ISSUER], "clientIds": [CLIENT, "client-2"],
            "accessToken": access_token,
        }],
        "outputClaimToHeaders": [
            { "header": "kubeflow-userid", "claim": "email" },
            { "header": "kubeflow-groups", "claim": "cognito:groups", "source": "accessToken", "format": "list" },
        ],
    }))
}

fn user(config: &Config) -> (CheckedHeader, UserClaims) {
    let token = UnverifiedToken::parse(testing::token().as_bytes()).unwrap();
    let token = check_locally(token, &ALB, config, at(0)).unwrap();
    let token = verify(token, &public_key(1), &WasmBackend).unwrap();
    let claims = read_user_claims(&token, config.clock(at(0))).unwrap();
    (token.header().clone(), claims)
}

/// Whether a token holds for the user of `testing`, at noon.
fn judge_with(config: &Config, token: &str, clock: Clock) -> Result<(), Rejection> {
    let (header, user) = user(config);
    let signer: &Rc<Signer> = &header.signer;
    let token = UnverifiedAccessToken::parse(token.as_bytes())?;
    let key_set = KeySet::parse(pool().key_set().as_bytes()).unwrap();
    let key = key_set.find(token.kid()).ok_or(Rejection::UnknownKey)?;
    let token = token.verify(key, &Native)?;
    let policy = signer.access_token.as_ref().unwrap();
    AccessClaims::read(&token, signer, policy, clock)?.check(&header, &user, clock)
}

fn judge(access_token: Value, token: &str) -> Result<(), Rejection> {
    let config = config(access_token);
    judge_with(&config, token, config.clock(at(0)))
}

fn judge_claims(access_token: Value, claims: &Map<String, Value>) -> Result<(), Rejection> {
    judge(access_token, &sign(&pool().access_key, claims))
}

/// Each case: its name, what differs from the good claims, and how the token is judged.
fn assert_cases<const N: usize>(
    access_token: &Value,
    cases: [(&str, Value, Result<(), Rejection>); N],
) {
    for (case, changes, expected) in cases {
        let judged = judge_claims(access_token.clone(), &claims_with(changes));
        assert_eq!(judged, expected, "{case}");
    }
}

const INVALID: Result<(), Rejection> = Err(Rejection::InvalidAccessToken);

#[test]
fn a_user_pools_token_holds_for_its_user() {
    let token = pool().access_token(SUB, &["admins"], NOON - 60);
    assert_eq!(judge(json!({}), &token), Ok(()));
}

#[test]
fn a_token_holds_only_for_the_user_issuer_and_client_that_it_names() {
    let cases = [
        ("another user's", json!({ "sub": "subject-2" }), INVALID),
        ("no sub", json!({ "sub": null }), INVALID),
        ("a sub that is a number", json!({ "sub": 7 }), INVALID),
        (
            "another issuer",
            json!({ "iss": "https://other.example.com" }),
            INVALID,
        ),
        ("no issuer", json!({ "iss": null }), INVALID),
        (
            "another client",
            json!({ "client_id": "client-3" }),
            INVALID,
        ),
        (
            "another accepted client",
            json!({ "client_id": "client-2" }),
            INVALID,
        ),
        (
            "a client that is a list",
            json!({ "client_id": [CLIENT] }),
            INVALID,
        ),
        ("a client that is false", json!({ "azp": false }), INVALID),
        (
            "azp as Keycloak",
            json!({ "client_id": null, "azp": CLIENT }),
            Ok(()),
        ),
        (
            "cid as Okta",
            json!({ "client_id": null, "cid": CLIENT }),
            Ok(()),
        ),
        (
            "azp wrong though client_id is right",
            json!({ "azp": "client-2" }),
            INVALID,
        ),
        (
            "cid wrong though client_id is right",
            json!({ "cid": "" }),
            INVALID,
        ),
        ("all three", json!({ "azp": CLIENT, "cid": CLIENT }), Ok(())),
        (
            "aud as Dex",
            json!({ "client_id": null, "aud": CLIENT }),
            Ok(()),
        ),
        (
            "a list as aud",
            json!({ "client_id": null, "aud": ["x", CLIENT] }),
            Ok(()),
        ),
        (
            "another aud",
            json!({ "client_id": null, "aud": ["client-2"] }),
            INVALID,
        ),
        (
            "an aud of another type",
            json!({ "client_id": null, "aud": { "a": CLIENT } }),
            INVALID,
        ),
        ("no client at all", json!({ "client_id": null }), INVALID),
        (
            "another aud beside the client",
            json!({ "aud": "api" }),
            Ok(()),
        ),
    ];
    assert_cases(&json!({}), cases);
}

#[test]
fn the_user_is_named_by_the_configured_claim() {
    let okta = claims_with(json!({ "sub": "alice@example.com", "uid": SUB }));
    assert_eq!(judge_claims(json!({ "subject": "uid" }), &okta), Ok(()));
    assert_eq!(judge_claims(json!({}), &okta), INVALID);
    assert_eq!(
        judge_claims(json!({ "subject": "uid" }), &claims()),
        INVALID
    );
}

#[test]
fn configured_audiences_must_be_matched_and_may_replace_the_client() {
    let config = || json!({ "audiences": ["api://kubeflow", "b"] });
    let cases = [
        ("one of them", json!({ "aud": ["x", "b"] }), Ok(())),
        ("as a string", json!({ "aud": "b" }), Ok(())),
        ("none of them", json!({ "aud": ["x"] }), INVALID),
        ("no aud", json!({}), INVALID),
        ("the client only", json!({ "aud": [CLIENT] }), INVALID),
        (
            "no client claim",
            json!({ "client_id": null, "aud": "b" }),
            Ok(()),
        ),
        (
            "another client",
            json!({ "client_id": "client-3", "aud": "b" }),
            INVALID,
        ),
    ];
    assert_cases(&config(), cases);
}

#[test]
fn an_id_token_is_no_access_token() {
    let id_token = pool().id_token(SUB, &["admins"], NOON - 60);
    assert_eq!(judge(json!({}), &id_token), INVALID);
    let cases = [
        ("id", json!({ "token_use": "id" }), INVALID),
        (
            "of another type",
            json!({ "token_use": ["access"] }),
            INVALID,
        ),
        ("not said", json!({ "token_use": null }), Ok(())),
        ("Keycloak's ID token", json!({ "typ": "ID" }), INVALID),
        (
            "Keycloak's access token",
            json!({ "typ": "Bearer" }),
            Ok(()),
        ),
    ];
    assert_cases(&json!({}), cases);
}

/// Dex, Auth0 and Okta write neither `token_use` nor `typ` into the payload. What differs is the audience or the subject.
#[test]
fn an_id_token_without_a_mark_is_known_only_by_its_audience_or_subject() {
    let unmarked = json!({
        "client_id": null, "token_use": null, "version": null, "scope": null, "aud": CLIENT, "nonce": "n",
    });
    let token = claims_with(unmarked);
    for (provider, access_token, expected) in [
        ("Dex", json!({}), Ok(())),
        (
            "Auth0 with an API",
            json!({ "audiences": ["https://api.example.com"] }),
            INVALID,
        ),
        ("Okta", json!({ "subject": "uid" }), INVALID),
    ] {
        assert_eq!(judge_claims(access_token, &token), expected, "{provider}");
    }
}

#[test]
fn times_are_numbers_and_the_clock_may_differ_by_the_skew() {
    let expired = Err(Rejection::AccessTokenExpired);
    let cases = [
        ("within the skew", json!({ "exp": NOON - 29 }), Ok(())),
        (
            "at the end of the skew",
            json!({ "exp": NOON - 30 }),
            expired,
        ),
        ("with a fraction", json!({ "exp": 1_700_000_000.5 }), Ok(())),
        ("no exp", json!({ "exp": null }), INVALID),
        ("a string", json!({ "exp": "1800000000" }), INVALID),
        ("nbf within the skew", json!({ "nbf": NOON + 30 }), Ok(())),
        ("nbf later", json!({ "nbf": NOON + 31 }), INVALID),
        ("nbf of another type", json!({ "nbf": true }), INVALID),
        (
            "expired, and another user's",
            json!({ "exp": NOON - 60, "sub": "x" }),
            expired,
        ),
    ];
    assert_cases(&json!({}), cases);
}

/// Expiry stands first in the table of reasons.
#[test]
fn an_expired_token_is_expired_whatever_else_is_wrong_with_its_claims() {
    for (case, changes) in [
        ("nothing", json!({})),
        ("the issuer", json!({ "iss": "https://other.example" })),
        ("the user", json!({ "sub": "another" })),
        ("no user", json!({ "sub": 1 })),
        ("the client", json!({ "client_id": "other" })),
        ("two clients", json!({ "azp": "other" })),
        ("an ID token", json!({ "token_use": "id" })),
        ("not yet good", json!({ "nbf": NOON + 3600 })),
    ] {
        let mut claims = claims_with(changes);
        claims.insert("exp".into(), json!(NOON - 60));
        let judged = judge_claims(json!({}), &claims);
        assert_eq!(judged, Err(Rejection::AccessTokenExpired), "{case}");
    }
}
