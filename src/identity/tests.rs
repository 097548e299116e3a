use serde_json::{Value, json};

use super::*;
use crate::claims::read_user_claims;
use crate::testing::{
    ARN, CLIENT, ISSUER, NOON, at, config_with, header, payload, public_key, sign_bytes,
};
use crate::time::{Clock, UnixTime};
use crate::token::{UnverifiedToken, check_locally};
use crate::token_kind::ALB;
use crate::verify::{WasmBackend, verify};

/// Reads a payload's bytes half a minute after noon.
fn read(config: Value, payload: &[u8]) -> Result<(Rc<Signer>, UserClaims), Rejection> {
    let config = config_with(config);
    let raw = sign_bytes(header().to_string().as_bytes(), payload);
    let token = check_locally(
        UnverifiedToken::parse(raw.as_bytes()).unwrap(),
        &ALB,
        &config,
        at(0),
    )
    .unwrap();
    let token = verify(token, &public_key(1), &WasmBackend).unwrap();
    let clock = Clock {
        now: at(30),
        skew: std::time::Duration::ZERO,
    };
    let claims = read_user_claims(&token, clock)?;
    Ok((Rc::clone(&token.header().signer), claims))
}

fn judge_bytes(config: Value, payload: &[u8]) -> Result<Identity, Rejection> {
    let (signer, claims) = read(config, payload)?;
    compose(&signer, &claims).map_err(|rejected| rejected.rejection)
}

fn expires(payload: &Value) -> Result<UnixTime, Rejection> {
    let (_, claims) = read(json!({}), payload.to_string().as_bytes())?;
    Ok(claims.expires())
}

fn judge(config: Value, payload: &Value) -> Result<Identity, Rejection> {
    judge_bytes(config, payload.to_string().as_bytes())
}

/// The one header that this mapping makes of this claim.
fn map_text(mapping: Value, claim_json: &str) -> Result<Option<String>, Rejection> {
    let mut entry = json!({ "header": "h", "claim": "c" });
    for (name, value) in mapping.as_object().unwrap() {
        entry[name] = value.clone();
    }
    let user = json!({ "header": "x-user", "claim": "u" });
    let identity = judge_bytes(
        json!({ "outputClaimToHeaders": [user, entry] }),
        format!("{{\"u\":\"alice\",\"c\":{claim_json}}}").as_bytes(),
    )?;
    let value = identity.headers().get(1);
    Ok(value.map(|(_, text)| text.as_ref().to_owned()))
}

fn map(mapping: Value, claim: Value) -> Result<Option<String>, Rejection> {
    map_text(mapping, &claim.to_string())
}

fn headers(identity: &Identity) -> Vec<(&str, &str)> {
    identity
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_ref()))
        .collect()
}

#[test]
fn the_default_is_the_verified_email_as_kubeflow_userid() {
    let identity = judge(json!({}), &payload()).unwrap();
    assert_eq!(
        headers(&identity),
        [("kubeflow-userid", "alice@example.com")]
    );
    assert_eq!(
        (
            identity.user(),
            identity.subject(),
            expires(&payload()).unwrap()
        ),
        (Some("alice@example.com"), Some("subject-1"), at(120))
    );
}

#[test]
fn the_payload_is_one_json_object_in_utf8() {
    let texts: [&[u8]; 7] = [
        b"null",
        b"[]",
        b"\"a\"",
        b"{",
        b"{}{}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":1,}",
    ];
    for text in texts {
        let seen = judge_bytes(json!({}), text);
        assert_eq!(
            seen,
            Err(Rejection::MalformedToken),
            "{:?}",
            String::from_utf8_lossy(text)
        );
    }
    let deep = format!(
        "{{\"email\":\"a\",\"email_verified\":true,\"x\":{}{}}}",
        "[".repeat(1000),
        "]".repeat(1000)
    );
    assert!(judge_bytes(json!({}), deep.as_bytes()).is_ok());
}

