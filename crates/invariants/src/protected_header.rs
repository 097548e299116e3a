//! Any bytes as a protected header, read a second time by serde_json's own value.

use std::fmt;

use alb_authn::token::ProtectedHeader;
use alb_authn::token_kind::ALB;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let ours = ProtectedHeader::parse(data, &ALB);
    let names = serde_json::from_slice::<Names>(data);
    if ours.is_ok() {
        assert!(names.is_ok(), "no object was taken for one");
    }
    // Numbers that no double holds and values deeper than 128 levels are beyond the other reader.
    let Ok(Value::Object(value)) = serde_json::from_slice(data) else {
        return;
    };
    let stands_twice = names.map_or(0, |names| names.0) != value.len();
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let theirs = ["alg", "kid", "signer", "iss", "client"].map(text);
    let exp = value.get("exp").and_then(Value::as_i64);
    match (ours, theirs, exp) {
        (Ok(ours), [Some(alg), Some(kid), Some(signer), Some(iss), Some(client)], Some(exp)) => {
            assert!(!stands_twice, "a duplicate member was taken");
            assert_eq!(
                (
                    &*ours.alg,
                    &*ours.kid,
                    &*ours.signer,
                    &*ours.iss,
                    ours.client.as_deref().unwrap_or_default(),
                    ours.exp
                ),
                (alg, kid, signer, iss, client, exp)
            );
            assert_eq!(ours.has_crit, value.contains_key("crit"));
        }
        (Ok(_), _, _) => panic!("an absent or wrong member was taken"),
        (Err(_), [Some(_), Some(_), Some(_), Some(_), Some(_)], Some(_)) => {
            assert!(stands_twice, "a good header was refused");
        }
        (Err(_), _, _) => {}
    }
}

/// How many members an object has, duplicates counted.
struct Names(usize);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Names, A::Error> {
        let mut count = 0;
        while members.next_entry::<String, IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Names(count))
    }
}
