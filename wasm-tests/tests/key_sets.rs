//! When an issuer's key set is fetched, and which of its keys verify what.

use alb_fixtures::mint::LoadBalancer;
use alb_fixtures::rsa::{RsaSigner, TestKey};
use serde_json::json;
use wasm_tests::{
    Answer, GROUPS, KEY_SET, OPTIONAL, REQUIRED, Response, Running, Scenario, TokenBuilder,
    assert_refused, entry_for, eventually, groups_required, load_balancer,
};

const BAD: &str = "invalid_access_token";

fn send(s: &Running, load_balancer: &LoadBalancer, signer: &RsaSigner) -> Response {
    let access_token = s.access_token_builder().signed_by(signer);
    let access_token = access_token.header("kid", signer.kid()).sign();
    let token = TokenBuilder::new(load_balancer, &s.key).sign();
    s.get("/").token(&token).access_token(&access_token).send()
}

#[track_caller]
fn assert_groups(response: &Response, case: &str) {
    let echo = response.try_echo();
    let echo = echo.unwrap_or_else(|| panic!("{case}: {}", response.reason()));
    assert_eq!(echo.values("kubeflow-groups"), [GROUPS.join(",")], "{case}");
}

/// Each worker, and Envoy's main thread, which configures every plugin, too.
#[test]
fn entries_with_one_set_fetch_it_once_in_each_thread() {
    let mut second = load_balancer();
    second.arn = second.arn.replace("kubeflow", "second");
    let mut entries = [entry_for(&load_balancer()), entry_for(&second)];
    for entry in &mut entries {
        entry["accessToken"] = json!({"jwks": {"cluster": "cognito"}});
    }
    let s = Scenario::new()
        .config(json!({"loadBalancers": entries}))
        .config(groups_required(true))
        .workers(2)
        .start();
    for number in 0..20 {
        let owner = if number % 2 == 0 {
            &s.load_balancer
        } else {
            &second
        };
        assert_groups(&send(&s, owner, &s.pool.access_key), "shared");
    }
    let of_key = s.endpoint.count(wasm_tests::KID) as u64;
    s.await_metric("key_fetch.ok", 3 + of_key);
    let requests = s.key_sets.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(request.line, format!("GET /{KEY_SET} HTTP/1.1"));
        assert_eq!(request.authority, "cognito-idp.us-west-2.amazonaws.com");
    }
    let keys = s.metric("keys");
    assert!((1..=2).contains(&keys), "sets don't count: {keys}");
}

/// Awaits the set in the worker and the main thread of two plugins, and the load balancer's key of each plugin.
#[track_caller]
fn await_all_sets(s: &Running) {
    s.await_metric("key_fetch.ok", 6);
}

#[test]
fn a_set_is_fetched_before_the_first_request() {
    let s = Scenario::new().access_token().groups().start();
    // Two plugins, each in a worker and in the main thread.
    s.await_metric("key_fetch.ok", 4);
    assert_eq!(s.key_sets.count(KEY_SET), 4);
    s.assert_access_tokens(&s.token(), &[("good", s.access_token(), "")]);
    assert_eq!(s.key_sets.count(KEY_SET), 4);
}

#[test]
fn a_new_key_is_found_by_one_fetch_and_an_old_one_counts_no_more() {
    let s = Scenario::new().access_token().groups().start();
    let old = s.access_token();
    s.assert_access_tokens(&s.token(), &[("at first", old.clone(), "")]);
    await_all_sets(&s);
    let before = s.key_sets.count(KEY_SET);
    let (new, further) = (TestKey::Rsa2048C.signer(), TestKey::Rsa3072.signer());
    s.key_sets
        .set(KEY_SET, Answer::key_set(&[further.clone(), new.clone()]));
    let by = |signer: &RsaSigner| {
        let token = s.access_token_builder().signed_by(signer);
        token.header("kid", signer.kid()).sign()
    };
    s.assert_access_tokens(
        &s.token(),
        &[
            ("the new key", by(&new), ""),
            ("one more", by(&further), ""),
            ("the old key, cached", old, BAD),
            (
                "the old key",
                s.access_token_builder().claim("x", 1).sign(),
                BAD,
            ),
        ],
    );
    // Each of the two plugins once.
    assert_eq!(s.key_sets.count(KEY_SET), before + 2);
}

/// The issuer publishes another key under a known id: what the earlier one verified counts for nothing.
#[test]
fn another_key_under_a_known_id_takes_its_place() {
    let s = Scenario::new().access_token().groups().start();
    let old = s.access_token();
    s.assert_access_tokens(&s.token(), &[("at first", old.clone(), "")]);
    let (new, further) = (TestKey::Rsa2048C.signer(), TestKey::Rsa3072.signer());
    let new = new.named(s.pool.access_key.kid());
    s.key_sets
        .set(KEY_SET, Answer::key_set(&[new.clone(), further.clone()]));
    let by_new = s.access_token_builder().signed_by(&new).sign();
    let by_further = s.access_token_builder().signed_by(&further);
    s.assert_access_tokens(
        &s.token(),
        &[
            (
                "it brings the set",
                by_further.header("kid", further.kid()).sign(),
                "",
            ),
            ("cached", old, BAD),
            ("the other key", by_new, ""),
        ],
    );
}

