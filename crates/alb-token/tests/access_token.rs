//! `verify` with an access token, as an operator runs it: the user's token, the access token and both keys in files.

mod support;

use std::path::{Path, PathBuf};

use alb_fixtures::access_token::{UserPool, sign};
use alb_fixtures::example::{ARN, CLIENT, ISSUER, load_balancer, user_pool};
use alb_fixtures::mint::KeyPair;
use alb_fixtures::rsa::{TestKey, key_set};
use serde_json::{Value, json};
use support::{run_fully, run_with};

const SUB: &str = "23d498b2-3031-70d2-8a15-49dd886a087b";

/// When both tokens are good.
const NOW: i64 = 1_700_000_000;

/// The groups of the access token, optional.
const OPTIONAL: &str = "
outputClaimToHeaders:
- {header: kubeflow-userid, claim: email}
- {header: kubeflow-groups, claim: cognito:groups, source: accessToken, required: false}
";

const REQUIRED: &str = "
requiredClaims:
- {claim: cognito:groups, source: accessToken, anyOf: [admins]}
";

/// The files of one test.
struct Files {
    folder: PathBuf,
    key: KeyPair,
}

impl Files {
    fn new(test: &str, rules: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("access-token-{test}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder in the target directory");
        let key = KeyPair::generate("").named_by_thumbprint();
        let files = Self { folder, key };
        let config = format!(
            "loadBalancers:\n- {{arn: '{ARN}', issuers: ['{ISSUER}'], clientIds: ['{CLIENT}'], accessToken: {{}}}}\n{rules}"
        );
        files.write("config", &config);
        files.write("key", &files.key.public_pem());
        files.write("jwks", &user_pool().key_set());
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("a file");
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn users_token(&self) -> String {
        let claims = json!({"sub": SUB, "email": "alice@example.com", "email_verified": "true"});
        let claims = claims.as_object().expect("an object");
        load_balancer().mint(&self.key, claims, NOW + 60)
    }

    /// `verify` with the files of these names and options.
    fn arguments(&self, options: &[(&str, &str)]) -> Vec<String> {
        let mut arguments = vec!["verify".to_owned(), "--at".to_owned(), NOW.to_string()];
        for (option, file) in [("--config", "config")].iter().chain(options) {
            arguments.extend([(*option).to_owned(), self.path(file)]);
        }
        arguments
    }

    fn verify(&self, options: &[(&str, &str)]) -> (Option<i32>, String) {
        let arguments = self.arguments(options);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run_with(&arguments, &self.users_token())
    }

    /// The verdict on this access token, with both keys, and what is said on standard error.
    fn judge(&self, access_token: &str) -> (Option<i32>, String, String) {
        self.write("access", access_token);
        let all = [
            ("--key", "key"),
            ("--access-token", "access"),
            ("--jwks", "jwks"),
        ];
        let arguments = self.arguments(&all);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run_fully(&arguments, &self.users_token());
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

fn good() -> String {
    user_pool().access_token(SUB, &["admins", "ml"], NOW - 60)
}

/// The usual claims, changed.
fn with(changes: Value) -> String {
    let pool = user_pool();
    let mut claims = pool.access_claims(SUB, &["admins"], NOW - 60);
    claims.extend(changes.as_object().expect("an object").clone());
    sign(&pool.access_key, &claims)
}

#[test]
fn groups_of_a_verified_access_token_are_in_the_headers() {
    let files = Files::new("good", OPTIONAL);
    let (status, output, errors) = files.judge(&good());
    let expected = "ok\nkubeflow-userid: alice@example.com\nkubeflow-groups: admins,ml\n";
    assert_eq!((status, output.as_str()), (Some(0), expected), "{errors}");
    assert_eq!(errors, "");
}

#[test]
fn an_access_token_that_does_not_hold_says_why() {
    let optional = Files::new("optional", OPTIONAL);
    let required = Files::new("required", REQUIRED);
    let pool = user_pool();
    let other_key = sign(
        &TestKey::Rsa2048C.signer().named(pool.access_key.kid()),
        &pool.access_claims(SUB, &["admins"], NOW - 60),
    );
    let unknown_key = sign(
        &TestKey::Rsa2048C.signer(),
        &pool.access_claims(SUB, &["admins"], NOW - 60),
    );
    let other_pool = UserPool::new("https://idp.example.com", CLIENT);
    let invalid = "invalid_access_token";
    for (token, reason, why) in [
        (
            with(json!({"sub": "another"})),
            invalid,
            "Its `sub` is \"another\", but `sub` of the user's token is",
        ),
        (
            with(json!({"client_id": "other"})),
            invalid,
            "Its `client_id` is \"other\", but `client`",
        ),
        (
            other_pool.access_token(SUB, &["admins"], NOW - 60),
            invalid,
            "Its `iss` is \"https://idp.example.com\", but",
        ),
        (
            pool.id_token(SUB, &["admins"], NOW - 60),
            invalid,
            "Its `token_use` is \"id\", not \"access\".",
        ),
        (
            with(json!({"exp": NOW - 60})),
            "access_token_expired",
            "By the `exp` of the claims it expired",
        ),
        (with(json!({"nbf": NOW + 3600})), invalid, "`nbf`"),
        (other_key, invalid, "It was changed"),
        (
            unknown_key,
            invalid,
            "The key set in --jwks has no usable key with its `kid`.",
        ),
        ("a.b".to_owned(), invalid, "three parts"),
        (
            String::new(),
            "missing_access_token",
            "The file of --access-token is empty.",
        ),
    ] {
        let (status, output, errors) = required.judge(&token);
        assert!(
            status == Some(1) && output.starts_with(&format!("{reason}: ")),
            "{output}"
        );
        assert!(errors.contains(why), "{reason}: {errors}");

        let (status, output, errors) = optional.judge(&token);
        let expected = "ok\nkubeflow-userid: alice@example.com\n";
        assert_eq!((status, output.as_str()), (Some(0), expected), "{why}");
        assert!(errors.contains(reason) && errors.contains(why), "{errors}");
    }
}

#[test]
fn the_urls_of_both_keys_are_named_one_after_the_other() {
    let files = Files::new("urls", OPTIONAL);
    files.write("access", &good());
    let access = ("--access-token", "access");
    let (status, output) = files.verify(&[access]);
    let url = "https://public-keys.auth.elb.us-west-2.amazonaws.com/";
    assert!(status == Some(2) && output.contains(url), "{output}");

    let (status, output) = files.verify(&[access, ("--key", "key")]);
    let url = format!("{ISSUER}/.well-known/jwks.json\n");
    assert!(status == Some(2) && output.ends_with(&url), "{output}");
}

#[test]
fn without_an_access_token_what_needs_none_is_judged() {
    let files = Files::new("without", OPTIONAL);
    let key = ("--key", "key");
    let ok = "ok\nkubeflow-userid: alice@example.com\n".to_owned();
    assert_eq!(files.verify(&[key]), (Some(0), ok));
    let files = Files::new("without-required", REQUIRED);
    let (status, output) = files.verify(&[key]);
    assert!(
        status == Some(1) && output.starts_with("missing_access_token: "),
        "{output}"
    );
}

#[test]
fn an_access_token_that_nothing_reads_is_said_to_be_unread() {
    let files = Files::new("unread", "");
    let (status, _, errors) = files.judge("anything");
    assert!(
        status == Some(0) && errors.starts_with("Nothing reads the access token"),
        "{errors}"
    );
}

#[test]
fn scripts_learn_in_json_what_became_of_the_access_token() {
    let files = Files::new("json", OPTIONAL);
    let json = |token: &str| {
        files.write("access", token);
        let all = [
            ("--key", "key"),
            ("--access-token", "access"),
            ("--jwks", "jwks"),
        ];
        let mut arguments = files.arguments(&all);
        arguments.extend(["--output".to_owned(), "json".to_owned()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (status, output) = run_with(&arguments, &files.users_token());
        assert_eq!(status, Some(0), "{output}");
        serde_json::from_str::<Value>(&output).expect("JSON")
    };
    let held = json(&good());
    assert_eq!(held["accessToken"], "ok");
    assert_eq!(held["headers"]["kubeflow-groups"], "admins,ml");
    let withheld = json(&with(json!({"sub": "another"})));
    assert_eq!(withheld["accessToken"], "invalid_access_token");
    assert!(
        withheld["accessTokenDetail"]
            .as_str()
            .is_some_and(|detail| detail.contains("another"))
    );
    assert_eq!(
        withheld["headers"],
        json!({"kubeflow-userid": "alice@example.com"})
    );
}

#[test]
fn a_file_that_is_no_key_set_is_a_usage_error() {
    let files = Files::new("no-set", OPTIONAL);
    let elliptic = json!({"keys": [{"kty": "EC", "kid": "a"}]}).to_string();
    for text in [
        "",
        "{}",
        &files.key.public_pem(),
        &elliptic,
        &" ".repeat(70_000),
    ] {
        files.write("jwks", text);
        let (status, _, errors) = files.judge(&good());
        assert!(
            status == Some(2) && errors.contains("--jwks"),
            "{text}: {errors}"
        );
    }
    // One key of another set is a set.
    files.write("jwks", &key_set(&[TestKey::Rsa3072.signer()]));
    assert_eq!(files.judge(&good()).0, Some(0));
}
