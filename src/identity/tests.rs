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

mod names;
mod payload;
mod values;

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
    compose(&signer, &claims, AccessEvaluation::NotRead).map_err(|rejected| rejected.rejection)
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
