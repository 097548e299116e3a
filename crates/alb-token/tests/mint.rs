//! `mint` and `keygen` on the command line, and what is no command line.

#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

mod support;

use alb_fixtures::example::ARN;
use alb_fixtures::mint::unix_now;
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
        &["standin", "--gateway", "no address"],
        &["standin", "--user", "<script>"],
        &["unheard-of"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
