//! Signs pools of ALB-shaped tokens ahead of time, so that signing costs the benchmark nothing.
//!
//! Reads an order as JSON from standard input, writes each pool's tokens into its file, one a line, all
//! lines of a pool of one length, and prints `{"kid": …, "pem": …}` of the one key that signed them.
//! ```json
//! {"issuer": "…", "client": "…", "pools": [
//!   {"file": "…", "count": 1000, "exp": 1900000000, "signers": ["arn:…"], "claims": {"email": "…"},
//!    "newKids": false}
//! ]}
//! ```
//! Tokens take the signers in turn. `newKids`: each token names a key id of its own.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::thread;

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
    println!("{}", json!({"kid": key.kid(), "pem": key.public_pem()}));
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
    let serials = 0..count;
    for (serial, arn) in serials.zip(signers.iter().cycle()) {
        let load_balancer = LoadBalancer {
            arn: arn.as_str().ok_or("signers: expected ARNs")?.to_owned(),
            issuer: text(order, "issuer")?.to_owned(),
            client: text(order, "client")?.to_owned(),
        };
        let claims = numbered(claims, serial);
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
        writeln!(file, "{token}")?;
    }
    Ok(file.flush()?)
}

/// The claims with a `sub` of their own, as long as every other.
fn numbered(claims: &Map<String, Value>, serial: u64) -> Map<String, Value> {
    let mut numbered = Map::new();
    numbered.insert(
        "sub".into(),
        format!("23d498b2-3031-70d2-8a15-{serial:012}").into(),
    );
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
