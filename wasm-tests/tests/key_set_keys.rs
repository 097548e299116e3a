//! Which keys of an issuer's key set count.

use alb_fixtures::mint::{LoadBalancer, encode};
use alb_fixtures::rsa::{RsaSigner, TestKey, key_set};
use serde_json::{Value, json};
use wasm_tests::{
    Answer, GROUPS, Response, Running, Scenario, TokenBuilder, assert_refused, entry_for,
    groups_required, load_balancer,
};

const BAD: &str = "invalid_access_token";

const UNAVAILABLE: &str = "key_unavailable";

fn set_path(number: usize) -> String {
    format!("set-{number}.json")
}

/// A load balancer with a key set of its own.
fn with_own_set(number: usize) -> (LoadBalancer, Value) {
    let mut load_balancer = load_balancer();
    load_balancer.arn = load_balancer
        .arn
        .replace("kubeflow", &format!("lb-{number}"));
    let mut entry = entry_for(&load_balancer);
    let path = format!("/{}", set_path(number));
    entry["accessToken"] = json!({"jwks": {"cluster": "cognito", "path": path}});
    (load_balancer, entry)
}

/// Each set at the load balancer of its place; groups are required.
fn with_sets(sets: Vec<Answer>) -> (Running, Vec<LoadBalancer>) {
    let numbers = 0..sets.len();
    let (load_balancers, entries): (Vec<_>, Vec<_>) = numbers.map(with_own_set).unzip();
    let mut scenario = Scenario::new()
        .config(json!({"loadBalancers": entries}))
        .config(groups_required(true));
    for (number, set) in sets.into_iter().enumerate() {
        scenario = scenario.key_set_at(&set_path(number), set);
    }
    (scenario.start(), load_balancers)
}

