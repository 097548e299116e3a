use serde_json::{Value, json};

use super::*;
use crate::keys::PublicKey;
use crate::testing::{
    CLIENT, NOON, at, config_with, header, payload, public_key, request, sign, token,
};
use crate::verify::WasmBackend;

mod cache;

fn arrive<'h>(config: &Config, more: &[(&'h str, &'h str)]) -> Request<'h> {
    arrive_after(config, &TokenCache::new(0), more)
}

/// Leaks the list of headers, so that a request can be returned.
fn arrive_after<'h>(
    config: &Config,
    cache: &TokenCache,
    more: &[(&'h str, &'h str)],
) -> Request<'h> {
    let pairs = request(more).leak();
    Request::handle_headers(&Headers::new(pairs), config, cache, at(0))
}

fn decided(config: Value, more: &[(&str, &str)]) -> Decision {
    match arrive(&config_with(config), more) {
        Request::Decided(decision) => decision,
        Request::AwaitingKey(_) => panic!("the key should not be needed"),
    }
}

fn reason(config: Value, more: &[(&str, &str)]) -> Reason {
    decided(config, more).reason
}

const fn rejected(rejection: Rejection) -> Reason {
    Reason::Rejected(rejection)
}

/// Brings a waiting request its key.
fn go_on(
    config: &Config,
    cache: &mut Caches,
    token: &str,
    now: UnixTime,
) -> (Reason, Option<bool>) {
    go_on_with(KEY.with(Rc::clone), config, cache, token, now)
}

fn go_on_with(
    key: Rc<PublicKey>,
    config: &Config,
    cache: &mut Caches,
    token: &str,
    now: UnixTime,
) -> (Reason, Option<bool>) {
    let headers = [("x-amzn-oidc-data", token)];
    let Request::AwaitingKey(waiting) = arrive_after(config, &cache.user, &headers) else {
        panic!("the key should be needed");
    };
    let mut judge = Judge {
        config,
        backend: &WasmBackend,
        caches: cache,
    };
    let judgement = judged(judge.decide(waiting, Ok(key), now));
    (judgement.decision.reason, judgement.findings.cache_lookup)
}

/// The end of a request that needs no key set.
fn judged(step: Step<'_>) -> Judgement {
    match step {
        Step::Decided(judgement) => judgement,
        Step::AwaitingKeySet(_) => panic!("no key set should be needed"),
    }
}

thread_local! {
    static KEY: Rc<PublicKey> = Rc::new(public_key(1));
}

#[test]
fn a_missing_token_is_no_header_or_one_empty_one() {
    assert_eq!(reason(json!({}), &[]), rejected(Rejection::MissingToken));
    assert_eq!(
        reason(json!({}), &[("x-amzn-oidc-data", "")]),
        rejected(Rejection::MissingToken)
    );
    let other_spelling = [("x_amzn_oidc_data", &*token())];
    assert_eq!(
        reason(json!({}), &other_spelling),
        rejected(Rejection::MissingToken)
    );
}

#[test]
fn more_than_one_token_header_is_malformed_empty_ones_included() {
    let token = token();
    for second in ["", &token, "x"] {
        let two = [
            ("x-amzn-oidc-data", token.as_str()),
            ("x-amzn-oidc-data", second),
        ];
        assert_eq!(reason(json!({}), &two), rejected(Rejection::MalformedToken));
    }
    let empty = [("x-amzn-oidc-data", ""), ("x-amzn-oidc-data", "")];
    assert_eq!(
        reason(json!({}), &empty),
        rejected(Rejection::MalformedToken)
    );
}

#[test]
fn a_token_may_be_as_long_as_max_token_bytes() {
    let config = json!({ "maxTokenBytes": 1024 });
    let longest = "x".repeat(1024);
    let token = |text| reason(config.clone(), &[("x-amzn-oidc-data", text)]);
    assert_eq!(token(&longest), rejected(Rejection::MalformedToken));
    assert_eq!(
        token(&format!("{longest}x")),
        rejected(Rejection::TokenTooLarge)
    );
}

#[test]
fn a_public_route_takes_a_request_without_a_token_but_not_a_bad_token() {
    let config = json!({ "allowMissingToken": [{ "path": "/" }] });
    assert_eq!(reason(config.clone(), &[]), Reason::NoToken);
    assert_eq!(
        reason(config.clone(), &[("x-amzn-oidc-data", "")]),
        Reason::NoToken
    );
    let bad = [("x-amzn-oidc-data", "a.b.c")];
    assert_eq!(reason(config, &bad), rejected(Rejection::MalformedToken));
}

#[test]
fn logout_needs_no_token_and_is_answered_in_observe_mode_too() {
    let logout = json!({ "path": "/", "location": "https://idp.example.com/logout" });
    for mode in ["enforce", "observe"] {
        let decision = decided(json!({ "logout": logout, "mode": mode }), &[]);
        assert_eq!(decision.reason, Reason::Logout);
        assert!(matches!(
            decision.effect,
            Effect::Respond(Reply { status: 302, .. })
        ));
    }
}

