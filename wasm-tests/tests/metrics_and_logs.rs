//! What operators see: metrics, log lines, filter state.

use alb_fixtures::mint::unix_now;
use serde_json::json;
use wasm_tests::{ARN, Answer, KID, REASONS, Scenario, USER, assert_refused, eventually};

const FURTHER_METRICS: [&str; 14] = [
    "access_token.expired",
    "access_token.invalid",
    "access_token.key_unavailable",
    "access_token.missing",
    "access_token.ok",
    "key_fetch.failed",
    "key_fetch.not_found",
    "key_fetch.ok",
    "key_fetch_ms",
    "keys",
    "token_cache.hit",
    "token_cache.miss",
    "values_left_out",
    "waiting_requests",
];

fn metric_names(s: &wasm_tests::Running) -> Vec<String> {
    let stats = s.stats().into_iter();
    let mut names: Vec<_> = stats
        .filter_map(|(name, _)| {
            name.strip_prefix("wasmcustom.alb_authn.")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

#[test]
fn the_set_of_metrics_is_complete_at_start_and_never_grows() {
    let s = Scenario::new().start();
    let requests = REASONS
        .iter()
        .map(|(reason, _)| format!("requests.{reason}"));
    let mut expected: Vec<_> = requests.chain(FURTHER_METRICS.map(str::to_owned)).collect();
    expected.sort();
    let found: Vec<_> = metric_names(&s);
    let (observed, others): (Vec<_>, Vec<_>) = found
        .iter()
        .cloned()
        .partition(|name| name.starts_with("observed."));
    assert_eq!(others, expected);
    let refusals = REASONS.iter().filter(|(_, status)| *status != 0);
    let observable = |(reason, _): &(&str, u16)| observed.contains(&format!("observed.{reason}"));
    assert!(refusals.clone().all(observable), "{observed:?}");
    let tokens = [
        "x".to_owned(),
        s.token_builder().header("kid", "x").sign(),
        s.token(),
    ];
    for token in tokens {
        s.get("/").token(&token).send();
    }
    assert_eq!(metric_names(&s), found);
}

#[test]
fn the_token_cache_counts_its_hits_and_misses() {
    let s = Scenario::new().start();
    let token = s.token();
    let counts = || (s.metric("token_cache.hit"), s.metric("token_cache.miss"));
    s.get("/").token(&token).send().echo();
    assert_eq!(counts(), (0, 1));
    for hits in 1..4 {
        assert_eq!(
            s.get("/")
                .token(&token)
                .send()
                .echo()
                .values("kubeflow-userid"),
            [USER]
        );
        assert_eq!(counts(), (hits, 1));
    }
    s.get("/").token(&s.token_with("number", 1)).send().echo();
    assert_eq!(counts(), (3, 2));
}

#[test]
fn the_token_cache_holds_only_what_is_ok() {
    let s = Scenario::new().start();
    let unverified = s.token_with("email_verified", "false");
    for _ in 0..3 {
        assert_refused(
            &s.get("/").token(&unverified).send(),
            "unverified_email",
            "again",
        );
    }
    assert_eq!(s.metric("token_cache.hit"), 0);
    let token = s.token();
    s.get("/").token(&token).send().echo();
    let longer = format!("{token}=");
    assert_refused(
        &s.get("/").token(&longer).send(),
        "malformed_token",
        "a longer one",
    );
}

#[test]
fn a_cached_token_still_expires() {
    let s = Scenario::new().config(json!({"clockSkew": "0s"})).start();
    let exp = unix_now() + 3;
    let token = s.token_builder().expiring_at(exp).sign();
    for _ in 0..2 {
        s.get("/").token(&token).send().echo();
    }
    assert_eq!(s.metric("token_cache.hit"), 1);
    eventually("the token is old", || (unix_now() >= exp).then_some(()));
    assert_refused(
        &s.get("/").token(&token).send(),
        "token_expired",
        "from memory",
    );
}

#[test]
fn the_token_cache_can_be_off() {
    let s = Scenario::new()
        .config(json!({"tokenCache": {"maxBytes": 0}}))
        .start();
    let token = s.token();
    for _ in 0..3 {
        s.get("/").token(&token).send().echo();
    }
    assert_eq!(s.metric("token_cache.hit"), 0);
}

#[test]
fn fetches_are_counted_and_timed() {
    let s = Scenario::new().start();
    s.get("/").token(&s.token()).send().echo();
    assert_eq!(s.metric("key_fetch.ok"), 1);
    eventually("the histogram has the fetch", || {
        let stats = s.stats();
        let (_, value) = stats
            .iter()
            .find(|(n, _)| n.ends_with("alb_authn.key_fetch_ms"))?;
        (value != "No recorded values").then_some(())
    });
}

#[test]
fn each_refusal_is_one_line_without_token_or_claim() {
    let config = json!({"requiredClaims": [{"claim": "sub", "anyOf": [
        "23d498b2-3031-70d2-8a15-49dd886a087b",
    ]}]});
    let s = Scenario::new().config(config).start();
    let unknown = "00000000-0000-0000-0000-000000000404";
    let failing = "00000000-0000-0000-0000-000000000500";
    s.endpoint.set(failing, Answer::Status(500));
    let other = alb_fixtures::mint::KeyPair::generate(KID);
    let cases = [
        ("missing_token", String::new()),
        ("token_too_large", "secretsecret".repeat(2_000)),
        ("malformed_token", "secret.secret".to_owned()),
        (
            "unsupported_algorithm",
            s.token_builder().header("alg", "none").sign(),
        ),
        (
            "invalid_key_id",
            s.token_builder().header("kid", "secretkid").sign(),
        ),
        (
            "untrusted_signer",
            s.token_builder().header("signer", "secretsigner").sign(),
        ),
        (
            "wrong_issuer",
            s.token_builder().header("iss", "secretissuer").sign(),
        ),
        (
            "wrong_client",
            s.token_builder().header("client", "secretclient").sign(),
        ),
        ("token_expired", s.token_builder().expiring_at(0).sign()),
        (
            "unknown_key",
            s.token_builder().header("kid", unknown).sign(),
        ),
        (
            "invalid_signature",
            s.token_builder().signed_by(&other).sign(),
        ),
        (
            "missing_claim",
            s.token_builder().without_claim("email").sign(),
        ),
        (
            "unusable_claim",
            s.token_with("email", "secret@example.com "),
        ),
        ("claim_mismatch", s.token_with("sub", "secretsub")),
        ("unverified_email", s.token_with("email_verified", "false")),
        (
            "key_unavailable",
            s.token_builder().header("kid", failing).sign(),
        ),
    ];
    for (reason, token) in &cases {
        let request = s.get("/secretpath?secret=query").token(token);
        let response = request
            .header("x-amzn-oidc-accesstoken", "secretaccess")
            .send();
        assert_refused(&response, reason, reason);
        let line = s.log_line(&["info ", &format!("reason={reason}")]);
        assert!(
            line.contains("request_id=") || line.contains("request-id="),
            "{line}"
        );
    }
    for reason in ["token_expired", "invalid_signature", "missing_claim"] {
        let line = s.log_line(&[&format!("reason={reason}")]);
        assert!(line.contains(&format!("kid={KID}")), "{line}");
        assert!(line.contains(&format!("signer={ARN}")), "{line}");
    }
    let line = s.log_line(&["reason=invalid_key_id"]);
    assert!(line.contains("kid=invalid"), "{line}");
    let line = s.log_line(&["reason=untrusted_signer"]);
    assert!(line.contains("signer=unknown"), "{line}");
    let log = s.module_log();
    let refusals: Vec<_> = log.iter().filter(|line| line.contains("reason=")).collect();
    assert_eq!(refusals.len(), cases.len(), "{refusals:#?}");
    for line in &log {
        // Envoy's request id is random: by chance it spells any of these.
        let line = line.split(" request_id=").next().unwrap_or_default();
        for secret in ["secret", "eyJ", "ada", "23d498b2"] {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
    }
}

#[test]
fn no_sender_can_forge_a_line() {
    let s = Scenario::new().start();
    let hostile = "x\nreason=ok kid=forged \u{1b}[31m%0a é";
    let request = |id: &str| s.get("/").header("x-request-id", id).token("x").send();
    assert_refused(
        &request("a reason=ok\tb\"c\u{e9}"),
        "malformed_token",
        "request id",
    );
    assert_refused(
        &request(&"y".repeat(1_000)),
        "malformed_token",
        "a long request id",
    );
    for member in ["kid", "signer", "alg", "iss", "client"] {
        let token = s.token_builder().header(member, hostile).sign();
        s.get("/").token(&token).send();
    }
    eventually("the last refusal is logged", || {
        let log = s.module_log();
        let refusals = log.iter().filter(|line| line.contains("reason=")).count();
        (refusals >= 7).then_some(())
    });
    let log = s.log();
    assert!(!log.contains("reason=ok") && !log.contains("kid=forged"));
    for line in s
        .module_log()
        .iter()
        .filter(|line| line.contains("reason="))
    {
        assert_eq!(line.matches("reason=").count(), 1, "{line}");
        assert!(line.is_ascii() && !line.contains('\u{1b}'), "{line}");
        assert!(line.split(' ').all(|word| word.len() <= 160), "{line}");
    }
}

#[test]
fn a_flood_of_refusals_is_summed_up() {
    let s = Scenario::new().start();
    for _ in 0..200 {
        s.get("/").token("x").send();
    }
    // One other reason's line is not lost in the flood.
    s.get("/").send();
    s.log_line(&["reason=missing_token"]);
    // Each refusal is a line of its own, or counted in a later one.
    eventually("every refusal is accounted for", || {
        let log = s.module_log();
        let flood = log
            .iter()
            .filter(|line| line.contains("reason=malformed_token"));
        let (sums, lines): (Vec<_>, Vec<_>) = flood.partition(|line| line.contains("suppressed="));
        let left_out = sums.iter().filter_map(|line| {
            let (_, number) = line.split_once("suppressed=")?;
            number.split(' ').next()?.parse::<usize>().ok()
        });
        (lines.len() + left_out.sum::<usize>() == 200 && lines.len() < 150).then_some(())
    });
}

#[test]
fn nothing_is_logged_for_an_accepted_request() {
    let s = Scenario::new().start();
    let before = s.module_log().len();
    for _ in 0..5 {
        s.get("/").token(&s.token()).send().echo();
    }
    // A refusal's line comes after whatever the accepted ones had left.
    s.get("/").send();
    s.log_line(&["reason=missing_token"]);
    assert_eq!(s.module_log().len(), before + 1, "{:#?}", s.module_log());
}

#[test]
fn the_start_is_logged_with_version_backend_and_load_balancers() {
    let s = Scenario::new().start();
    let line = s.log_line(&["info ", env!("CARGO_PKG_VERSION")]);
    assert!(line.contains("host") || line.contains("wasm"), "{line}");
    s.log_line(&["info ", ARN]);
}

#[test]
fn a_failed_fetch_is_a_warning() {
    let s = Scenario::new().start();
    s.endpoint
        .set(KID, Answer::Body(b"secret garbage".to_vec()));
    assert_refused(
        &s.get("/").token(&s.token()).send(),
        "key_unavailable",
        "garbage",
    );
    let line = s.log_line(&["warning ", KID]);
    assert!(!line.contains("secret"), "{line}");
}
