//! Requests whose access token is read.

use alb_fixtures::access_token::{UserPool, sign as sign_access_token};

mod key_set;

use super::*;
use crate::access_token::tests::{Native, SUB, pool};
use crate::header_plan::HeaderEdit;
use crate::report::AccessTokenOutcome;
use crate::request::Effect;
use crate::testing::{ARN, CLIENT, ISSUER, NOON};

/// A plugin whose load balancer has `accessToken`, with these fields besides.
fn plugin_with(more: Value) -> Plugin {
    let mut config = json!({
        "loadBalancers": [{
            "arn": ARN, "issuers": [ISSUER], "clientIds": [CLIENT],
            "accessToken": { "jwks": { "authority": "idp.example.com", "path": "/keys" } },
        }],
        "outputClaimToHeaders": [
            { "header": "kubeflow-userid", "claim": "email" },
            {
                "header": "kubeflow-groups", "claim": "cognito:groups", "source": "accessToken",
                "format": "list", "required": false,
            },
        ],
    });
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    let mut plugin = Plugin::new(config_with(config), Box::new(Native), "native", at(0));
    let _ = events(&mut plugin);
    plugin
}

/// The same once it has the user's key and the key set.
fn warm(more: Value) -> Plugin {
    let mut plugin = plugin_with(more);
    plugin.handle_timeout(at(0));
    serve_set(&mut plugin, &pool(), 0);
    assert_eq!(send(&mut plugin, 1, None, 0), None);
    serve(&mut plugin, 1, 0);
    let _ = decisions(&mut plugin, 0);
    let _ = events(&mut plugin);
    plugin
}

fn serve_set(plugin: &mut Plugin, pool: &UserPool, seconds: i64) {
    let order = plugin.poll_fetch(at(seconds)).unwrap();
    assert_eq!(
        (order.authority.as_str(), order.path.as_str()),
        ("idp.example.com", "/keys")
    );
    let result = order.attempt.read(Some(200), pool.key_set().as_bytes());
    plugin.handle_fetch_result(order.attempt, result, at(seconds));
}

fn good() -> String {
    pool().access_token(SUB, &["admins", "ml"], NOON - 60)
}

fn other_users() -> String {
    pool().access_token("subject-2", &["admins"], NOON - 60)
}

fn expired() -> String {
    pool().access_token(SUB, &["admins"], NOON - 4000)
}

/// The end of a request: why, and the groups that it goes on with.
type End = (Reason, Option<String>);

fn send(plugin: &mut Plugin, stream: u32, access_token: Option<&str>, seconds: i64) -> Option<End> {
    send_with(
        plugin,
        stream,
        access_token.map(|token| ("x-amzn-oidc-accesstoken", token)),
        seconds,
    )
}

fn send_with(
    plugin: &mut Plugin,
    stream: u32,
    more: Option<(&str, &str)>,
    seconds: i64,
) -> Option<End> {
    let token = token();
    let mut headers = vec![("x-amzn-oidc-data", token.as_str())];
    headers.extend(more);
    let pairs = request(&headers);
    let decision =
        plugin.handle_request_headers(StreamId(stream), &Headers::new(&pairs), at(seconds));
    decision.as_ref().map(end)
}

fn end(decision: &Decision) -> End {
    (decision.reason, value(decision, "kubeflow-groups"))
}

/// What a request goes on with under this name.
fn value(decision: &Decision, name: &str) -> Option<String> {
    let Effect::Forward { plan, .. } = &decision.effect else {
        return None;
    };
    plan.edits().iter().find_map(|edit| match edit {
        HeaderEdit::Set(own, value) if own == name => {
            Some(String::from_utf8(value.clone()).unwrap())
        }
        _ => None,
    })
}

fn ends(plugin: &mut Plugin, seconds: i64) -> Vec<(u32, End)> {
    std::iter::from_fn(|| plugin.poll_decision(at(seconds)))
        .map(|(stream, decision)| (stream.0, end(&decision)))
        .collect()
}

fn counted(plugin: &mut Plugin) -> Vec<AccessTokenOutcome> {
    let counted = events(plugin).into_iter().filter_map(|event| match event {
        Event::Count(Counter::AccessToken(outcome)) => Some(outcome),
        _ => None,
    });
    counted.collect()
}

const NO_GROUPS: Option<End> = Some((Reason::Ok, None));

fn with_groups() -> Option<End> {
    Some((Reason::Ok, Some("admins,ml".to_owned())))
}

fn rejected(rejection: Rejection) -> Option<End> {
    Some((Reason::Rejected(rejection), None))
}

/// `kubeflow-groups` is required.
fn required_groups() -> Value {
    json!({ "outputClaimToHeaders": [
        { "header": "kubeflow-userid", "claim": "email" },
        {
            "header": "kubeflow-groups", "claim": "cognito:groups", "source": "accessToken",
            "format": "list",
        },
    ]})
}

