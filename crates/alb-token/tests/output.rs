//! What scripts and people get: JSON, exit statuses, colours on a terminal only, errors that help on.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::{run_fully, run_with};

const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188";
const KID: &str = "1b2c3d4e-0000-4000-8000-000000000001";
const CLAIMS: &str = r#"{"email":"alice@example.com","email_verified":"true"}"#;

/// A fresh key pair, a configuration and a token that go together, in a directory of one test's own.
struct Files(PathBuf);

impl Files {
    fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("output-{test}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder in the target directory");
        let files = Self(folder);
        let config = format!("loadBalancers:\n- {{arn: '{ARN}', issuers: [i], clientIds: [c]}}\n");
        files.write("config.yaml", &config);
        assert_eq!(run_with(&["keygen", &files.path("key")], "").0, Some(0));
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.join(name), text).expect("a file");
        self.path(name)
    }

    /// A good token, but for what `more` says in place of the usual arguments.
    fn mint(&self, more: &[&str]) -> String {
        let key = self.path("key");
        let usual = [
            ["--key", &key],
            ["--kid", KID],
            ["--arn", ARN],
            ["--issuer", "i"],
            ["--client", "c"],
            ["--claims", CLAIMS],
        ];
        let usual = usual.iter().filter(|[name, _]| !more.contains(name));
        let usual: Vec<&str> = usual.flatten().copied().collect();
        let (status, token) = run_with(&[&["mint"], &usual[..], more].concat(), "");
        assert_eq!(status, Some(0), "mint {more:?}");
        token.trim_end().to_owned()
    }

    fn verify(&self, more: &[&str], input: &str) -> (Option<i32>, String) {
        let config = self.path("config.yaml");
        run_with(&[&["verify", "--config", &config], more].concat(), input)
    }

    fn verify_json(&self, more: &[&str], token: &str) -> (Option<i32>, Value) {
        let (status, output) = self.verify(&[&["--output", "json", token], more].concat(), "");
        (status, serde_json::from_str(&output).expect("JSON"))
    }
}

#[test]
fn verify_answers_scripts_in_json() {
    let files = Files::new("verify-json");
    let (token, key) = (files.mint(&[]), files.path("key.pub"));

    let accepted = json!({
        "verdict": "ok", "reason": "ok", "headers": {"kubeflow-userid": "alice@example.com"},
    });
    assert_eq!(
        files.verify_json(&["--key", &key], &token),
        (Some(0), accepted)
    );

    let url = format!("https://public-keys.auth.elb.us-west-2.amazonaws.com/{KID}");
    let key_needed = json!({"verdict": "key_needed", "keyUrl": url});
    assert_eq!(files.verify_json(&[], &token), (Some(2), key_needed));

    let (status, refused) = files.verify_json(&["--key", &key, "--at", "9999999999"], &token);
    assert_eq!(status, Some(1));
    assert_eq!(refused["verdict"], "refused");
    assert_eq!(refused["reason"], "token_expired");
    assert_eq!(refused["status"], 401);
    assert_eq!(refused["message"], "The token has expired.");
    let detail = refused["detail"].as_str().expect("a detail");
    assert!(
        detail.starts_with("By the `exp` of the header it expired "),
        "{detail}"
    );
}

