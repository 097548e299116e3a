//! Signs pools of ALB-shaped tokens ahead of time, so that signing costs the benchmark nothing.
//!
//! Reads an order as JSON from standard input, writes each pool's tokens into its file, one a line, all
//! lines of a pool of one length, and prints `{"kid": …, "pem": …, "keySet": …}` of the keys that signed them.
//! ```json
//! {"issuer": "…", "client": "…", "pools": [
//!   {"file": "…", "count": 1000, "exp": 1900000000, "signers": ["arn:…"], "claims": {"email": "…"},
//!    "newKids": false, "users": 0}
//! ]}
//! ```
//! Tokens take the signers in turn. `newKids`: each token names a key id of its own. `users`: so many users come in no
//! order, and a line has the user's access token, too, after a space.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::thread;

use alb_fixtures::access_token::{ACCESS_TOKEN_LIFETIME, UserPool};
use alb_fixtures::mint::{KeyPair, LoadBalancer, uuid_of};
use serde_json::{Map, Value, json};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let order: Value = serde_json::from_reader(io::stdin())?;
    let key = KeyPair::generate("").named_by_thumbprint();
    let pools = order["pools"].as_array().ok_or("pools: expected a list")?;
    thread::scope(|scope| {
        let signers: Vec<_> = pools
            .iter()
            .map(|pool| scope.spawn(|| fill(pool, &order, &key)))
            .collect();
        signers.into_iter().try_for_each(|signer| {
            signer
                .join()
                .unwrap_or_else(|_| Err("a signer panicked".into()))
        })
    })?;
    let key_set = user_pool(&order)?.key_set();
    println!(
        "{}",
        json!({"kid": key.kid(), "pem": key.public_pem(), "keySet": key_set})
    );
    Ok(())
}

/// Writes one pool's file.
fn fill(pool: &Value, order: &Value, key: &KeyPair) -> Outcome<()> {
    let mut file = BufWriter::new(File::create(text(pool, "file")?)?);
    let signers = pool["signers"]
        .as_array()
        .ok_or("signers: expected a list")?;
    let claims = pool["claims"]
        .as_object()
        .ok_or("claims: expected an object")?;
    let exp = pool["exp"].as_i64().ok_or("exp: expected a number")?;
    let has_new_kids = pool["newKids"] == Value::Bool(true);
    let count = pool["count"].as_u64().ok_or("count: expected a number")?;
    let access_tokens = access_tokens(pool, order, exp)?;
    let serials = 0..count;
    for (serial, arn) in serials.zip(signers.iter().cycle()) {
        let load_balancer = LoadBalancer {
            arn: arn.as_str().ok_or("signers: expected ARNs")?.to_owned(),
            issuer: text(order, "issuer")?.to_owned(),
            client: text(order, "client")?.to_owned(),
        };
        let user = user_of(serial, access_tokens.len());
        let mut claims = numbered(claims, user);
        if !access_tokens.is_empty() {
            // Signatures are deterministic: without it a user's token would come again.
            claims.insert("serial".into(), format!("{serial:012}").into());
        }
        let token = if has_new_kids {
            sign_as(
                &uuid_of(&serial.to_string()),
                &load_balancer,
                key,
                &claims,
                exp,
            )
        } else {
            load_balancer.mint(key, &claims, exp)
        };
        match usize::try_from(user)
            .ok()
            .and_then(|user| access_tokens.get(user))
        {
            Some(access_token) => writeln!(file, "{token} {access_token}")?,
            None => writeln!(file, "{token}")?,
        }
    }
    Ok(file.flush()?)
}

/// Each user's access token; none if the pool has no users.
fn access_tokens(pool: &Value, order: &Value, exp: i64) -> Outcome<Vec<String>> {
    let users = pool["users"].as_u64().unwrap_or(0);
    let user_pool = user_pool(order)?;
    let issued = exp - ACCESS_TOKEN_LIFETIME;
    let token = |user| user_pool.access_token(&sub(user), &["admins", "ml-team"], issued);
    Ok((0..users).map(token).collect())
}

fn user_pool(order: &Value) -> Outcome<UserPool> {
    Ok(UserPool::new(
        text(order, "issuer")?,
        text(order, "client")?,
    ))
}

/// The user of a line: one of `users` in no order, or each time another one.
fn user_of(serial: u64, users: usize) -> u64 {
    match u64::try_from(users) {
        // Knuth's multiplicative hash.
        Ok(users @ 1..) => (serial.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % users,
        _ => serial,
    }
}

fn sub(user: u64) -> String {
    format!("23d498b2-3031-70d2-8a15-{user:012}")
}

/// The claims with a `sub` of their own, as long as every other.
fn numbered(claims: &Map<String, Value>, user: u64) -> Map<String, Value> {
    let mut numbered = Map::new();
    numbered.insert("sub".into(), sub(user).into());
    numbered.extend(claims.clone());
    numbered
}

fn sign_as(
    kid: &str,
    load_balancer: &LoadBalancer,
    key: &KeyPair,
    claims: &Map<String, Value>,
    exp: i64,
) -> String {
    let header = Value::Object(load_balancer.protected_header(kid, exp)).to_string();
    let payload = Value::Object(load_balancer.payload(claims, exp)).to_string();
    key.sign_parts(header.as_bytes(), payload.as_bytes(), true)
}

fn text<'a>(object: &'a Value, name: &str) -> Outcome<&'a str> {
    object[name]
        .as_str()
        .ok_or_else(|| format!("{name}: expected a text").into())
}
