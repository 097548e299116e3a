use serde_json::{Value, json};

use super::*;
use crate::keys::KeyId;
use crate::testing::{NOON, at, config, config_with, header, payload, sign, sign_bytes, token};
use crate::token_kind::{ALB, Algorithm};

fn judge(header: &Value) -> Result<KeyId, Rejection> {
    judge_raw(sign(header, &payload()).as_bytes())
}

fn judge_raw(raw: &[u8]) -> Result<KeyId, Rejection> {
    let token = UnverifiedToken::parse(raw)?;
    check_locally(token, &ALB, &config(), at(0))
        .map(|token| token.header().kid)
        .map_err(|refused| refused.rejection)
}

fn header_with(name: &str, value: Value) -> Value {
    let mut header = header();
    header[name] = value;
    header
}

#[test]
fn a_good_token_passes_padded_and_unpadded() {
    let padded = token();
    let unpadded = padded.replace('=', "");
    assert!(padded.contains('=') && judge_raw(padded.as_bytes()).is_ok());
    assert!(judge_raw(unpadded.as_bytes()).is_ok());
}

#[test]
fn the_signing_input_is_what_was_received() {
    let raw = token();
    let parsed = UnverifiedToken::parse(raw.as_bytes()).unwrap();
    let (signing_input, _) = raw.rsplit_once('.').unwrap();
    assert_eq!(parsed.signing_input(), signing_input.as_bytes());
    assert_eq!(
        (parsed.raw(), parsed.signature().len()),
        (raw.as_bytes(), 64)
    );
}

#[test]
fn a_token_is_three_parts_of_canonical_base64url() {
    let good = token();
    let (head, rest) = good.split_once('.').unwrap();
    let bad = [
        String::new(),
        ".".into(),
        "..".into(),
        head.into(),
        format!("{head}.{}", rest.split_once('.').unwrap().0),
        format!("{good}."),
        format!("{good}.YQ=="),
        format!(".{good}"),
        format!("{good} "),
        format!("{head}=.{rest}"),
        good.replace('.', ".."),
        format!("é{good}"),
    ];
    for raw in bad {
        assert_eq!(
            judge_raw(raw.as_bytes()),
            Err(Rejection::MalformedToken),
            "{raw}"
        );
    }
    assert_eq!(judge_raw(b"\xff.\xfe.\xfd"), Err(Rejection::MalformedToken));
}

#[test]
fn the_protected_header_is_one_json_object_with_all_members() {
    for name in ["alg", "kid", "signer", "iss", "client", "exp"] {
        let mut without = header();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(
            judge(&without),
            Err(Rejection::MalformedToken),
            "without {name}"
        );
        for wrong in [json!(null), json!([]), json!({}), json!(true)] {
            let wrong = header_with(name, wrong);
            assert_eq!(judge(&wrong), Err(Rejection::MalformedToken), "{wrong}");
        }
        let wrong_scalar = if name == "exp" {
            json!("1700000120")
        } else {
            json!(1)
        };
        assert_eq!(
            judge(&header_with(name, wrong_scalar)),
            Err(Rejection::MalformedToken),
            "{name}"
        );
    }
    let texts: [&[u8]; 6] = [b"", b"null", b"[]", b"{", b"{}x", b"\xff{}"];
    for text in texts {
        let raw = sign_bytes(text, b"{}");
        assert_eq!(
            judge_raw(raw.as_bytes()),
            Err(Rejection::MalformedToken),
            "{raw}"
        );
    }
}

#[test]
fn exp_is_an_integer_of_64_bits() {
    let text = header().to_string();
    let with_exp = |exp: &str| {
        let header = text.replace(&(NOON + 120).to_string(), exp);
        judge_raw(sign_bytes(header.as_bytes(), b"{}").as_bytes()).err()
    };
    assert_eq!(with_exp("9223372036854775807"), None);
    assert_eq!(
        with_exp("-9223372036854775808"),
        Some(Rejection::TokenExpired)
    );
    assert_eq!(with_exp("-0"), Some(Rejection::TokenExpired));
    for bad in [
        "1700000120.0",
        "+1700000120",
        "17e8",
        "9223372036854775808",
        "1e400",
        "-",
        "01",
    ] {
        assert_eq!(with_exp(bad), Some(Rejection::MalformedToken), "{bad}");
    }
}