#[test]
fn the_payloads_own_issuer_and_exp_count_where_they_are() {
    let with = |name: &str, value: Value| {
        let mut payload = payload();
        payload[name] = value;
        expires(&payload)
    };
    assert_eq!(with("iss", json!(ISSUER)), Ok(at(120)));
    for wrong in [
        json!("https://other"),
        json!(null),
        json!(1),
        json!([ISSUER]),
    ] {
        assert_eq!(
            with("iss", wrong.clone()),
            Err(Rejection::WrongIssuer),
            "{wrong}"
        );
    }
    let any = json!({
        "loadBalancers": [{ "arn": ARN, "issuers": ["*"], "clientIds": ["*"] }],
    });
    let other = json!({ "email": "a@example.com", "email_verified": true, "iss": "https://other" });
    assert_eq!(
        judge(any, &other),
        Err(Rejection::WrongIssuer),
        "of the protected header"
    );
    let escaped = br#"{"email":"a","email_verified":true,"iss":"https:\/\/idp.example.com"}"#;
    assert!(judge_bytes(json!({}), escaped).is_ok(), "the same string");
    assert_eq!(with("exp", json!(NOON + 31)), Ok(at(31)));
    assert_eq!(with("exp", json!(NOON + 1000)), Ok(at(120)));
    assert_eq!(with("exp", json!(NOON + 30)), Err(Rejection::TokenExpired));
    assert_eq!(with("exp", json!(-1)), Err(Rejection::TokenExpired));
    let fraction = with("exp", json!(30.5 + 1_700_000_000_f64));
    assert_eq!(fraction, Ok(UnixTime::from_millis(NOON * 1000 + 30_500)));
    for wrong in [json!("1700000120"), json!(null), json!(true), json!([])] {
        assert_eq!(
            with("exp", wrong.clone()),
            Err(Rejection::MalformedToken),
            "{wrong}"
        );
    }
    let old = json!({ "email": "a@example.com", "email_verified": true });
    assert_eq!(expires(&old), Ok(at(120)));
    let beyond_doubles = br#"{"email":"a","email_verified":true,"exp":1e400}"#;
    assert_eq!(
        judge_bytes(json!({}), beyond_doubles),
        Err(Rejection::MalformedToken)
    );
}

