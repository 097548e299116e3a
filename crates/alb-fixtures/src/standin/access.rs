//! The access tokens that the stand-in passes on: those of the users' pool, or what an attacker would put there.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::choice::AccessTokenAttack;
use crate::access_token::{ACCESS_TOKEN_LIFETIME, UserPool, sign};
use crate::mint::uuid_of;
use crate::rsa::TestKey;

/// How long a user has one access token before the next one, in seconds. A load balancer renews it shortly before its
/// end; a demo that is watched for some minutes shows a renewal too.
const RENEWAL: i64 = 300;
/// Whose access token an attacker uses, and the group that it claims. No user is in it.
const OTHER_USER: &str = "admin@example.com";
const OTHER_CLIENT: &str = "1example23456789other";
const CLAIMED_GROUPS: [&str; 1] = ["admins"];
/// Which users [`Groups`] has no entry for.
const EVERYBODY_ELSE: &str = "*";

/// The groups of each user, by e-mail address; `*` are those of everybody else.
#[derive(Clone, Debug, Default)]
pub struct Groups(BTreeMap<String, Vec<String>>);

impl FromStr for Groups {
    type Err = serde_json::Error;

    /// A JSON object of arrays of strings.
    fn from_str(json: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(json).map(Self)
    }
}

impl Groups {
    fn of(&self, email: &str) -> Vec<&str> {
        let groups = self.0.get(email).or_else(|| self.0.get(EVERYBODY_ELSE));
        groups.into_iter().flatten().map(String::as_str).collect()
    }
}

/// The access token beside the token of `email` at `now` (Unix seconds): for some minutes the same one.
pub(super) fn access_token(
    pool: &UserPool,
    groups: &Groups,
    email: &str,
    attack: Option<AccessTokenAttack>,
    now: i64,
) -> String {
    let iat = now - now.rem_euclid(RENEWAL);
    let sub = uuid_of(email);
    let Some(attack) = attack else {
        return pool.access_token(&sub, &groups.of(email), iat);
    };
    match attack {
        AccessTokenAttack::OtherUser => {
            pool.access_token(&uuid_of(OTHER_USER), &CLAIMED_GROUPS, iat)
        }
        AccessTokenAttack::OtherClient => {
            let pool = UserPool {
                client: OTHER_CLIENT.into(),
                ..pool.clone()
            };
            pool.access_token(&sub, &CLAIMED_GROUPS, iat)
        }
        AccessTokenAttack::Expired => {
            pool.access_token(&sub, &CLAIMED_GROUPS, iat - 2 * ACCESS_TOKEN_LIFETIME)
        }
        AccessTokenAttack::IdToken => pool.id_token(&sub, &CLAIMED_GROUPS, iat),
        AccessTokenAttack::Forged => {
            let forger = TestKey::Rsa2048C.signer().named(pool.access_key.kid());
            sign(&forger, &pool.access_claims(&sub, &CLAIMED_GROUPS, iat))
        }
    }
}