#[test]
fn a_refusal_is_an_answer_in_enforce_and_a_request_without_identity_in_observe() {
    let enforced = decided(json!({}), &[("kubeflow-userid", "eve")]);
    assert_eq!(
        enforced.effect,
        Effect::Respond(Reply::refusal(Rejection::MissingToken))
    );
    let observed = decided(json!({ "mode": "observe" }), &[("kubeflow-userid", "eve")]);
    assert_eq!(observed.reason, enforced.reason);
    assert!(matches!(
        observed.effect,
        Effect::Forward { user: None, .. }
    ));
}

#[test]
fn a_good_token_and_its_key_make_a_user() {
    let config = config_with(json!({}));
    let token = token();
    let Request::AwaitingKey(waiting) = arrive(&config, &[("x-amzn-oidc-data", &token)]) else {
        panic!("the key should be needed");
    };
    let judgement = decide_once(waiting, KEY.with(Rc::clone), &config, &WasmBackend, at(0));
    assert_eq!(judgement.decision.reason, Reason::Ok);
    let Effect::Forward { user, .. } = judgement.decision.effect else {
        panic!("should go on")
    };
    assert_eq!(user.as_deref(), Some("alice@example.com"));
    assert_eq!(
        (
            judgement.findings.cache_lookup,
            judgement.findings.proven_key.is_some()
        ),
        (None, true)
    );
}

#[test]
fn a_wrong_signature_proves_no_key() {
    let config = config_with(json!({}));
    let good = token();
    let other_payload = sign(&header(), &json!({ "email": "eve@example.com" }));
    let (_, signature) = good.rsplit_once('.').unwrap();
    let (signing_input, _) = other_payload.rsplit_once('.').unwrap();
    let forged = format!("{signing_input}.{signature}");
    let Request::AwaitingKey(waiting) = arrive(&config, &[("x-amzn-oidc-data", &forged)]) else {
        panic!("the key should be needed");
    };
    let mut cache = Caches::new(10_000, false);
    let mut judge = Judge {
        config: &config,
        backend: &WasmBackend,
        caches: &mut cache,
    };
    let judgement = judged(judge.decide(waiting, Ok(KEY.with(Rc::clone)), at(0)));
    let reason = judgement.decision.reason;
    assert_eq!(reason, rejected(Rejection::InvalidSignature));
    assert_eq!(
        (
            judgement.findings.cache_lookup,
            judgement.findings.proven_key.is_some()
        ),
        (Some(false), false)
    );
}

#[test]
fn a_signature_of_another_length_is_invalid() {
    let config = config_with(json!({}));
    let (signing_input, _) = token()
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    for signature in [
        "YQ",
        "YWI=",
        &"A".repeat(86),
        &"A".repeat(88),
        &"A".repeat(128),
    ] {
        let token = format!("{signing_input}.{signature}");
        let (reason, _) = go_on(&config, &mut Caches::new(0, false), &token, at(0));
        assert_eq!(reason, rejected(Rejection::InvalidSignature), "{signature}");
    }
}

#[test]
fn a_token_that_expired_while_it_waited_is_expired() {
    let config = config_with(json!({ "clockSkew": "10s" }));
    let token = token();
    let seen = |seconds| go_on(&config, &mut Caches::new(0, false), &token, at(seconds)).0;
    assert_eq!(seen(129), Reason::Ok);
    assert_eq!(seen(130), rejected(Rejection::TokenExpired));
}

#[test]
fn each_load_balancer_has_its_own_key_endpoint_and_clients() {
    let other = crate::testing::ARN.replace("us-west-2", "eu-central-1");
    let config = config_with(json!({ "loadBalancers": [
        { "arn": crate::testing::ARN, "issuers": [crate::testing::ISSUER], "clientIds": [CLIENT] },
        { "arn": other, "issuers": [crate::testing::ISSUER], "clientIds": ["client-2"] },
    ]}));
    let arrive_as = |arn: &str, client: &str| {
        let mut header = header();
        header["signer"] = json!(arn);
        header["client"] = json!(client);
        match arrive(&config, &[("x-amzn-oidc-data", &sign(&header, &payload()))]) {
            Request::AwaitingKey(waiting) => Ok(config.key_sources()[waiting.key().source.0]
                .authority
                .clone()),
            Request::Decided(decision) => Err(decision.reason),
        }
    };
    assert_eq!(
        arrive_as(crate::testing::ARN, CLIENT).unwrap(),
        "public-keys.auth.elb.us-west-2.amazonaws.com"
    );
    assert_eq!(
        arrive_as(&other, "client-2").unwrap(),
        "public-keys.auth.elb.eu-central-1.amazonaws.com"
    );
    assert_eq!(
        arrive_as(&other, CLIENT),
        Err(rejected(Rejection::WrongClient))
    );
}