#[test]
fn no_member_stands_twice() {
    let text = header().to_string();
    for twice in [
        r#""alg":"ES256""#,
        r#""\u0061lg":"ES256""#,
        r#""typ":"JWT""#,
        r#""exp":1"#,
        r#""x":1,"x":2"#,
    ] {
        let header = format!("{},{twice}}}", text.strip_suffix('}').unwrap());
        let raw = sign_bytes(header.as_bytes(), b"{}");
        assert_eq!(
            judge_raw(raw.as_bytes()),
            Err(Rejection::MalformedToken),
            "{header}"
        );
    }
}

#[test]
fn further_members_are_ignored_however_deep() {
    assert!(judge(&header_with("x", json!({ "a": [1, 2, { "b": null }] }))).is_ok());
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let text = header().to_string();
    let header = format!("{},\"deep\":{deep}}}", text.strip_suffix('}').unwrap());
    assert!(judge_raw(sign_bytes(header.as_bytes(), b"{}").as_bytes()).is_ok());
}

#[test]
fn each_wrong_member_has_its_own_rejection() {
    let other_arn = "arn:aws:elasticloadbalancing:us-west-2:210987654321:loadbalancer/app/kubeflow/50dc6c495c0c9188";
    let cases = [
        ("alg", json!("none"), Rejection::UnsupportedAlgorithm),
        ("alg", json!("es256"), Rejection::UnsupportedAlgorithm),
        ("alg", json!("HS256"), Rejection::UnsupportedAlgorithm),
        ("crit", json!([]), Rejection::UnsupportedAlgorithm),
        ("crit", json!(null), Rejection::UnsupportedAlgorithm),
        ("kid", json!("../../x"), Rejection::InvalidKeyId),
        ("signer", json!(other_arn), Rejection::UntrustedSigner),
        ("signer", json!(""), Rejection::UntrustedSigner),
        (
            "iss",
            json!("https://idp.example.com/"),
            Rejection::WrongIssuer,
        ),
        ("client", json!("client-2"), Rejection::WrongClient),
        ("exp", json!(NOON - 30), Rejection::TokenExpired),
    ];
    for (name, value, rejection) in cases {
        let header = header_with(name, value);
        assert_eq!(judge(&header), Err(rejection), "{header}");
    }
}

#[test]
fn each_of_many_load_balancers_is_found_by_its_whole_arn() {
    let arn = |account: u64, end: &str| {
        let start =
            format!("arn:aws:elasticloadbalancing:us-west-2:{account:012}:loadbalancer/app");
        format!("{start}/kubeflow/{end}")
    };
    // Ids of one end in several accounts, ids of several ends in one account, and an id that is shorter than an end.
    let arns: Vec<String> = (1..=3)
        .flat_map(|account| {
            [
                "0050dc6c495c0c91",
                "ff50dc6c495c0c91",
                "50dc6c495c0c9192",
                "9",
            ]
            .map(|end| arn(account, end))
        })
        .collect();
    let entries = arns.iter().rev().flat_map(|arn| {
        ["https://one.example.com", "https://two.example.com"]
            .map(|issuer| json!({ "arn": arn, "issuers": [issuer], "clientIds": [arn] }))
    });
    let config = config_with(json!({ "loadBalancers": entries.collect::<Vec<_>>() }));
    let judge = |signer: &str, issuer: &str| {
        let mut header = header();
        (header["signer"], header["client"], header["iss"]) =
            (json!(signer), json!(signer), json!(issuer));
        let token = UnverifiedToken::parse(sign(&header, &payload()).as_bytes()).unwrap();
        let checked =
            check_locally(token, &ALB, &config, at(0)).map_err(|rejected| rejected.rejection)?;
        Ok(checked.header().signer.arn.as_str().to_owned())
    };
    for arn in &arns {
        for issuer in ["https://one.example.com", "https://two.example.com"] {
            assert_eq!(judge(arn, issuer), Ok(arn.clone()));
        }
        assert_eq!(
            judge(arn, "https://three.example.com"),
            Err(Rejection::WrongIssuer)
        );
    }
    let (whole, other) = (&arns[0], arn(4, "0050dc6c495c0c91"));
    let end = &whole[whole.len() - 8..];
    for signer in [
        &other,
        end,
        &whole[1..],
        &whole[..whole.len() - 1],
        "9",
        "",
        &whole.to_uppercase(),
    ] {
        assert_eq!(
            judge(signer, "https://one.example.com"),
            Err(Rejection::UntrustedSigner),
            "{signer}"
        );
    }
}