#[test]
fn one_users_token_is_judged_with_each_access_token_that_comes_with_it() {
    let mut plugin = warm(json!({}));
    for _ in 0..2 {
        assert_eq!(send(&mut plugin, 2, Some(&good()), 0), with_groups());
        for without in [
            None,
            Some(""),
            Some(&*other_users()),
            Some(&*expired()),
            Some("x.y.z"),
        ] {
            assert_eq!(send(&mut plugin, 3, without, 0), NO_GROUPS, "{without:?}");
        }
    }
    use AccessTokenOutcome::{Expired, Invalid, Missing, Ok};
    let round = [Ok, Missing, Missing, Invalid, Expired, Invalid];
    assert_eq!(counted(&mut plugin), [round, round].concat());
}

#[test]
fn a_required_header_is_rejected_by_the_state_of_the_access_token() {
    let mut plugin = warm(required_groups());
    let cases = [
        (Some(good()), with_groups()),
        (None, rejected(Rejection::MissingAccessToken)),
        (Some(String::new()), rejected(Rejection::MissingAccessToken)),
        (Some(expired()), rejected(Rejection::AccessTokenExpired)),
        (Some(other_users()), rejected(Rejection::InvalidAccessToken)),
        (
            Some("x".repeat(16_385)),
            rejected(Rejection::InvalidAccessToken),
        ),
        (Some(token()), rejected(Rejection::InvalidAccessToken)),
    ];
    for (access_token, expected) in cases {
        assert_eq!(send(&mut plugin, 2, access_token.as_deref(), 0), expected);
    }
    let none = pool().access_token(SUB, &[], NOON - 60);
    assert_eq!(
        send(&mut plugin, 2, Some(&none), 0),
        rejected(Rejection::MissingClaim)
    );
}

#[test]
fn only_the_load_balancers_spelling_is_read_and_only_once() {
    let mut plugin = warm(json!({}));
    let good = good();
    let underscores = Some(("x_amzn_oidc_accesstoken", good.as_str()));
    assert_eq!(send_with(&mut plugin, 2, underscores, 0), NO_GROUPS);
    let token = token();
    let pairs = request(&[
        ("x-amzn-oidc-data", &token),
        ("x-amzn-oidc-accesstoken", &good),
        ("x-amzn-oidc-accesstoken", &good),
    ]);
    let twice = plugin.handle_request_headers(StreamId(3), &Headers::new(&pairs), at(0));
    assert_eq!(twice.as_ref().map(end), NO_GROUPS);
}

#[test]
fn a_weaker_claim_never_takes_the_place_of_an_access_token_that_does_not_hold() {
    let roles = |required: [bool; 2]| {
        json!({ "outputClaimToHeaders": [
            { "header": "kubeflow-userid", "claim": "email" },
            {
                "header": "kubeflow-groups", "claim": "cognito:groups", "source": "accessToken",
                "format": "list", "keep": ["readonly"], "value": "Viewer", "required": required[0],
            },
            {
                "header": "kubeflow-groups", "claim": "sub", "keep": ["*"], "value": "Editor",
                "required": required[1],
            },
        ]})
    };
    for (required, expected) in [
        ([false, false], NO_GROUPS),
        ([false, true], rejected(Rejection::AccessTokenExpired)),
        ([true, false], rejected(Rejection::AccessTokenExpired)),
        ([true, true], rejected(Rejection::AccessTokenExpired)),
    ] {
        let mut plugin = warm(roles(required));
        assert_eq!(send(&mut plugin, 2, Some(&expired()), 0), expected);
        let editor = Some((Reason::Ok, Some("Editor".to_owned())));
        assert_eq!(send(&mut plugin, 3, Some(&good()), 0), editor);
        let viewer = pool().access_token(SUB, &["readonly"], NOON - 60);
        let viewer = send(&mut plugin, 4, Some(&viewer), 0);
        assert_eq!(viewer, Some((Reason::Ok, Some("Viewer".to_owned()))));
    }
}

#[test]
fn required_claims_can_read_the_access_token() {
    let mut plugin = warm(json!({ "requiredClaims": [
        { "claim": "cognito:groups", "source": "accessToken", "anyOf": ["ml"] },
    ]}));
    assert_eq!(send(&mut plugin, 2, Some(&good()), 0), with_groups());
    assert_eq!(
        send(&mut plugin, 2, None, 0),
        rejected(Rejection::MissingAccessToken)
    );
    let other = pool().access_token(SUB, &["ops"], NOON - 60);
    assert_eq!(
        send(&mut plugin, 2, Some(&other), 0),
        rejected(Rejection::ClaimMismatch)
    );
}

