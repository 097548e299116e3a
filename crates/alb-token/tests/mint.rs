//! `mint` and `keygen` on the command line, and what is no command line.

#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

mod support;

use alb_fixtures::example::{ARN, CLIENT, ISSUER, user_pool};
use alb_fixtures::mint::unix_now;
use alb_fixtures::rsa::{TestKey, rs256_verifies};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::{Token, run};

const KID: &str = "1b2c3d4e-0000-4000-8000-000000000001";

#[test]
fn the_command_line_mints_what_it_is_told() {
    let directory = std::env::temp_dir().join(format!("alb-token-mint-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("key.pem");
    let file = file.to_str().unwrap();

    let keygen = run(&["keygen", file]);
    assert!(keygen.status.success());
    let kid = String::from_utf8(keygen.stdout).unwrap().trim().to_owned();
    let public_pem = std::fs::read_to_string(format!("{file}.pub")).unwrap();
    assert!(!run(&["keygen", file]).status.success(), "no key is lost");

    let email = r#"{"email":"alice@example.com"}"#;
    let required = ["mint", "--key", file, "--arn", ARN, "--claims", email];
    let mint = |further: &[&str]| {
        let output = run(&[&required, further].concat());
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };

    let before = unix_now();
    let token = Token::decode(&mint(&[]));
    let after = unix_now();
    assert!(token.verifies_with(&public_pem));
    assert_eq!(token.header["kid"], kid);
    assert_eq!(token.header["signer"], ARN);
    assert_eq!(token.payload["email"], "alice@example.com");
    let exp = token.header["exp"].as_i64().unwrap();
    assert!((before + 120..=after + 120).contains(&exp));

    let idp = ["--issuer", "https://idp.example.com", "--client", "c1"];
    let chosen = ["--kid", KID, "--exp", "5"];
    let token = Token::decode(&mint(&[&idp[..], &chosen].concat()));
    assert_eq!(token.header["kid"], KID);
    assert_eq!(token.header["iss"], "https://idp.example.com");
    assert_eq!(token.header["client"], "c1");
    assert_eq!(token.payload["exp"], 5);

    assert!(!mint(&["--no-padding"]).contains('='));
    let expired = Token::decode(&mint(&["--expires-in", "-60"]));
    assert!(expired.header["exp"].as_i64().unwrap() < before);

    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn an_access_token_is_minted_as_cognito_writes_it_and_the_key_set_verifies_it() {
    let print = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let claims = r#"{"sub":"s-1","cognito:groups":["admins"],"version":3}"#;
    let required = ["mint", "--access-token", "--claims", claims];
    let mint = |further: &[&str]| print(&[&required, further].concat());

    let before = unix_now();
    let (header, payload, _) = access_token_parts(&mint(&[]));
    let pool = user_pool();
    assert_eq!(
        header,
        json!({"kid": pool.access_key.kid(), "alg": "RS256"})
    );
    let claim = |name: &str| payload[name].clone();
    assert_eq!(claim("sub"), "s-1");
    assert_eq!(claim("cognito:groups"), json!(["admins"]));
    assert_eq!(
        claim("version"),
        3,
        "what is given replaces what Cognito writes"
    );
    assert_eq!(
        (claim("iss"), claim("client_id")),
        (json!(ISSUER), json!(CLIENT))
    );
    assert_eq!(claim("token_use"), "access");
    let exp = claim("exp").as_i64().unwrap();
    assert!((before + 3600..=unix_now() + 3600).contains(&exp));

    let chosen = [
        "--issuer",
        "https://idp.example.com",
        "--client",
        "c1",
        "--kid",
        "k/+=",
    ];
    let (header, payload, _) = access_token_parts(&mint(&[&chosen[..], &["--exp", "5"]].concat()));
    assert_eq!(header["kid"], "k/+=");
    assert_eq!(payload["iss"], "https://idp.example.com");
    assert_eq!(payload["client_id"], "c1");
    assert_eq!(payload["exp"], 5);

    assert_eq!(print(&["key-set"]), pool.key_set());
    let pem = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../alb-fixtures/keys/rsa-3072.test-only.pem"
    );
    for kid in [&[][..], &["--kid", "another"]] {
        let set = print(&[&["key-set", "--key", pem], kid].concat());
        let set: Value = serde_json::from_str(&set).unwrap();
        let signer = TestKey::Rsa3072.signer();
        let signer = kid.last().map_or(signer.clone(), |kid| signer.named(*kid));
        assert_eq!(set, json!({"keys": [signer.jwk()]}));
        let token = mint(&[&["--key", pem], kid].concat());
        let (header, _, signature) = access_token_parts(&token);
        assert_eq!(header["kid"], signer.kid());
        let (input, _) = token.rsplit_once('.').unwrap();
        assert!(rs256_verifies(
            &signer.spki_der(),
            input.as_bytes(),
            &signature
        ));
    }
}

fn access_token_parts(token: &str) -> (Value, Value, Vec<u8>) {
    let parts: Vec<Vec<u8>> = token
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect();
    let [header, payload, signature] = parts.as_slice() else {
        panic!("three parts: {token}");
    };
    let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
    (json(header), json(payload), signature.clone())
}

#[test]
fn wrong_usage_ends_with_status_2() {
    let readable = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for arguments in [
        &["mint"][..],
        &[
            "mint",
            "--key",
            "/nonexistent",
            "--arn",
            ARN,
            "--claims",
            "{}",
        ],
        &["mint", "--key", readable, "--arn", ARN, "--claims", "{}"],
        &["mint", "--key", readable, "--arn", ARN, "--claims", "[]"],
        &["mint", "--claims", "{}"],
        &["mint", "--access-token", "--claims", "{}"],
        &[
            "mint",
            "--access-token",
            "--claims",
            r#"{"sub":"s"}"#,
            "--arn",
            ARN,
        ],
        &[
            "mint",
            "--access-token",
            "--claims",
            r#"{"sub":"s"}"#,
            "--key",
            readable,
        ],
        &["key-set", "--key", readable],
        &["key-set", "--kid", "k"],
        &["standin", "--gateway", "no address"],
        &["standin", "--user", "<script>"],
        &["unheard-of"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
