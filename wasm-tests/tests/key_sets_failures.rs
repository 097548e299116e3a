//! An issuer whose key set can't be had: who needs it gets an answer, and who can do without it goes on.

use std::time::{Duration, Instant};

use alb_fixtures::mint::LoadBalancer;
use serde_json::{Value, json};
use wasm_tests::{
    Answer, GROUPS, KEY_SET, OPTIONAL, REQUIRED, Request, Running, Scenario, TokenBuilder, USER,
    assert_refused, closed_port, entry_for, eventually, groups_required, load_balancer,
};

const UNAVAILABLE: &str = "key_unavailable";

fn with_public_keys(members: Value) -> Scenario {
    Scenario::new()
        .access_token()
        .config(json!({"publicKeys": members}))
        .groups()
}

fn request(s: &Running, plugin: usize) -> Request {
    let request = s.request_to(plugin, "GET", "/").token(&s.token());
    request.access_token(&s.access_token())
}

fn serve(s: &Running) {
    let set = s.pool.key_set().into_bytes();
    s.key_sets.set(KEY_SET, Answer::Body(set));
}

#[track_caller]
fn assert_without_groups(response: &wasm_tests::Response, case: &str) {
    let echo = response.try_echo();
    let echo = echo.unwrap_or_else(|| panic!("{case}: {}", response.reason()));
    assert_eq!(echo.values("kubeflow-userid"), [USER], "{case}");
    assert!(!echo.has("kubeflow-groups"), "{case}");
}

#[test]
fn a_set_that_is_down_at_start_is_fetched_again_without_traffic() {
    for status in [503, 404, 403] {
        let s = with_public_keys(json!({}))
            .key_set(Answer::Status(status))
            .start();
        let case = format!("{status}");
        assert_refused(&request(&s, REQUIRED).send(), UNAVAILABLE, &case);
        assert_without_groups(&request(&s, OPTIONAL).send(), &case);
        let failed = s.key_sets.count(KEY_SET);
        eventually("it is tried again", || {
            (s.key_sets.count(KEY_SET) > failed + 1).then_some(())
        });
        serve(&s);
        // Two plugins, a worker and the main thread; and the load balancer's key, for each plugin once.
        s.await_metric("key_fetch.ok", 6);
        s.assert_access_tokens(&s.token(), &[("up", s.access_token(), "")]);
        let line = s.log_line(&["warning ", "cognito-idp.us-west-2.amazonaws.com"]);
        assert!(!line.contains("eyJ"), "{line}");
        assert_eq!(s.metric("key_fetch.not_found"), 0);
    }
}

/// Users wait for the first set, so the pauses end at 5 s: the sixth attempt comes after 17 s, and not after 31 s.
#[test]
fn a_set_that_was_never_there_is_tried_every_five_seconds() {
    let s = Scenario::new()
        .access_token()
        .config(groups_required(true))
        .key_set(Answer::Status(404))
        .start();
    let start = Instant::now();
    // In a worker, and in the main thread.
    s.await_metric("key_fetch.failed", 12);
    let took = start.elapsed();
    assert!((14..28).contains(&took.as_secs()), "{took:?}");
    serve(&s);
    s.await_metric("key_fetch.ok", 2);
    s.assert_alive();
}

/// `maxWait` is shorter than the fetch.
#[test]
fn nobody_waits_longer_than_max_wait() {
    let limits = json!({"fetchTimeout": "60s", "maxWait": "700ms"});
    let s = with_public_keys(limits).key_set(Answer::Hold).start();
    let start = Instant::now();
    let (required, optional) = (request(&s, REQUIRED).start(), request(&s, OPTIONAL).start());
    assert_refused(&required.finish(), UNAVAILABLE, "maxWait is over");
    assert_without_groups(&optional.finish(), "maxWait is over");
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(650), "{waited:?}");
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    assert_eq!(s.metric("access_token.key_unavailable"), 2);
    s.await_metric("waiting_requests", 0);
    serve(&s);
    s.await_metric("key_fetch.ok", 6);
    s.assert_access_tokens(&s.token(), &[("up", s.access_token(), "")]);
}

/// The whole wait counts: for the load balancer's key first, and for the set then.
#[test]
fn waiting_for_a_key_and_for_a_set_counts_together() {
    let limits = json!({"fetchTimeout": "60s", "maxWait": "4s"});
    let s = with_public_keys(limits).key_set(Answer::Hold).start();
    let key = s.key.public_pem().into_bytes();
    let delay = Duration::from_secs(2);
    s.endpoint.set(s.key.kid(), Answer::Late(key, delay));
    let start = Instant::now();
    let required = request(&s, REQUIRED).send();
    let waited = start.elapsed();
    assert_refused(&required, UNAVAILABLE, "maxWait is over");
    assert!(waited >= Duration::from_millis(3_900), "{waited:?}");
    assert!(waited < Duration::from_millis(5_900), "{waited:?}");
}

