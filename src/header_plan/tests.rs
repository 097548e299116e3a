use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Value, json};

use super::*;
use crate::request::{Decision, Effect, Request, decide_once};
use crate::testing::{at, config_with, public_key, request, token};
use crate::token_cache::TokenCache;
use crate::verify::WasmBackend;

type Owned = Vec<(String, String)>;

/// The headers after the filter, or `None` if the request is answered.
fn after(config: Value, more: &[(&str, &str)]) -> Option<Owned> {
    let config = config_with(config);
    let pairs = request(more);
    let headers = Headers::new(&pairs);
    let Decision { effect, .. } =
        match Request::handle_headers(&headers, &config, &TokenCache::new(0), at(0)) {
            Request::Decided(decision) => decision,
            Request::AwaitingKey(request) => {
                let key = Rc::new(public_key(1));
                decide_once(request, key, &config, &WasmBackend, at(0)).decision
            }
        };
    match effect {
        Effect::Forward { plan, .. } => Some(apply(&plan, &pairs)),
        Effect::Respond(_) => None,
    }
}

/// Does what Envoy does with a plan.
fn apply(plan: &HeaderPlan, pairs: &[(&[u8], &[u8])]) -> Owned {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut headers: Owned = pairs.iter().map(|(n, v)| (text(n), text(v))).collect();
    for edit in plan.edits() {
        match edit {
            HeaderEdit::Remove(name) => headers.retain(|(other, _)| *other != text(name)),
            HeaderEdit::Set(name, value) => {
                headers.retain(|(other, _)| other != name);
                headers.push((name.clone(), text(value)));
            }
            HeaderEdit::Append(name, value) => headers.push((name.clone(), text(value))),
        }
    }
    headers.retain(|(name, _)| !name.starts_with(':'));
    headers
}

fn owned(headers: &[(&str, &str)]) -> Owned {
    headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

const ALICE: (&str, &str) = ("kubeflow-userid", "alice@example.com");

#[test]
fn spoofed_headers_go_in_every_spelling_and_the_verified_one_stands_alone() {
    let token = token();
    let seen = after(
        json!({ "stripHeaders": ["X-Team"] }),
        &[
            ("kubeflow-userid", "eve"),
            ("kubeflow_userid", "eve"),
            ("kubeflow-userid", "mallory"),
            ("kubeflow-groups", "admin"),
            ("kubeflow_groups", "admin"),
            ("kubeflow.userid", "eve"),
            ("kubeflow+groups", "admin"),
            ("x-amzn-ava-user-context", "eve"),
            ("x_team", "red"),
            ("x!team", "red"),
            ("x-amzn-oidc-data", &token),
            ("x_amzn-oidc_data", "forged"),
            ("x.amzn~oidc.identity", "forged"),
            ("x-amzn-oidc-identity", "s"),
            ("x-amzn-oidc-accesstoken", "a"),
            ("x-other", "stays"),
        ],
    );
    assert_eq!(seen, Some(owned(&[("x-other", "stays"), ALICE])));
}

#[test]
fn nothing_survives_on_a_path_that_needs_no_token() {
    let config = json!({ "allowMissingToken": [{ "path": "/" }] });
    let spoofed = [
        ("kubeflow_userid", "eve"),
        ("x-amzn-oidc-identity", "s"),
        ("x_amzn_oidc_data", "t"),
    ];
    assert_eq!(after(config, &spoofed), Some(vec![]));
}

#[test]
fn nothing_survives_a_refusal_that_is_only_observed() {
    let config = json!({ "mode": "observe", "forwardToken": true });
    let spoofed = [("kubeflow-userid", "eve"), ("x-amzn-oidc-data", "forged")];
    assert_eq!(after(config, &spoofed), Some(vec![]));
}

#[test]
fn headers_that_any_load_balancer_maps_go_for_all() {
    let mut lbs = json!([
        { "arn": crate::testing::ARN, "issuers": ["*"], "clientIds": ["*"] },
        { "arn": crate::testing::ARN.replace("123456789012", "210987654321"), "issuers": ["*"], "clientIds": ["*"],
          "outputClaimToHeaders": [{ "header": "x-partner", "claim": "sub" }] },
    ]);
    let spoofed = [
        ("x-amzn-oidc-data", token()),
        ("x_partner", "eve".to_owned()),
    ];
    let spoofed: Vec<(&str, &str)> = spoofed.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let seen = after(json!({ "loadBalancers": lbs.take() }), &spoofed);
    assert_eq!(seen, Some(owned(&[ALICE])));
}

#[test]
fn forward_token_keeps_what_came_once_in_its_own_spelling() {
    let token = token();
    let data = ("x-amzn-oidc-data", token.as_str());
    let access = ("x-amzn-oidc-accesstoken", "access");
    let identity = ("x-amzn-oidc-identity", "subject-1");
    let keep = |more: &[(&str, &str)]| {
        let headers: Vec<_> = [&[data], more].concat();
        let seen = after(json!({ "forwardToken": true }), &headers).unwrap();
        seen.into_iter()
            .map(|(name, _)| name)
            .filter(|n| n != ALICE.0)
            .collect::<BTreeSet<_>>()
    };
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|n| (*n).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        keep(&[access, identity]),
        names(&[data.0, access.0, identity.0])
    );
    assert_eq!(keep(&[("x-amzn-oidc-identity", "other")]), names(&[data.0]));
    assert_eq!(
        keep(&[access, access, identity, identity]),
        names(&[data.0])
    );
    let underscores = [
        ("x_amzn_oidc_accesstoken", "a"),
        ("x-amzn-oidc_identity", "subject-1"),
    ];
    assert_eq!(keep(&underscores), names(&[data.0]));
    assert_eq!(keep(&[access, underscores[0]]), names(&[data.0, access.0]));
}