#[test]
fn a_refusal_says_what_the_token_shows_of_its_cause() {
    let files = Files::new("detail");
    let key = files.path("key.pub");
    let stranger = ARN.replace("123456789012", "999999999999");
    let claims = |claims| ["--claims", claims];
    let cases = [
        (
            ["--arn", &stranger],
            "untrusted_signer",
            "Its `signer` is \"arn:aws:",
        ),
        (
            ["--issuer", "other"],
            "wrong_issuer",
            "Its `iss` is \"other\".",
        ),
        (
            ["--client", "other"],
            "wrong_client",
            "Its `client` is \"other\".",
        ),
        (["--kid", "key-1"], "invalid_key_id", "`kid` is no UUID"),
        (
            claims(r#"{"sub":"1"}"#),
            "missing_claim",
            "Its claims are {\"sub\":\"1\",",
        ),
        (
            claims(r#"{"email":"a@b.example","email_verified":false}"#),
            "unverified_email",
            "Its `email_verified` is false.",
        ),
    ];
    for (change, reason, detail) in cases {
        let token = files.mint(&change);
        let (status, output) = files.verify_json(&["--key", &key], &token);
        assert_eq!((status, &output["reason"]), (Some(1), &json!(reason)));
        let told = output["detail"].as_str().unwrap_or_default();
        assert!(told.starts_with(detail), "{reason}: {told}");
    }
    let config = std::fs::read_to_string(files.path("config.yaml")).expect("a file");
    files.write("config.yaml", &(config + "clockSkew: 0s\n"));
    let at = ["--key", &key, "--at", "1700000010"];
    let (_, output) = files.verify_json(&at, &files.mint(&["--exp", "1700000000"]));
    let told = "Its exp of the header is 2023-11-14T22:13:20Z (expired 10 s ago), ";
    assert!(
        output["detail"]
            .as_str()
            .is_some_and(|detail| detail.starts_with(told)),
        "{output}"
    );
    let other = files.path("other");
    assert_eq!(run_with(&["keygen", &other], "").0, Some(0));
    let (_, output) = files.verify_json(&["--key", &format!("{other}.pub")], &files.mint(&[]));
    assert_eq!(output["reason"], "invalid_signature");
    assert!(
        output["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("--key"))
    );
}

#[test]
fn a_claims_reason_names_the_claim() {
    let files = Files::new("claim");
    let key = files.path("key.pub");
    let config = std::fs::read_to_string(files.path("config.yaml")).expect("a file");
    let more = "outputClaimToHeaders:\n- {header: x-user, claim: email}\n- {header: x-groups, claim: [realm, roles], \
                format: list, keep: ['ml-*']}\nrequiredClaims: [{claim: tenant, anyOf: [blue]}]\n";
    files.write("config.yaml", &(config + more));
    let verified = |rest: &str| format!(r#"{{"email":"a@b.example","email_verified":true{rest}}}"#);
    let roles = r#","realm":{"roles":["ops","ml-x","ml-y"]}"#;
    let cases = [
        (r#"{"sub":"1"}"#.to_owned(), "missing_claim", "email"),
        (verified(""), "missing_claim", "realm.roles"),
        (
            verified(r#","realm":{"roles":["ml-a,b"]}"#),
            "unusable_claim",
            "realm.roles",
        ),
        (verified(roles), "claim_mismatch", "tenant"),
        (
            format!(r#"{{"email":"a@b.example","tenant":"blue"{roles}}}"#),
            "unverified_email",
            "email",
        ),
    ];
    for (claims, reason, claim) in &cases {
        let token = files.mint(&["--claims", claims]);
        let (status, output) = files.verify_json(&["--key", &key], &token);
        assert_eq!(
            (status, &output["reason"]),
            (Some(1), &json!(reason)),
            "{claims}"
        );
        assert_eq!(output["claim"], *claim, "{claims}");
        let config = files.path("config.yaml");
        let output = run_fully(&["verify", "--config", &config, "--key", &key, &token], "");
        let advice = String::from_utf8(output.stderr).expect("text");
        assert!(
            advice.contains(&format!("The claim is \"{claim}\".")),
            "{advice}"
        );
    }
    let good = verified(&format!(r#","tenant":"blue"{roles}"#));
    let token = files.mint(&["--claims", &good]);
    let (status, output) = files.verify_json(&["--key", &key], &token);
    let headers = json!({"x-user": "a@b.example", "x-groups": "ml-x,ml-y"});
    assert_eq!((status, &output["headers"]), (Some(0), &headers));
    let (_, output) = files.verify_json(&["--key", &key, "--at", "9999999999"], &token);
    assert!(output["claim"].is_null(), "{output}");
}

#[test]
fn inspect_answers_scripts_in_json() {
    let files = Files::new("inspect-json");
    let token = files.mint(&["--exp", "1700000000"]);
    let arguments = ["inspect", "--output", "json", "--at", "1700000001", &token];
    let (status, output) = run_with(&arguments, "");
    let seen: Value = serde_json::from_str(&output).expect("JSON");

    assert_eq!((status, &seen["verified"]), (Some(0), &json!(false)));
    assert_eq!(seen["header"]["signer"], ARN);
    assert_eq!(seen["claims"]["email"], "alice@example.com");
    assert_eq!(seen["times"][0]["date"], "2023-11-14T22:13:20Z");
    assert_eq!(
        seen["configuration"]["loadBalancers"][0]["clientIds"],
        json!(["c"])
    );
    assert_eq!((&seen["faults"], &seen["hints"]), (&json!([]), &json!([])));

    let (status, output) = run_with(&["inspect", "--output", "json", "abc"], "");
    let seen: Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(status, Some(1));
    assert_eq!(seen["faults"][0]["reason"], "malformed_token");
    assert!(seen["configuration"].is_null() && seen["hints"][0].is_string());
}

#[test]
fn check_config_answers_scripts_in_json() {
    let config = "loadBalancers: []\nmode: observe\n";
    let (status, output) = run_with(&["check-config", "--output", "json", "-"], config);
    let seen: Value = serde_json::from_str(&output).expect("JSON");

    assert_eq!((status, &seen["ok"]), (Some(1), &json!(false)));
    let finding = |i: usize| {
        let finding = &seen["findings"][i];
        assert!(finding["message"].is_string() && finding["object"].is_null());
        (finding["severity"].clone(), finding["path"].clone())
    };
    assert_eq!(finding(0), (json!("problem"), json!("loadBalancers")));
    assert_eq!(finding(1), (json!("warning"), json!("mode")));
}

/// What a terminal gets: Python opens one.
fn on_a_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = Command::new("python3")
        .args(["-c", "import pty, sys; pty.spawn(sys.argv[1:])"])
        .arg(env!("CARGO_BIN_EXE_alb-token"))
        .args(arguments)
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .output()
        .expect("python3 runs");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn colours_are_for_terminals_only() {
    let files = Files::new("colours");
    let bad = files.write("bad.yaml", "loadBalancers: []\n");
    let check = ["check-config", &bad];
    let red = "\u{1b}[1m\u{1b}[31mloadBalancers: \u{1b}[0m";

    assert!(on_a_terminal(&check, &[]).contains(red));
    assert!(!on_a_terminal(&check, &[("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!run_with(&check, "").1.contains('\u{1b}'));
    let json = ["check-config", "--output", "json", &bad];
    assert!(!on_a_terminal(&json, &[]).contains('\u{1b}'));
}

#[test]
fn a_token_may_come_with_blanks_and_line_ends_around_it() {
    let files = Files::new("spaces");
    let (token, key) = (files.mint(&[]), files.path("key.pub"));
    let more = ["--key", &key];

    for input in [format!("{token}\r\n"), format!("\n {token}\t\n\n")] {
        assert_eq!(files.verify(&more, &input).0, Some(0), "{input:?}");
        assert_eq!(
            files.verify(&[&more[..], &["-"]].concat(), &input).0,
            Some(0)
        );
        assert_eq!(
            files.verify(&[&more[..], &[&input]].concat(), "").0,
            Some(0)
        );
    }
    let (status, output) = files.verify(&more, " \n");
    assert!(
        status == Some(1) && output.starts_with("missing_token: "),
        "{output}"
    );
}

#[test]
fn errors_say_what_to_do_next() {
    let files = Files::new("errors");
    let (config, key) = (files.path("config.yaml"), files.path("key"));
    let two = files.write("two.yaml", &"---\nkind: WasmPlugin\nspec: {}\n".repeat(2));
    let verify = |config: &str, key: &str| {
        let arguments = ["verify", "--config", config, "--key", key, "a.b.c"];
        arguments.map(str::to_owned).to_vec()
    };
    let cases: [(Vec<String>, i32, &str); 6] = [
        (verify(&config, &key), 2, "`openssl pkey -pubout`"),
        (
            verify(&config, &config),
            2,
            "`verify` without --key prints the URL",
        ),
        (verify("-", "-"), 2, "can't be --config and --key at once"),
        (verify(&two, &key), 2, "holds 2 configurations"),
        (
            verify("absent.yaml", &key),
            2,
            "--config absent.yaml: can't be read",
        ),
        (
            vec!["keygen".to_owned(), key.clone()],
            1,
            "choose another name",
        ),
    ];
    for (arguments, status, expected) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run_fully(&arguments, "");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(
            error.contains(expected) && output.stdout.is_empty(),
            "{error}"
        );
    }
}