#[test]
fn a_set_that_hangs_holds_up_nobody_who_can_do_without_it() {
    let limits = json!({"fetchTimeout": "3s", "maxWait": "60s"});
    let s = with_public_keys(limits).key_set(Answer::Hold).start();
    assert_without_groups(&request(&s, OPTIONAL).send(), "the first fetch");
    assert_refused(&request(&s, REQUIRED).send(), UNAVAILABLE, "required");
    let tried = s.key_sets.count(KEY_SET);
    eventually("a further fetch hangs", || {
        (s.key_sets.count(KEY_SET) > tried + 1).then_some(())
    });
    for _ in 0..5 {
        let start = Instant::now();
        assert_without_groups(&request(&s, OPTIONAL).send(), "meanwhile");
        assert!(start.elapsed() < Duration::from_secs(2));
    }
    serve(&s);
    eventually("the set is there", || {
        let echo = request(&s, OPTIONAL).send().echo();
        echo.has("kubeflow-groups").then_some(())
    });
}

struct Behind {
    load_balancer: LoadBalancer,
    path: String,
}

impl Behind {
    fn new(number: usize) -> (Self, Value) {
        let mut load_balancer = load_balancer();
        let name = format!("lb-{number}");
        load_balancer.arn = load_balancer.arn.replace("kubeflow", &name);
        let path = format!("{name}.json");
        let mut entry = entry_for(&load_balancer);
        let whole = format!("/{path}");
        entry["accessToken"] = json!({"jwks": {"cluster": "cognito", "path": whole}});
        let behind = Self {
            load_balancer,
            path,
        };
        (behind, entry)
    }

    fn send(&self, s: &Running, access_token: &str) -> wasm_tests::Response {
        let token = TokenBuilder::new(&self.load_balancer, &s.key).sign();
        s.get("/").token(&token).access_token(access_token).send()
    }
}