#[test]
fn a_waiting_request_counts_its_token_and_what_is_kept_of_its_headers() {
    let held = |more: &[(&str, &str)]| {
        let token = token();
        let mut headers = vec![("x-amzn-oidc-data", token.as_str())];
        headers.extend(more);
        let config = config_with(json!({}));
        match arrive(&config, &headers) {
            Request::AwaitingKey(request) => {
                let bytes = request.retained_bytes();
                // Not its decoded parts, which are not counted.
                assert_eq!(&*request.park(&config).raw, token.as_bytes());
                bytes
            }
            Request::Decided(decision) => panic!("{:?}", decision.reason),
        }
    };
    let long = "x".repeat(40_000);
    let cookie = format!("AWSELBAuthSessionCookie-0=s; kept={long}");
    let bare = held(&[]);
    assert!(bare >= token().len());
    assert!(held(&[("cookie", &cookie)]) >= bare + long.len());
    let name = "kubeflow-userid".replace('-', "_");
    assert!(held(&[(&name, &long)]) >= bare + name.len());
    // The parts that nobody needs again are not held.
    assert_eq!(held(&[("x-request-id", &long)]), bare + 128);
    assert!(held(&[("x-amzn-oidc-accesstoken", &long)]) < bare + 1000);
    assert_eq!(held(&[("accept", &long)]), bare);
    let copies = |count| held(&vec![("x_amzn_oidc_data", "v"); count]);
    assert_eq!(copies(95), copies(1), "of one spelling one is noted");
}

#[test]
fn entries_with_one_arn_are_told_apart_by_issuer_and_client() {
    let entry = |issuer: &str, client: &str, header: &str| {
        json!({ "arn": crate::testing::ARN, "issuers": [issuer], "clientIds": [client],
            "outputClaimToHeaders": [{ "header": header, "claim": "sub" }] })
    };
    let config = config_with(json!({ "loadBalancers": [
        entry("https://a", "client-a", "x-user-a"),
        entry("https://b", "client-b", "x-user-b"),
        entry("https://a", "client-c", "x-user-c"),
    ]}));
    let judge = |issuer: &str, client: &str| {
        let (mut header, mut payload) = (header(), payload());
        (header["iss"], header["client"]) = (json!(issuer), json!(client));
        payload["iss"] = json!(issuer);
        let token = sign(&header, &payload);
        let (reason, _) = go_on_or_decided(&config, &token);
        reason
    };
    for (issuer, client, expected) in [
        ("https://a", "client-a", Reason::Ok),
        ("https://b", "client-b", Reason::Ok),
        ("https://a", "client-c", Reason::Ok),
        ("https://a", "client-b", rejected(Rejection::WrongClient)),
        ("https://b", "client-a", rejected(Rejection::WrongClient)),
        ("https://c", "client-a", rejected(Rejection::WrongIssuer)),
    ] {
        assert_eq!(judge(issuer, client), expected, "{issuer} {client}");
    }
}

/// Judges a token that may be decided without its key.
fn go_on_or_decided(config: &Config, token: &str) -> (Reason, Option<String>) {
    let decision = match arrive(config, &[("x-amzn-oidc-data", token)]) {
        Request::Decided(decision) => decision,
        Request::AwaitingKey(request) => {
            decide_once(request, KEY.with(Rc::clone), config, &WasmBackend, at(0)).decision
        }
    };
    (decision.reason, decision.log_context.claim)
}

#[test]
fn a_rejected_claim_is_named_as_it_is_configured() {
    let config = config_with(json!({ "requiredClaims": [
        { "claim": ["realm", "tenant"], "anyOf": ["blue"] },
    ]}));
    let seen = go_on_or_decided(&config, &token());
    let expected = rejected(Rejection::ClaimMismatch);
    assert_eq!(seen, (expected, Some("realm.tenant".to_owned())));
}

#[test]
fn a_browser_gets_a_page_also_if_its_request_waited_for_the_key() {
    let config = config_with(json!({}));
    let token = token();
    let navigation = [
        ("accept", "text/html,*/*;q=0.8"),
        ("x-request-id", "id-<1>"),
        ("x-amzn-oidc-data", &token),
    ];
    let at_once = decided(json!({}), &navigation[..2]);
    let page = |rejection| Effect::Respond(Reply::refusal_page(rejection, b"id-<1>", None));
    assert_eq!(at_once.effect, page(Rejection::MissingToken));
    let Request::AwaitingKey(waiting) = arrive(&config, &navigation) else {
        panic!("the key should be needed");
    };
    let mut judge = Judge {
        config: &config,
        backend: &WasmBackend,
        caches: &mut Caches::new(0, false),
    };
    let unavailable = Err(Rejection::KeyUnavailable);
    let judgement = judged(judge.resume(waiting.park(&config), unavailable, at(0)));
    assert_eq!(judgement.decision.effect, page(Rejection::KeyUnavailable));
}

#[test]
fn a_browser_in_observe_mode_gets_no_page() {
    let navigation = [("accept", "text/html")];
    let observed = decided(json!({ "mode": "observe" }), &navigation);
    assert!(matches!(
        observed.effect,
        Effect::Forward { user: None, .. }
    ));
}