#[test]
fn claims_of_one_token_are_never_read_from_the_other() {
    let mut plugin = warm(json!({}));
    let mut claims = pool().access_claims(SUB, &["ml"], NOON - 60);
    claims.insert("email".into(), "eve@example.com".into());
    let access_token = sign_access_token(&pool().access_key, &claims);
    let token = token();
    let pairs = request(&[
        ("x-amzn-oidc-data", &token),
        ("x-amzn-oidc-accesstoken", &access_token),
    ]);
    let decision = plugin
        .handle_request_headers(StreamId(2), &Headers::new(&pairs), at(0))
        .unwrap();
    assert_eq!(
        value(&decision, "kubeflow-userid").as_deref(),
        Some("alice@example.com")
    );
    let mut groups = payload();
    groups["cognito:groups"] = json!(["admins"]);
    let token = sign(&header(), &groups);
    let pairs = request(&[("x-amzn-oidc-data", &token)]);
    let decision = plugin.handle_request_headers(StreamId(3), &Headers::new(&pairs), at(0));
    assert_eq!(decision.as_ref().map(end), NO_GROUPS);
}

#[test]
fn an_access_token_expires_in_the_cache_too() {
    let mut plugin = warm(json!({ "clockSkew": "0s" }));
    let mut claims = pool().access_claims(SUB, &["admins", "ml"], NOON - 60);
    claims.insert("exp".into(), (NOON + 50).into());
    let access_token = sign_access_token(&pool().access_key, &claims);
    assert_eq!(send(&mut plugin, 2, Some(&access_token), 49), with_groups());
    assert_eq!(send(&mut plugin, 2, Some(&access_token), 50), NO_GROUPS);
    assert_eq!(
        counted(&mut plugin),
        [AccessTokenOutcome::Ok, AccessTokenOutcome::Expired]
    );
}

#[test]
fn a_repeated_access_token_is_found_in_the_cache() {
    let mut plugin = warm(json!({}));
    let lookups = |plugin: &mut Plugin| {
        let events = events(plugin);
        let count = |counter| {
            events
                .iter()
                .filter(|e| **e == Event::Count(counter))
                .count()
        };
        (
            count(Counter::TokenCacheHit),
            count(Counter::TokenCacheMiss),
        )
    };
    assert_eq!(send(&mut plugin, 2, Some(&good()), 0), with_groups());
    assert_eq!(
        lookups(&mut plugin),
        (1, 1),
        "the user's token is known, the access token new"
    );
    assert_eq!(send(&mut plugin, 2, Some(&good()), 0), with_groups());
    assert_eq!(lookups(&mut plugin), (2, 0));
}

/// The cache keeps no text of an access token, so what finds an entry must depend on each byte.
#[test]
fn no_other_text_is_found_in_place_of_a_cached_access_token() {
    let mut plugin = warm(json!({}));
    let good = good();
    assert_eq!(send(&mut plugin, 2, Some(&good), 0), with_groups());
    // Another `kid` would wait for another key set.
    let after_header = good.find('.').unwrap() + 1;
    for place in (after_header..good.len()).step_by(17) {
        let mut changed = good.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(
            send(&mut plugin, 2, Some(&changed), 0),
            NO_GROUPS,
            "{place}"
        );
    }
    for other in [
        &good[..good.len() - 1],
        &format!("{good}A"),
        &format!("{good}="),
    ] {
        assert_eq!(send(&mut plugin, 2, Some(other), 0), NO_GROUPS, "{other}");
    }
    assert_eq!(send(&mut plugin, 2, Some(&good), 0), with_groups());
}

/// The load balancer's headers that an accepted request goes on with: those that nothing removes.
fn forwarded(config: Value, access_token: &str, seconds: i64) -> Vec<&'static str> {
    let mut plugin = warm(config);
    let token = token();
    let pairs = request(&[
        ("x-amzn-oidc-data", &token),
        ("x-amzn-oidc-accesstoken", access_token),
    ]);
    let decision = plugin
        .handle_request_headers(StreamId(2), &Headers::new(&pairs), at(seconds))
        .unwrap();
    assert_eq!(decision.reason, Reason::Ok);
    let Effect::Forward { plan, .. } = decision.effect else {
        panic!("it should go on");
    };
    let stays = |name: &&str| {
        let removed = HeaderEdit::Remove(name.as_bytes().to_vec());
        !plan.edits().contains(&removed)
    };
    let names = ["x-amzn-oidc-data", "x-amzn-oidc-accesstoken"];
    names.into_iter().filter(stays).collect()
}

#[test]
fn an_access_token_is_forwarded_only_if_it_holds() {
    let access = || json!({ "forwardAccessToken": true });
    let both = || json!({ "forwardToken": true });
    let within_skew = pool().access_token(SUB, &[], NOON - 3600);
    assert!(forwarded(json!({}), &good(), 0).is_empty());
    assert_eq!(forwarded(access(), &good(), 0), ["x-amzn-oidc-accesstoken"]);
    for bad in [
        other_users(),
        expired(),
        "x".to_owned(),
        within_skew.clone(),
    ] {
        assert!(forwarded(access(), &bad, 0).is_empty());
    }
    let all = ["x-amzn-oidc-data", "x-amzn-oidc-accesstoken"];
    assert_eq!(forwarded(both(), &good(), 0), all);
    assert_eq!(forwarded(both(), &within_skew, 0), all);
    for bad in [other_users(), expired(), "x".to_owned()] {
        assert_eq!(forwarded(both(), &bad, 0), ["x-amzn-oidc-data"]);
    }
}