#[test]
fn ids_that_the_set_lacks_cause_one_fetch() {
    let s = Scenario::new().access_token().groups().start();
    s.assert_access_tokens(&s.token(), &[("good", s.access_token(), "")]);
    await_all_sets(&s);
    let before = s.key_sets.count(KEY_SET);
    let with_kid = |number: usize| {
        let token = s.access_token_builder();
        token.header("kid", format!("{number}")).sign()
    };
    let request = |plugin, access_token: &str| {
        let request = s.request_to(plugin, "GET", "/").token(&s.token());
        request.access_token(access_token)
    };
    let pending: Vec<_> = (0..40)
        .map(|number| request(REQUIRED, &with_kid(number)).start())
        .collect();
    for pending in pending {
        assert_refused(&pending.finish(), BAD, "at a time");
    }
    for number in 40..60 {
        let access_token = with_kid(number);
        assert_refused(&request(REQUIRED, &access_token).send(), BAD, "one by one");
        let echo = request(OPTIONAL, &access_token).send().echo();
        assert!(!echo.has("kubeflow-groups"));
    }
    s.assert_access_tokens(&s.token(), &[("good", s.access_token(), "")]);
    // Each of the two plugins once.
    assert_eq!(s.key_sets.count(KEY_SET), before + 2);
}

#[test]
fn a_known_key_never_waits_for_an_unknown_one() {
    let s = Scenario::new().access_token().groups().start();
    s.assert_access_tokens(&s.token(), &[("good", s.access_token(), "")]);
    s.key_sets.set(KEY_SET, Answer::Hold);
    let unknown = s.access_token_builder().header("kid", "unknown").sign();
    let request = |plugin| {
        let request = s.request_to(plugin, "GET", "/").token(&s.token());
        request.access_token(&unknown).start()
    };
    let (required, optional) = (request(REQUIRED), request(OPTIONAL));
    s.await_metric("waiting_requests", 2);
    let fresh = s.access_token_builder().claim("x", 1).sign();
    s.assert_access_tokens(&s.token(), &[("meanwhile", fresh, "")]);
    assert!(!required.is_answered() && !optional.is_answered());
    s.key_sets
        .set(KEY_SET, Answer::Body(s.pool.key_set().into_bytes()));
    assert_refused(&required.finish(), BAD, "no such key");
    assert!(!optional.finish().echo().has("kubeflow-groups"));
}

#[test]
fn a_new_configuration_takes_the_set_over() {
    for scenario in [Scenario::new().reloadable(), Scenario::new().discovered()] {
        let mut s = scenario
            .access_token()
            .config(groups_required(true))
            .start();
        let send = |s: &Running| {
            let request = s.get("/").token(&s.token());
            request.access_token(&s.access_token()).send()
        };
        assert_groups(&send(&s), "before");
        // The main thread's fetch may be under way.
        s.await_metric("key_fetch.ok", 3);
        let fetches = s.key_sets.count(KEY_SET);
        assert_eq!(fetches, 2);
        s.key_sets.set(KEY_SET, Answer::Hold);
        for number in 0..3 {
            let header = format!("x-new-{number}");
            let mut mapping = groups_required(true);
            let entries = mapping["outputClaimToHeaders"].as_array_mut();
            entries
                .expect("a list")
                .push(json!({"header": header, "claim": "sub"}));
            assert!(s.reload(mapping));
            eventually("the new configuration judges", || {
                let echo = send(&s).try_echo()?;
                assert!(echo.has("kubeflow-groups"));
                echo.has(&header).then_some(())
            });
        }
        assert_eq!(s.key_sets.count(KEY_SET), fetches);
        s.assert_alive();
    }
}

#[test]
fn a_request_that_waits_for_a_set_is_answered_though_the_configuration_changes() {
    let mut s = Scenario::new()
        .reloadable()
        .access_token()
        .config(groups_required(true))
        .key_set(Answer::Hold)
        .start();
    let request = |s: &Running| {
        let request = s.get("/").token(&s.token());
        request.access_token(&s.access_token())
    };
    let waiting = request(&s).start();
    s.await_metric("waiting_requests", 1);
    assert!(s.reload(groups_required(false)));
    s.key_sets
        .set(KEY_SET, Answer::Body(s.pool.key_set().into_bytes()));
    assert_groups(&waiting.finish(), "the old configuration");
    s.await_metric("waiting_requests", 0);
    eventually(
        "the new configuration judges, and has fetched the set",
        || {
            let optional = s.get("/").token(&s.token()).send().try_echo()?;
            assert!(!optional.has("kubeflow-groups"));
            let echo = request(&s).send().try_echo()?;
            echo.has("kubeflow-groups").then_some(())
        },
    );
}
