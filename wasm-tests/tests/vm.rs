//! One VM for several plugins, workers and configurations.

use alb_fixtures::mint::{KeyPair, encode};
use serde_json::{Value, json};
use wasm_tests::{Answer, KID, Running, Scenario, USER, assert_refused, entry, eventually};

fn mapping_to(header: &str) -> Value {
    json!({"outputClaimToHeaders": [{"header": header, "claim": "email"}]})
}

fn with_default_entry(mut members: Value) -> Value {
    members["loadBalancers"] = json!([entry()]);
    members
}

#[test]
fn two_plugins_in_one_vm_keep_to_their_own_configuration_and_keys() {
    let s = Scenario::new()
        .config(mapping_to("x-first"))
        .plugin("second", with_default_entry(mapping_to("x-second")))
        .plugin("observing", with_default_entry(json!({"mode": "observe"})))
        .start();
    let token = s.token();
    for (plugin, header) in [(0, "x-first"), (1, "x-second"), (2, "kubeflow-userid")] {
        let echo = s.request_to(plugin, "GET", "/").token(&token).send().echo();
        for name in ["x-first", "x-second", "kubeflow-userid"] {
            let expected: &[&str] = if name == header { &[USER] } else { &[] };
            assert_eq!(echo.values(name), expected, "plugin {plugin}");
        }
        assert_eq!(
            s.endpoint.count(KID),
            plugin + 1,
            "a key store belongs to one plugin"
        );
    }
    assert_eq!(s.request_to(1, "GET", "/").send().status, 401);
    s.request_to(2, "GET", "/").send().echo();
    assert_eq!(s.metric("keys"), 3);
}

#[test]
fn a_plugin_that_waits_does_not_hold_up_its_neighbour() {
    let s = Scenario::new()
        .plugin("second", with_default_entry(mapping_to("x-second")))
        .start();
    s.request_to(1, "GET", "/").token(&s.token()).send().echo();
    s.endpoint.set(KID, Answer::Hold);
    let waiting = s.get("/").token(&s.token()).start();
    s.await_metric("waiting_requests", 1);
    let echo = s.request_to(1, "GET", "/").token(&s.token()).send().echo();
    assert_eq!(echo.values("x-second"), [USER]);
    assert!(!waiting.is_answered());
    s.endpoint.serve_key(&s.key);
    assert_eq!(waiting.finish().echo().values("kubeflow-userid"), [USER]);
}

#[test]
fn each_worker_fetches_once_and_the_gauges_add_up() {
    let s = Scenario::new().workers(2).start();
    s.endpoint.set(KID, Answer::Hold);
    let pending: Vec<_> = (0..60)
        .map(|_| s.get("/").token(&s.token()).start())
        .collect();
    s.await_metric("waiting_requests", 60);
    let fetches = s.endpoint.count(KID);
    assert!((1..=2).contains(&fetches), "{fetches}");
    s.endpoint.serve_key(&s.key);
    for pending in pending {
        assert_eq!(pending.finish().echo().values("kubeflow-userid"), [USER]);
    }
    assert_eq!(s.metric("requests.ok"), 60);
    assert_eq!(s.metric("waiting_requests"), 0);
    let keys = usize::try_from(s.metric("keys")).unwrap_or_default();
    assert_eq!(keys, s.endpoint.count(KID));
}

#[test]
fn a_new_configuration_keeps_the_keys_and_nothing_else() {
    let mut s = Scenario::new().reloadable().start();
    let token = s.token();
    for _ in 0..2 {
        s.get("/").token(&token).send().echo();
    }
    assert!(s.reload(json!({"requiredClaims": [{"claim": "tenant", "anyOf": ["blue"]}]})));
    eventually("the new configuration judges", || {
        (s.get("/").token(&token).send().reason() == "claim_mismatch").then_some(())
    });
    let blue = s.token_with("tenant", "blue");
    assert_eq!(
        s.get("/")
            .token(&blue)
            .send()
            .echo()
            .values("kubeflow-userid"),
        [USER]
    );
    assert_eq!(
        s.endpoint.count(KID),
        1,
        "public keys outlive a configuration"
    );
}

