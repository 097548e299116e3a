//! What a payload must be, and what counts in it.

use super::*;

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
fn of_duplicate_members_the_last_counts() {
    let payload = br#"{"email":"eve@example.com","email":"alice@example.com","email_verified":false,"email_verified":true}"#;
    let identity = judge_bytes(json!({}), payload).unwrap();
    assert_eq!(identity.user(), Some("alice@example.com"));
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