#[test]
fn values_become_text() {
    assert_eq!(map(json!({}), json!("Zoë 东")), Ok(Some("Zoë 东".into())));
    assert_eq!(map(json!({}), json!(true)), Ok(Some("true".into())));
    assert_eq!(
        map(json!({}), json!(["a", "b c"])),
        Ok(Some("a,b c".into()))
    );
    for number in ["1", "-1.50", "1e2", "12345678901234567890123"] {
        assert_eq!(
            map_text(json!({}), number),
            Ok(Some(number.into())),
            "{number}"
        );
    }
    assert_eq!(map_text(json!({}), r#""\u0061\/""#), Ok(Some("a/".into())));
}

#[test]
fn values_that_are_no_safe_header_are_refused() {
    for claim in [
        json!(" a"),
        json!("a "),
        json!("\ta"),
        json!("\u{a0}a"),
        json!("a\nb"),
        json!("a\r"),
        json!("a\u{0}b"),
        json!("a\u{7f}"),
        json!("a\u{85}b"),
        json!({}),
        json!({ "a": 1 }),
        json!([""]),
        json!(["a,b"]),
        json!(["a", null]),
        json!([["a"]]),
        json!(["a", " b"]),
        json!(["a\n"]),
    ] {
        assert_eq!(
            map(json!({}), claim.clone()),
            Err(Rejection::UnusableClaim),
            "{claim}"
        );
        let is_list_with_a = claim.as_array().is_some_and(|items| items[0] == "a");
        let optional = map(json!({ "required": false }), claim.clone());
        let rest = is_list_with_a.then(|| "a".to_owned());
        assert_eq!(
            optional,
            Ok(rest),
            "{claim}: an optional header never rejects"
        );
    }
    assert_eq!(
        map_text(json!({}), r#""\ud800""#),
        Err(Rejection::UnusableClaim)
    );
}

#[test]
fn an_absent_claim_is_refused_unless_it_is_optional() {
    assert_eq!(map(json!({}), json!(null)), Err(Rejection::MissingClaim));
    assert_eq!(
        map(json!({ "claim": "other" }), json!("a")),
        Err(Rejection::MissingClaim)
    );
    assert_eq!(map(json!({ "required": false }), json!(null)), Ok(None));
    assert_eq!(
        map(json!({ "claim": "other", "required": false }), json!("a")),
        Ok(None)
    );
}

#[test]
fn a_prefix_stands_once_before_the_value() {
    let prefix = json!({ "prefix": "partner:" });
    assert_eq!(
        map(prefix.clone(), json!("bob")),
        Ok(Some("partner:bob".into()))
    );
    assert_eq!(
        map(prefix.clone(), json!(["a", "b"])),
        Ok(Some("partner:a,partner:b".into()))
    );
    assert_eq!(
        map(prefix.clone(), json!("partner:bob")),
        Err(Rejection::UnusableClaim)
    );
    assert_eq!(
        map(prefix, json!("x partner:bob")),
        Err(Rejection::UnusableClaim)
    );
    let lower = json!({ "prefix": "p:", "lowercase": true });
    assert_eq!(map(lower, json!("P:bob")), Err(Rejection::UnusableClaim));
}

#[test]
fn lowercase_changes_ascii_letters_of_the_value_only() {
    let mapping = json!({ "prefix": "P:", "lowercase": true });
    assert_eq!(
        map(mapping, json!("Bob@ÉCOLE.FR")),
        Ok(Some("P:bob@École.fr".into()))
    );
}

#[test]
fn claims_are_found_by_exact_name_then_by_path() {
    let payload = json!({
        "custom:groups": "exact", "a.b": "dotted name", "a": { "b": "path", "c": { "d": "deep" } },
        "https://x.y/z": "url", "n": null, "n2": { "x": "hidden" }, "n2.x": null,
    });
    let find = |claim: Value| {
        let config = json!({ "outputClaimToHeaders": [{ "header": "h", "claim": claim }] });
        judge(config, &payload).map(|identity| identity.headers()[0].1.to_string())
    };
    assert_eq!(find(json!("custom:groups")), Ok("exact".into()));
    assert_eq!(find(json!("https://x.y/z")), Ok("url".into()));
    assert_eq!(find(json!("a.b")), Ok("dotted name".into()));
    assert_eq!(find(json!(["a", "b"])), Ok("path".into()));
    assert_eq!(find(json!("a.c.d")), Ok("deep".into()));
    assert_eq!(find(json!(["a.b"])), Ok("dotted name".into()));
    for absent in [
        json!("n"),
        json!("n2.x"),
        json!("a.x"),
        json!("a.b.c"),
        json!(["custom"]),
    ] {
        assert_eq!(
            find(absent.clone()),
            Err(Rejection::MissingClaim),
            "{absent}"
        );
    }
}

#[test]
fn of_duplicate_members_the_last_counts() {
    let payload = br#"{"email":"eve@example.com","email":"alice@example.com","email_verified":false,"email_verified":true}"#;
    let identity = judge_bytes(json!({}), payload).unwrap();
    assert_eq!(identity.user(), Some("alice@example.com"));
}

#[test]
fn required_claims_hold_each_by_any_of_their_values() {
    let holds = |claim: Value| {
        let config = json!({
            "emailVerified": "ignored",
            "requiredClaims": [{ "claim": "c", "anyOf": ["blue", "7", "true", "1.50"] }],
        });
        judge_bytes(
            config,
            format!("{{\"email\":\"a\",\"c\":{claim}}}").as_bytes(),
        )
        .map(|_| ())
    };
    for good in [
        json!("blue"),
        json!(7),
        json!(true),
        json!("true"),
        json!(["red", "blue"]),
        json!([7]),
    ] {
        assert_eq!(holds(good.clone()), Ok(()), "{good}");
    }
    for bad in [
        json!("Blue"),
        json!("blue "),
        json!(null),
        json!([]),
        json!([["blue"]]),
        json!({ "blue": 1 }),
        json!(1.5),
    ] {
        assert_eq!(holds(bad.clone()), Err(Rejection::ClaimMismatch), "{bad}");
    }
    let config = json!({ "requiredClaims": [{ "claim": "absent", "anyOf": ["x"] }] });
    assert_eq!(judge(config, &payload()), Err(Rejection::ClaimMismatch));
}

#[test]
fn an_email_address_counts_only_where_it_is_verified() {
    let judge_email = |rule: &str, verified: Value| {
        let mut payload = json!({ "email": "a@example.com" });
        if verified != json!("absent") {
            payload["email_verified"] = verified;
        }
        judge(json!({ "emailVerified": rule }), &payload).is_ok()
    };
    for (verified, required, if_present) in [
        (json!(true), true, true),
        (json!("true"), true, true),
        (json!("absent"), false, true),
        (json!(false), false, false),
        (json!("false"), false, false),
        (json!("True"), false, false),
        (json!(1), false, false),
        (json!(null), false, false),
    ] {
        assert_eq!(
            judge_email("required", verified.clone()),
            required,
            "{verified}"
        );
        assert_eq!(
            judge_email("ifPresent", verified.clone()),
            if_present,
            "{verified}"
        );
        assert!(judge_email("ignored", verified));
    }
}

#[test]
fn where_no_email_address_is_used_nobody_asks_for_its_verification() {
    let payload = json!({ "sub": "s", "email": "a@example.com" });
    let by_sub = json!([{ "header": "h", "claim": "sub" }]);
    assert!(judge(json!({ "outputClaimToHeaders": by_sub }), &payload).is_ok());
    let required = json!([{ "claim": "email", "anyOf": ["a@example.com"] }]);
    let config = json!({ "outputClaimToHeaders": by_sub, "requiredClaims": required });
    assert_eq!(judge(config, &payload), Err(Rejection::UnverifiedEmail));
    let as_path = json!([{ "header": "h", "claim": ["email"] }]);
    let config = json!({ "outputClaimToHeaders": as_path });
    assert_eq!(judge(config, &payload), Err(Rejection::UnverifiedEmail));
}

#[test]
fn of_several_faults_the_first_of_the_table_is_named() {
    let config = json!({
        "outputClaimToHeaders": [{ "header": "a", "claim": "bad" }, { "header": "b", "claim": "email" }],
        "requiredClaims": [{ "claim": "c", "anyOf": ["x"] }],
    });
    let mut payload = json!({ "bad": "\n" });
    assert_eq!(
        judge(config.clone(), &payload),
        Err(Rejection::MissingClaim)
    );
    payload["email"] = json!("a");
    assert_eq!(
        judge(config.clone(), &payload),
        Err(Rejection::UnusableClaim)
    );
    payload["bad"] = json!("good");
    assert_eq!(
        judge(config.clone(), &payload),
        Err(Rejection::ClaimMismatch)
    );
    payload["c"] = json!("x");
    assert_eq!(
        judge(config.clone(), &payload),
        Err(Rejection::UnverifiedEmail)
    );
    payload["email_verified"] = json!(true);
    assert!(judge(config, &payload).is_ok());
}

/// The user that a load balancer with the first prefix makes of this `name`, beside others whose users have the
/// other prefixes in the same header.
fn user_beside(prefixes: &[&str], name: &Value) -> Result<String, Rejection> {
    let load_balancers = prefixes.iter().enumerate().map(|(i, prefix)| {
        json!({
            "arn": ARN.replace("50dc6c495c0c9188", ["50dc6c495c0c9188", "a", "b"][i]),
            "issuers": [ISSUER], "clientIds": [CLIENT],
            "outputClaimToHeaders": [{ "header": "kubeflow-userid", "claim": "name", "prefix": prefix }],
        })
    });
    let config = json!({ "loadBalancers": load_balancers.collect::<Vec<_>>() });
    let identity = judge(config, &json!({ "name": name }))?;
    Ok(identity.user().unwrap().to_owned())
}

#[test]
fn no_value_can_pass_for_a_user_of_another_load_balancers_prefix() {
    let refused = || Err(Rejection::UnusableClaim);
    let user = |text: &str| Ok(text.to_owned());
    let cases = [
        ("", json!("eve"), user("eve")),
        ("", json!("x partner:bob"), user("x partner:bob")),
        ("", json!("partner:bob"), refused()),
        ("", json!(["eve", "partner:bob"]), refused()),
        ("", json!("eve,partner:bob"), refused()),
        ("", json!("eve, \u{a0}partner:bob"), refused()),
        ("partner:", json!("eve"), user("partner:eve")),
        ("partner:", json!("lab:bob"), refused()),
        ("part", json!("ner:bob"), refused()),
        ("ours:", json!("partner:bob"), user("ours:partner:bob")),
        ("ours:", json!(["eve", "partner:bob"]), refused()),
        ("ours:", json!("eve, partner:bob"), refused()),
        ("partner:lab:", json!(["eve", "bob"]), refused()),
        ("partner:lab:", json!(["eve"]), user("partner:lab:eve")),
        ("partner:lab:", json!("eve,partner:bob"), refused()),
        ("partner:lab:", json!(["eve", "partner:bob"]), refused()),
    ];
    for (own, value, expected) in cases {
        let seen = user_beside(&[own, "partner:", "partner:lab:"], &value);
        assert_eq!(seen, expected, "{own:?} {value}");
    }
}

#[test]
fn a_prefix_with_commas_in_it_is_found_across_them() {
    let refused = || Err(Rejection::UnusableClaim);
    let user = |text: &str| Ok(text.to_owned());
    let cases = [
        ("", json!("eve"), user("eve")),
        ("", json!("o=partner"), user("o=partner")),
        ("", json!("o=partner,uid"), user("o=partner,uid")),
        ("", json!("uid=eve"), user("uid=eve")),
        ("", json!("xo=partner,uid=eve"), user("xo=partner,uid=eve")),
        ("", json!("o=partner,uid=eve"), refused()),
        ("", json!(["o=partner", "uid=eve"]), refused()),
        ("", json!("x,o=partner,uid=eve"), refused()),
        ("", json!("x, o=partner,uid=eve"), refused()),
        ("", json!(["x", "o=partner", "uid=eve"]), refused()),
        (
            "ours:",
            json!("o=partner,uid=eve"),
            user("ours:o=partner,uid=eve"),
        ),
        ("ours:", json!(["x", "o=partner", "uid=eve"]), refused()),
        ("o=partner,uid=", json!("eve"), user("o=partner,uid=eve")),
        ("o=partner,uid=", json!("root,eve"), refused()),
        ("o=partner,", json!("uid=eve"), refused()),
        ("o=ours,uid=", json!("eve"), user("o=ours,uid=eve")),
        (
            "o=ours,uid=",
            json!(["eve", "o=partner", "uid=eve"]),
            refused(),
        ),
    ];
    for (own, value, expected) in cases {
        let seen = user_beside(&[own, "o=partner,uid=", "o=partner,uid=root,"], &value);
        assert_eq!(seen, expected, "{own:?} {value}");
    }
}

#[test]
fn prefixes_of_other_headers_are_nobodys_business() {
    let config = json!({ "outputClaimToHeaders": [
        { "header": "kubeflow-userid", "claim": "name" },
        { "header": "x-team", "claim": "team", "prefix": "team:" },
    ] });
    let identity = judge(config, &json!({ "name": "team:red", "team": "blue" })).unwrap();
    assert_eq!(
        headers(&identity),
        [("kubeflow-userid", "team:red"), ("x-team", "team:blue")]
    );
}

#[test]
fn every_text_of_the_claims_counts_towards_the_caches_memory() {
    let bytes = |sub: &str, email: &str| {
        let payload = json!({ "sub": sub, "email": email, "email_verified": true });
        let (_, claims) = read(json!({}), payload.to_string().as_bytes()).unwrap();
        claims.heap_bytes()
    };
    let least = bytes("s", "a@b.c");
    assert!(least > "s".len() + "a@b.c".len());
    assert_eq!(bytes(&"s".repeat(5_000), "a@b.c"), least + 4_999);
    assert_eq!(bytes("s", &"e".repeat(5_000)), least + 4_995);
}

#[test]
fn no_value_can_pass_for_a_name_of_kubernetes() {
    let refused = || Err(Rejection::UnusableClaim);
    let first = |value: Value| {
        let config = json!({ "outputClaimToHeaders": [{ "header": "x-user", "claim": "c" }] });
        let identity = judge(config, &json!({ "c": value }))?;
        Ok(identity.user().map(str::to_owned))
    };
    for value in [
        json!("system:masters"),
        json!("eve,system:masters"),
        json!("eve, system:masters"),
        json!(["system:masters"]),
    ] {
        assert_eq!(first(value.clone()), refused(), "{value}");
    }
    let usable = first(json!("subsystem:a system:b"));
    assert_eq!(usable, Ok(Some("subsystem:a system:b".to_owned())));
    let second = |header: &str| {
        let config = json!({ "outputClaimToHeaders": [
            { "header": "x-user", "claim": "sub" }, { "header": header, "claim": "c" },
        ] });
        judge(config, &json!({ "sub": "s", "c": "system:masters" })).map(|_| ())
    };
    for header in [
        "kubeflow-userid",
        "kubeflow_groups",
        "x-remote-user",
        "x-remote-group",
        "impersonate-user",
        "Impersonate-Group",
    ] {
        assert_eq!(second(header), Err(Rejection::UnusableClaim), "{header}");
    }
    assert_eq!(second("x-other"), Ok(()), "no header of users or groups");
}

mod values;