/// The key with these members in place of its own; `null` takes one away.
fn jwk(signer: &RsaSigner, members: Value) -> Value {
    let mut jwk = signer.jwk();
    for (name, value) in members.as_object().into_iter().flatten() {
        jwk[name] = value.clone();
    }
    let jwk = jwk.as_object().into_iter().flatten();
    let kept = jwk.filter(|(_, value)| !value.is_null());
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn set_of(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

/// `signer`'s key, or what it became, beside another good key.
fn beside_another(key: Value) -> String {
    set_of(&[TestKey::Rsa2048C.signer().jwk(), key])
}

fn padded_to(set: &str, bytes: usize) -> String {
    format!("{set}{}", " ".repeat(bytes - set.len()))
}

fn send(s: &Running, load_balancer: &LoadBalancer, signer: &RsaSigner) -> Response {
    let access_token = s.access_token_builder().signed_by(signer);
    let access_token = access_token.header("kid", signer.kid()).sign();
    let token = TokenBuilder::new(load_balancer, &s.key).sign();
    s.get("/").token(&token).access_token(&access_token).send()
}

#[test]
fn only_rs256_keys_of_a_usable_form_count() {
    let a = TestKey::Rsa2048A.signer();
    let with = |members| beside_another(jwk(&a, members));
    let zeros = |number: &[u8], padded| encode(&[&[0; 3], number].concat(), padded);
    let long = |length: usize| a.clone().named("k".repeat(length));
    let many = |before: usize| {
        let others = (0..before).map(|n| TestKey::Rsa2048C.signer().named(format!("{n}")));
        key_set(&others.chain([a.clone()]).collect::<Vec<_>>())
    };
    let ec = json!({"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "alg": "ES256",
        "x": encode(&[1; 32], false), "y": encode(&[2; 32], false)});
    let twice = |members| set_of(&[jwk(&a, json!({})), jwk(&a, members)]);
    let other_n = TestKey::Rsa2048B.signer().jwk()["n"].take();
    let member_twice = a.jwk().to_string().replace("{", r#"{"use":"sig","#);
    let other = TestKey::Rsa2048C.signer().jwk();
    let duplicate = format!(r#"{{"keys":[{other},{member_twice}]}}"#);
    let alone = |members| set_of(&[jwk(&a, members)]);
    let one = set_of(&[a.jwk()]);
    let rows: Vec<(&str, String, RsaSigner, &str)> = vec![
        ("2048 bits", one.clone(), a.clone(), ""),
        (
            "3072 bits",
            beside_another(TestKey::Rsa3072.signer().jwk()),
            TestKey::Rsa3072.signer(),
            "",
        ),
        (
            "4096 bits",
            beside_another(TestKey::Rsa4096.signer().jwk()),
            TestKey::Rsa4096.signer(),
            "",
        ),
        (
            "padded",
            with(json!({"n": encode(&a.modulus(), true), "e": "AQAB"})),
            a.clone(),
            "",
        ),
        (
            "zeros in front",
            with(json!({"n": zeros(&a.modulus(), false), "e": zeros(&[1, 0, 1], true)})),
            a.clone(),
            "",
        ),
        (
            "no use, no alg",
            with(json!({"use": null, "alg": null})),
            a.clone(),
            "",
        ),
        (
            "further members",
            with(json!({"x5c": ["x"], "x5t": "y", "key_ops": ["verify"]})),
            a.clone(),
            "",
        ),
        (
            "for encryption",
            with(json!({"use": "enc"})),
            a.clone(),
            BAD,
        ),
        ("alg RS512", with(json!({"alg": "RS512"})), a.clone(), BAD),
        ("alg PS256", with(json!({"alg": "PS256"})), a.clone(), BAD),
        ("kty EC", with(json!({"kty": "EC"})), a.clone(), BAD),
        (
            "kty oct",
            with(json!({"kty": "oct", "k": "x"})),
            a.clone(),
            BAD,
        ),
        ("no kid", with(json!({"kid": null})), a.clone(), BAD),
        (
            "a number as kid",
            with(json!({"kid": 5})),
            a.clone().named("5"),
            BAD,
        ),
        ("exponent 3", with(json!({"e": "Aw"})), a.clone(), BAD),
        ("no exponent", with(json!({"e": null})), a.clone(), BAD),
        (
            "half a modulus",
            with(json!({"n": encode(&a.modulus()[..128], false)})),
            a.clone(),
            BAD,
        ),
        (
            "a modulus that is no base64url",
            with(json!({"n": "+/"})),
            a.clone(),
            BAD,
        ),
        ("a member twice", duplicate, a.clone(), BAD),
        (
            "a kid of 256",
            beside_another(long(256).jwk()),
            long(256),
            "",
        ),
        (
            "a kid of 257",
            beside_another(long(257).jwk()),
            long(257),
            BAD,
        ),
        ("a kid twice, one key", twice(json!({})), a.clone(), ""),
        (
            "a kid of two keys, and another",
            set_of(&[
                a.jwk(),
                jwk(&a, json!({"n": other_n.clone()})),
                TestKey::Rsa2048C.signer().jwk(),
            ]),
            a.clone(),
            BAD,
        ),
        (
            "its other keys count",
            set_of(&[
                a.jwk(),
                jwk(&a, json!({"n": other_n.clone()})),
                TestKey::Rsa2048C.signer().jwk(),
            ]),
            TestKey::Rsa2048C.signer(),
            "",
        ),
        ("the 32nd", many(31), a.clone(), ""),
        ("the 33rd", many(32), a.clone(), BAD),
        (
            "the first 32",
            many(32),
            TestKey::Rsa2048C.signer().named("31"),
            "",
        ),
        (
            "others between",
            set_of(
                &[
                    vec![ec.clone(); 40],
                    vec![json!(5), json!({}), json!(null), a.jwk()],
                ]
                .concat(),
            ),
            a.clone(),
            "",
        ),
        ("64 KiB", padded_to(&one, 64 * 1024), a.clone(), ""),
        (
            "a byte more",
            padded_to(&one, 64 * 1024 + 1),
            a.clone(),
            UNAVAILABLE,
        ),
        (
            "only a kid of two keys",
            twice(json!({"n": other_n})),
            a.clone(),
            UNAVAILABLE,
        ),
        (
            "only for encryption",
            alone(json!({"use": "enc"})),
            a.clone(),
            UNAVAILABLE,
        ),
        ("only EC", set_of(&[ec]), a.clone(), UNAVAILABLE),
        ("no keys", set_of(&[]), a.clone(), UNAVAILABLE),
        (
            "keys null",
            r#"{"keys":null}"#.to_owned(),
            a.clone(),
            UNAVAILABLE,
        ),
        (
            "just a list",
            format!("[{}]", a.jwk()),
            a.clone(),
            UNAVAILABLE,
        ),
        ("just a key", a.jwk().to_string(), a.clone(), UNAVAILABLE),
        ("text behind", format!("{one}x"), a.clone(), UNAVAILABLE),
        ("nothing", String::new(), a.clone(), UNAVAILABLE),
        (
            "nested deeply",
            format!(r#"{{"keys":{}"#, "[".repeat(60_000)),
            a.clone(),
            UNAVAILABLE,
        ),
        (
            "nested deeply in a key",
            set_of(&[a.jwk()]).replace(
                "}]}",
                &format!(r#","x":{}{}}}]}}"#, "[".repeat(30_000), "]".repeat(30_000)),
            ),
            a.clone(),
            "",
        ),
        ("HTML", "<html></html>".to_owned(), a.clone(), UNAVAILABLE),
    ];
    let served = rows
        .iter()
        .map(|(_, set, ..)| Answer::Body(set.clone().into()));
    let (s, load_balancers) = with_sets(served.collect());
    for ((name, _, signer, reason), load_balancer) in rows.iter().zip(&load_balancers) {
        let response = send(&s, load_balancer, signer);
        if reason.is_empty() {
            assert_groups(&response, name);
        } else {
            assert_refused(&response, reason, name);
        }
    }
    let log = s.log();
    assert!(!log.contains("panicked") && !log.contains("wasm trap"));
}

#[track_caller]
fn assert_groups(response: &Response, case: &str) {
    let echo = response.try_echo();
    let echo = echo.unwrap_or_else(|| panic!("{case}: {}", response.reason()));
    assert_eq!(echo.values("kubeflow-groups"), [GROUPS.join(",")], "{case}");
}