#[test]
fn whatever_the_issuer_answers_later_the_good_set_stays() {
    let answers = vec![
        Answer::Status(404),
        Answer::Status(403),
        Answer::Status(410),
        Answer::Status(500),
        Answer::Status(204),
        Answer::Status(301),
        Answer::Body(b"garbage".to_vec()),
        Answer::Body(b"{\"keys\":[]}".to_vec()),
        Answer::Body(Vec::new()),
        Answer::Body(vec![b'x'; 10_000_000]),
        Answer::Body([br#"{"keys":["#.as_slice(), &vec![b' '; 10_000_000]].concat()),
        Answer::Raw(b"no HTTP".to_vec()),
        Answer::Reset,
        Answer::CloseMidBody,
        Answer::StallMidBody,
        Answer::Hold,
    ];
    let numbers = 0..answers.len();
    let (all, entries): (Vec<_>, Vec<_>) = numbers.map(Behind::new).unzip();
    let mut scenario = Scenario::new()
        .config(json!({"loadBalancers": entries, "publicKeys": {"fetchTimeout": "500ms"}}))
        .config(groups_required(true));
    let set = published_set();
    for behind in &all {
        scenario = scenario.key_set_at(&behind.path, Answer::Body(set.clone()));
    }
    let s = scenario.start();
    // In a worker, and in the main thread.
    s.await_metric("key_fetch.ok", 2 * all.len() as u64);
    let cached = s.access_token();
    let unknown = s.access_token_builder().header("kid", "unknown").sign();
    for (number, (behind, answer)) in all.iter().zip(answers).enumerate() {
        let case = format!("{number}");
        behind.send(&s, &cached).echo();
        s.key_sets.set(&behind.path, answer);
        let before = s.key_sets.count(&behind.path);
        for _ in 0..3 {
            // The set may have the key by now: nobody knows.
            let response = behind.send(&s, &unknown);
            assert_refused(&response, UNAVAILABLE, &case);
        }
        let attempts = s.key_sets.count(&behind.path) - before;
        assert!((1..=2).contains(&attempts), "{case}: {attempts}");
        let fresh = s.access_token_builder().claim("number", number).sign();
        for access_token in [&cached, &fresh] {
            let echo = behind.send(&s, access_token).echo();
            assert_eq!(echo.values("kubeflow-groups"), [GROUPS.join(",")], "{case}");
        }
    }
    assert_eq!(s.metric("key_fetch.failed"), all.len() as u64);
    assert_eq!(s.metric("key_fetch.not_found"), 0);
    let log = s.log();
    assert!(!log.contains("panicked") && !log.contains("wasm trap"));
}

fn published_set() -> Vec<u8> {
    alb_fixtures::example::user_pool().key_set().into_bytes()
}

#[test]
fn who_can_do_without_the_key_goes_on_though_the_fetch_for_its_id_fails() {
    let s = with_public_keys(json!({})).start();
    s.assert_access_tokens(&s.token(), &[("good", s.access_token(), "")]);
    s.key_sets.set(KEY_SET, Answer::Status(500));
    let unknown = s.access_token_builder().header("kid", "unknown").sign();
    s.assert_access_tokens(&s.token(), &[("unknown", unknown, UNAVAILABLE)]);
    s.assert_access_tokens(&s.token(), &[("good", s.access_token(), "")]);
}

#[test]
fn without_a_listener_or_a_cluster_the_set_is_unavailable() {
    for cluster in ["refusing", "no-such-cluster"] {
        let s = Scenario::new()
            .load_balancer(json!({"accessToken": {"jwks": {"cluster": cluster}}}))
            .cluster("refusing", closed_port())
            .groups()
            .start();
        let cases = [
            ("good", s.access_token(), UNAVAILABLE),
            ("bad form", "x".to_owned(), "invalid_access_token"),
            ("none", String::new(), "missing_access_token"),
        ];
        s.assert_access_tokens(&s.token(), &cases);
        let log = s.log();
        assert!(!log.contains("panicked") && !log.contains("wasm trap"));
    }
}

#[test]
fn when_too_many_wait_for_a_set_an_optional_header_is_left_out() {
    let s =
        with_public_keys(json!({"maxWaitingRequests": 1, "fetchTimeout": "60s", "maxWait": "60s"}))
            .key_set(Answer::Hold)
            .start();
    let first = [OPTIONAL, REQUIRED].map(|plugin| {
        let pending = request(&s, plugin).start();
        s.await_metric("waiting_requests", plugin as u64 + 1);
        pending
    });
    // The user's key has come, and the first requests wait for the set.
    eventually("the keys are there", || {
        (s.metric("keys") == 2).then_some(())
    });
    assert_without_groups(&request(&s, OPTIONAL).send(), "optional");
    assert_refused(&request(&s, REQUIRED).send(), "overloaded", "required");
    serve(&s);
    for pending in first {
        assert!(pending.finish().echo().has("kubeflow-groups"));
    }
}

#[test]
fn a_client_that_goes_away_cancels_nothing_for_others() {
    let s = with_public_keys(json!({"fetchTimeout": "60s", "maxWait": "60s"}))
        .key_set(Answer::Hold)
        .start();
    let gone = request(&s, REQUIRED).start();
    let stays = request(&s, REQUIRED).start();
    s.await_metric("waiting_requests", 2);
    gone.reset();
    s.await_metric("waiting_requests", 1);
    serve(&s);
    assert!(stays.finish().echo().has("kubeflow-groups"));
    s.await_metric("waiting_requests", 0);
}

/// An hour of life is configured as a minute; nothing can make the clock of Envoy go faster.
#[test]
#[ignore = "takes over a minute"]
fn an_old_set_is_fetched_in_the_background_and_ends_with_max_stale() {
    let limits = json!({"refreshInterval": "1m", "maxStale": "0s"});
    let s = with_public_keys(limits).start();
    s.assert_access_tokens(&s.token(), &[("at first", s.access_token(), "")]);
    let before = s.key_sets.count(KEY_SET);
    s.key_sets.set(KEY_SET, Answer::Status(404));
    let start = Instant::now();
    eventually_slowly("the set has ended", || {
        let response = request(&s, REQUIRED).send();
        (response.reason() == UNAVAILABLE).then_some(())
    });
    assert!(start.elapsed() > Duration::from_secs(40));
    assert!(s.key_sets.count(KEY_SET) > before);
    assert_without_groups(&request(&s, OPTIONAL).send(), "ended");
    serve(&s);
    eventually("it is back", || {
        let echo = request(&s, REQUIRED).send().try_echo()?;
        echo.has("kubeflow-groups").then_some(())
    });
}

/// `eventually`, for as long as two of its waits.
fn eventually_slowly(what: &str, mut condition: impl FnMut() -> Option<()>) {
    let start = Instant::now();
    eventually(what, || {
        condition().or_else(|| (start.elapsed() > Duration::from_secs(50)).then_some(()))
    });
    eventually(what, condition);
}