#[test]
fn a_token_of_another_kind_cannot_name_this_kinds_signer() {
    let kind = TokenKind {
        header: "x-other",
        algorithm: Algorithm::Es256,
        client_member: None,
    };
    let token = UnverifiedToken::parse(token().as_bytes()).unwrap();
    let rejected = check_locally(token, &kind, &config(), at(0)).unwrap_err();
    assert_eq!(rejected.rejection, Rejection::UntrustedSigner);
}

#[test]
fn only_a_kind_without_clients_needs_none() {
    let mut header = header();
    header.as_object_mut().unwrap().remove("client");
    let json = header.to_string();
    let read = |kind| ProtectedHeader::parse(json.as_bytes(), kind).map(|header| header.client);
    assert_eq!(read(&ALB), Err(Rejection::MalformedToken));
    let kind = TokenKind {
        client_member: None,
        ..ALB
    };
    assert_eq!(read(&kind), Ok(None));
}

#[test]
fn of_several_faults_the_first_is_named() {
    let mut header = header();
    let faults = [
        ("exp", json!(0), Rejection::TokenExpired),
        ("client", json!("x"), Rejection::WrongClient),
        ("iss", json!("x"), Rejection::WrongIssuer),
        ("signer", json!("x"), Rejection::UntrustedSigner),
        ("kid", json!("x"), Rejection::InvalidKeyId),
        ("alg", json!("x"), Rejection::UnsupportedAlgorithm),
        ("typ2", json!("x"), Rejection::UnsupportedAlgorithm),
    ];
    for (name, value, rejection) in faults {
        header[name] = value;
        assert_eq!(judge(&header), Err(rejection), "{header}");
    }
}

#[test]
fn a_token_lives_until_exp_and_the_skew() {
    let config = config_with(json!({ "clockSkew": "1500ms" }));
    let expired_at = |milliseconds: i64| {
        let token = UnverifiedToken::parse(token().as_bytes()).unwrap();
        let now = crate::time::UnixTime::from_millis((NOON + 120) * 1000 + milliseconds);
        check_locally(token, &ALB, &config, now).is_err()
    };
    assert!(!expired_at(1499));
    assert!(expired_at(1500));
}

#[test]
fn a_claimant_shows_only_what_is_ours_to_repeat() {
    let claimant = |header: &Value| {
        let token = UnverifiedToken::parse(sign(header, &payload()).as_bytes()).unwrap();
        let refused = check_locally(token, &ALB, &config(), at(0)).unwrap_err();
        (
            refused.origin.kid().to_owned(),
            refused.origin.signer().to_owned(),
        )
    };
    let text = |kid: &str, signer: &str| (kid.to_owned(), signer.to_owned());
    assert_eq!(
        claimant(&header_with("kid", json!("evil\nline"))),
        text("invalid", crate::testing::ARN)
    );
    assert_eq!(
        claimant(&header_with("signer", json!("evil"))),
        text(crate::testing::KID, "unknown")
    );
    assert_eq!(claimant(&json!({})), text("-", "-"));
}
