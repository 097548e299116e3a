//! What a request brings as access token, and how it waits.

use alb_fixtures::mint::unix_now;
use wasm_tests::{Answer, GROUPS, KEY_SET, OPTIONAL, REQUIRED, Running, Scenario, assert_refused};

const HEADER: &str = "x-amzn-oidc-accesstoken";

fn served(s: &Running) -> Answer {
    Answer::Body(s.pool.key_set().into_bytes())
}

/// One user's token with and without access tokens, again and again: what one request brought shows in no other.
#[test]
fn each_request_is_judged_by_its_own_access_token() {
    let s = Scenario::new().access_token().groups().start();
    let (user, other_user) = (s.token(), s.token_with("sub", "another user"));
    let builder = s.access_token_builder();
    let ada = builder.clone().sign();
    let other_groups = builder.clone().groups(&["x"]).sign();
    let others = builder.clone().claim("sub", "another user").sign();
    let expired = builder.expiring_at(unix_now() - 60).sign();
    let own = GROUPS.join(",");
    let steps = [
        (&user, Some(&ada), own.as_str(), ""),
        (&user, None, "", "missing_access_token"),
        (&user, Some(&ada), &own, ""),
        (&user, Some(&others), "", "invalid_access_token"),
        (&user, Some(&other_groups), "x", ""),
        (&user, Some(&expired), "", "access_token_expired"),
        (&user, None, "", "missing_access_token"),
        (&other_user, Some(&others), &own, ""),
        (&other_user, Some(&ada), "", "invalid_access_token"),
        (&user, Some(&others), "", "invalid_access_token"),
        (&user, Some(&ada), &own, ""),
    ];
    for round in 0..3 {
        for (number, (token, access_token, groups, reason)) in steps.iter().enumerate() {
            let case = format!("round {round}, step {number}");
            let send = |plugin| {
                let request = s.request_to(plugin, "GET", "/").token(token);
                match access_token {
                    Some(access_token) => request.access_token(access_token).send(),
                    None => request.send(),
                }
            };
            let expected: &[&str] = if groups.is_empty() { &[] } else { &[groups] };
            let echo = send(OPTIONAL).echo();
            assert_eq!(echo.values("kubeflow-groups"), expected, "{case}");
            let required = send(REQUIRED);
            if reason.is_empty() {
                let echo = required.echo();
                assert_eq!(echo.values("kubeflow-groups"), expected, "{case}");
            } else {
                assert_refused(&required, reason, &case);
            }
        }
    }
    assert!(s.metric("token_cache.hit") > 60);
}

#[test]
fn it_comes_in_exactly_one_header_that_is_not_too_long() {
    let s = Scenario::new().access_token().groups().start();
    let good = s.access_token();
    let long = s.access_token_builder().claim("x", "y".repeat(12_300));
    let too_long = s.access_token_builder().claim("x", "y".repeat(16_000));
    let (long, too_long) = (long.sign(), too_long.sign());
    assert!(long.len() > 16_384 && too_long.len() > 16_384);
    let just_right = s.access_token_builder().claim("x", "y".repeat(10_000));
    s.assert_access_tokens(
        &s.token(),
        &[
            ("none", String::new(), "missing_access_token"),
            ("long", just_right.sign(), ""),
            ("a little too long", long, "invalid_access_token"),
            ("too long", too_long, "invalid_access_token"),
        ],
    );
    type Copies<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let copies: [Copies<'_>; 6] = [
        (
            "twice",
            &[(HEADER, &good), (HEADER, &good)],
            "invalid_access_token",
        ),
        (
            "and an empty one",
            &[(HEADER, &good), (HEADER, "")],
            "invalid_access_token",
        ),
        (
            "and a bad one",
            &[(HEADER, "x"), (HEADER, &good)],
            "invalid_access_token",
        ),
        (
            "only with _",
            &[("x_amzn_oidc_accesstoken", &good)],
            "missing_access_token",
        ),
        (
            "and one with _",
            &[(HEADER, &good), ("x-amzn-oidc_accesstoken", "x")],
            "",
        ),
        ("in upper case", &[("X-Amzn-Oidc-Accesstoken", &good)], ""),
    ];
    for (name, headers, reason) in copies {
        let send = |plugin| {
            let request = s.request_to(plugin, "GET", "/").token(&s.token());
            let add = |request: wasm_tests::Request, (header, value): &(&str, &str)| {
                request.header(header, value)
            };
            headers.iter().fold(request, add).send()
        };
        let echo = send(OPTIONAL).echo();
        assert_eq!(echo.has("kubeflow-groups"), reason.is_empty(), "{name}");
        let names = echo.headers.iter().map(|(name, _)| name.as_str());
        assert_eq!(names.filter(|n| n.contains("access")).count(), 0, "{name}");
        let required = send(REQUIRED);
        match reason.is_empty() {
            true => assert!(required.echo().has("kubeflow-groups"), "{name}"),
            false => assert_refused(&required, reason, name),
        }
    }
}

#[test]
fn a_request_that_waits_keeps_its_body() {
    let s = Scenario::new()
        .access_token()
        .groups()
        .key_set(Answer::Hold)
        .start();
    let body = "x".repeat(3_000);
    let post = |plugin| {
        let request = s.request_to(plugin, "POST", "/upload").token(&s.token());
        request.access_token(&s.access_token()).body(body.as_str())
    };
    let waiting: Vec<_> = [OPTIONAL, REQUIRED, OPTIONAL, REQUIRED]
        .map(|plugin| post(plugin).start())
        .into();
    s.await_metric("waiting_requests", 4);
    s.key_sets.set(KEY_SET, served(&s));
    for pending in waiting {
        let echo = pending.finish().echo();
        assert_eq!(echo.values("kubeflow-groups"), [GROUPS.join(",")]);
        assert_eq!(echo.body, body);
    }
    s.await_metric("waiting_requests", 0);
}