#[test]
fn a_replaced_plugin_leaves_no_trace_in_the_gauges() {
    let mut s = Scenario::new().reloadable().drain_seconds(1).start();
    s.get("/").token(&s.token()).send().echo();
    for number in 0..5 {
        let header = format!("x-{number}");
        assert!(s.reload(mapping_to(&header)));
        eventually("the new configuration judges", || {
            let echo = s.get("/").token(&s.token()).send().try_echo()?;
            echo.has(&header).then_some(())
        });
    }
    eventually("the old listeners are gone", || {
        let draining = s.stat("listener_manager.total_listeners_draining");
        let filter_chains = s.stat("listener_manager.total_filter_chains_draining");
        (draining == Some(0) && filter_chains == Some(0)).then_some(())
    });
    s.await_metric("keys", 1);
    assert_eq!(s.metric("waiting_requests"), 0);
    assert_eq!(s.endpoint.count(KID), 1);
}

#[test]
fn a_request_that_waits_is_answered_though_the_configuration_changes() {
    let mut s = Scenario::new().reloadable().start();
    s.endpoint.set(KID, Answer::Hold);
    let waiting = s.get("/").token(&s.token()).start();
    s.await_metric("waiting_requests", 1);
    assert!(s.reload(mapping_to("x-second")));
    s.endpoint.serve_key(&s.key);
    assert_eq!(waiting.finish().echo().values("kubeflow-userid"), [USER]);
    s.await_metric("waiting_requests", 0);
    eventually("the new configuration judges", || {
        let echo = s.get("/").token(&s.token()).send().try_echo()?;
        echo.has("x-second").then_some(())
    });
}

#[test]
fn a_bad_configuration_is_refused_while_the_good_one_goes_on() {
    let mut s = Scenario::new().reloadable().start();
    s.get("/").token(&s.token()).send().echo();
    assert!(
        !s.reload(json!({"mode": "off"})),
        "Envoy took a bad configuration"
    );
    s.log_line(&["mode: "]);
    s.assert_alive();
    assert_eq!(s.endpoint.count(KID), 1);
}

/// Tokens and the reason of each; empty: it passes.
fn signatures(s: &Running) -> Vec<(&'static str, String, &'static str)> {
    let token = s.token();
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    let good = s.key.sign(signed.as_bytes());
    let with = |bytes: &[u8]| format!("{signed}.{}", encode(bytes, true));
    let flipped = |index: usize| {
        let mut bytes = good;
        bytes[index] ^= 1;
        with(&bytes)
    };
    let bad = "invalid_signature";
    let swapped = [&good[32..], &good[..32]].concat();
    vec![
        ("good", token.clone(), ""),
        ("unpadded", s.token_builder().unpadded().sign(), ""),
        (
            "another key",
            s.token_builder().signed_by(&KeyPair::generate(KID)).sign(),
            bad,
        ),
        ("r changed", flipped(0), bad),
        ("s changed", flipped(63), bad),
        ("halves swapped", with(&swapped), bad),
        ("zeros", with(&[0; 64]), bad),
        ("ones", with(&[0xff; 64]), bad),
        ("r of 0", with(&[&[0; 32], &good[32..]].concat()), bad),
        ("s of 0", with(&[&good[..32], &[0; 32]].concat()), bad),
        ("63 bytes", with(&good[..63]), bad),
        ("65 bytes", with(&[&good[..], &[0]].concat()), bad),
        ("a leading zero", with(&[&[0], &good[..63]].concat()), bad),
    ]
}

#[test]
fn both_signature_backends_give_the_same_verdicts() {
    let wasm = with_default_entry(json!({"signatureBackend": "wasm"}));
    let s = Scenario::new()
        .config(json!({"signatureBackend": "host"}))
        .plugin("in-wasm", wasm)
        .start();
    for (name, token, reason) in signatures(&s) {
        for plugin in [0, 1] {
            let response = s.request_to(plugin, "GET", "/").token(&token).send();
            let case = format!("{name}, plugin {plugin}");
            assert_eq!(response.reason(), reason, "{case}");
            if reason.is_empty() {
                response.echo();
            } else {
                assert_refused(&response, reason, &case);
            }
        }
    }
    s.log_line(&["info ", "host"]);
    s.log_line(&["info ", "wasm"]);
    s.assert_alive();
}

#[test]
fn many_different_signatures_verify_on_both_backends() {
    let wasm = with_default_entry(json!({"signatureBackend": "wasm"}));
    let s = Scenario::new()
        .config(json!({"signatureBackend": "host"}))
        .plugin("in-wasm", wasm)
        .start();
    // About every 128th r or s starts with a zero byte, which DER leaves out.
    for number in 0..300 {
        let token = s.token_with("number", number);
        for plugin in [0, 1] {
            let response = s.request_to(plugin, "GET", "/").token(&token).send();
            assert_eq!(response.status, 200, "{number}, plugin {plugin}: {token}");
        }
    }
}