#[test]
fn session_cookies_leave_each_cookie_header() {
    let config = json!({ "allowMissingToken": [{ "path": "/" }] });
    let cookies = [
        ("cookie", "a=1; AWSELBAuthSessionCookie-0=s"),
        ("x-other", "1"),
        ("cookie", "AWSELBAuthSessionCookie-1=s"),
        ("cookie", "b=2"),
    ];
    let kept = owned(&[("x-other", "1"), ("cookie", "a=1"), ("cookie", "b=2")]);
    assert_eq!(after(config.clone(), &cookies), Some(kept));
    let mut forwarding = config;
    forwarding["forwardSessionCookies"] = json!(true);
    assert_eq!(after(forwarding, &cookies), Some(owned(&cookies)));
}

#[test]
fn cookies_without_a_session_are_not_touched() {
    let config = config_with(json!({}));
    let pairs = request(&[("cookie", ""), ("cookie", " a=1 ;b")]);
    assert_eq!(
        Inbound::inspect(&Headers::new(&pairs), &config),
        Inbound::default()
    );
}

#[test]
fn an_upgrade_nominates_nothing_but_itself() {
    let token = token();
    let seen = after(
        json!({}),
        &[
            ("upgrade", "websocket"),
            ("connection", "upgrade, kubeflow-userid"),
            ("x-amzn-oidc-data", &token),
        ],
    );
    let expected = owned(&[("upgrade", "websocket"), ("connection", "upgrade"), ALICE]);
    assert_eq!(seen, Some(expected));
}

#[test]
fn trailers_bring_no_identity_either() {
    let config = config_with(json!({ "stripHeaders": ["x-team"], "forwardToken": true }));
    let trailers: Vec<(&[u8], &[u8])> = [
        "x_team",
        "kubeflow-userid",
        "x-amzn-oidc-data",
        "grpc-status",
        "kubeflow-userid",
    ]
    .iter()
    .map(|name| (name.as_bytes(), &b"v"[..]))
    .collect();
    let names = stripped_trailers(&Headers::new(&trailers), &config);
    let expected: [&[u8]; 3] = [b"x_team", b"kubeflow-userid", b"x-amzn-oidc-data"];
    assert_eq!(names, expected);
}

#[test]
fn each_spelling_is_removed_once_however_often_it_came() {
    let config = config_with(json!({ "stripHeaders": ["x-team"] }));
    for name in [
        "x_amzn_oidc_data",
        "x-amzn-oidc-accesstoken",
        "kubeflow_userid",
        "x_team",
    ] {
        let pairs = request(&[(name, "v"); 95]);
        let inbound = Inbound::inspect(&Headers::new(&pairs), &config);
        let plan = HeaderPlan::without_identity(inbound);
        let removal = HeaderEdit::Remove(name.as_bytes().to_vec());
        assert_eq!(plan.edits(), [removal], "{name}");
    }
}

#[test]
fn all_that_is_kept_of_the_headers_is_counted() {
    let config = config_with(json!({ "forwardToken": true }));
    let spellings = [
        "x-amzn-oidc-data",
        "x_amzn-oidc-data",
        "x-amzn_oidc-data",
        "x-amzn-oidc_data",
        "x_amzn_oidc-data",
        "x-amzn-oidc-identity",
        "x_amzn-oidc-identity",
        "kubeflow-userid",
        "kubeflow_userid",
        "kubeflow-groups",
    ];
    let long = "v".repeat(1000);
    let cookie = format!("AWSELBAuthSessionCookie-0=s; kept={long}");
    for count in 1..=spellings.len() {
        let mut headers: Vec<(&str, &str)> =
            spellings[..count].iter().map(|n| (*n, &*long)).collect();
        headers.extend([("cookie", &*cookie); 3].iter().take(count - 1));
        let pairs = request(&headers);
        let inbound = Inbound::inspect(&Headers::new(&pairs), &config);
        let edits = inbound.edits.iter().map(|edit| match edit {
            HeaderEdit::Remove(name) => name.capacity(),
            HeaderEdit::Set(name, value) | HeaderEdit::Append(name, value) => {
                name.capacity() + value.capacity()
            }
        });
        let oidc = inbound
            .oidc
            .iter()
            .map(|header| header.name.capacity() + header.value.capacity());
        let lists = inbound.edits.capacity() * size_of::<HeaderEdit>()
            + inbound.oidc.capacity() * size_of::<OidcHeader>();
        let held = lists + edits.chain(oidc).sum::<usize>();
        assert!(
            inbound.heap_bytes() >= held,
            "{count}: {} < {held}",
            inbound.heap_bytes()
        );
    }
}
