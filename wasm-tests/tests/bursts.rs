//! However many requests one event decides, each gets its answer and the filter goes on. Envoy gives the answers of
//! one callback nested in one another: enough of them overflow the VM's stack, which is lost for good.

use std::thread;
use std::time::Duration;

use alb_fixtures::mint::{KeyPair, encode};
use serde_json::{Value, json};
use wasm_tests::{
    Answer, Crowd, GROUPS, KEY_SET, Request, Response, Running, Scenario, TokenBuilder, Transport,
    USER, Upstream, assert_refused, crowd_size, entry, eventually, groups_required,
};

/// Requests with two tokens that wait at once within 32 MiB.
const MOST_WITH_TWO_TOKENS: usize = 8_192;
/// Key ids that a crowd names if it names several.
const KIDS: usize = 64;
const BODY: usize = 3_000;

/// Room for a crowd, at the filter, at Envoy and at the upstream.
fn scenario(mut public_keys: Value) -> Scenario {
    let limits = json!({"fetchTimeout": "60s", "maxWait": "60s", "maxWaitingRequests": 16_384});
    for (name, value) in limits.as_object().into_iter().flatten() {
        public_keys
            .as_object_mut()
            .expect("an object")
            .entry(name)
            .or_insert_with(|| value.clone());
    }
    let most = 20_000;
    let thresholds = json!([{
        "max_connections": most, "max_pending_requests": most, "max_requests": most,
    }]);
    Scenario::new()
        .config(json!({"publicKeys": public_keys}))
        .log_level("warning")
        .upstream(Upstream::Http2)
        .cluster_members(
            "upstream",
            json!({"circuit_breakers": {"thresholds": thresholds}}),
        )
        .connection_manager(json!({
            "http2_protocol_options": {"allow_connect": true, "max_concurrent_streams": most},
        }))
}

fn kid(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-00000000b125")
}

/// A request whose token is good if the endpoint serves `key`.
fn request(s: &Running, key: &KeyPair) -> Request {
    s.get("/burst")
        .token(&TokenBuilder::new(&s.load_balancer, key).sign())
}

/// A request whose token names this key id; nobody will get to its signature.
fn unsigned(s: &Running, kid: &str) -> Request {
    let forgery = s.token_builder().header("kid", kid);
    let (header, payload) = (forgery.header_text(), forgery.payload_text());
    let parts = [header.as_bytes(), payload.as_bytes(), &[1; 64]];
    s.get("/burst")
        .token(&parts.map(|part| encode(part, true)).join("."))
}

/// A crowd of such requests, all of which wait.
#[track_caller]
fn waiting(s: &Running, transport: Transport, requests: &[Request]) -> Crowd {
    let crowd = Crowd::start(transport, requests);
    s.await_metric("waiting_requests", requests.len().try_into().unwrap_or(0));
    crowd
}

/// Fails unless each is refused with `reason`, nobody waits any more, and the next good request is served.
#[track_caller]
fn assert_all_refused(s: &Running, responses: Vec<Response>, reason: &str, case: &str) {
    for response in responses {
        assert_refused(&response, reason, case);
    }
    assert_goes_on(s);
}

#[track_caller]
fn assert_goes_on(s: &Running) {
    s.await_metric("waiting_requests", 0);
    s.assert_alive();
}

/// For each transport that can carry them, such a burst with a key of its own, whose requests wait for `kid` until
/// `end` has been called.
fn for_each_transport(
    s: &Running,
    request: impl Fn(&KeyPair) -> Request,
    end: impl Fn(&KeyPair),
    check: impl Fn(Vec<Response>, &str),
) {
    for transport in Transport::for_crowd_of(crowd_size()) {
        let key = KeyPair::generate(kid(match transport {
            Transport::Connections => 1,
            Transport::Streams => 2,
        }));
        s.endpoint.set(key.kid(), Answer::Hold);
        let requests = vec![request(&key); crowd_size()];
        let crowd = waiting(s, transport, &requests);
        end(&key);
        check(crowd.finish(), &format!("{transport:?}"));
    }
}

#[test]
fn a_key_that_is_not_there_refuses_a_crowd() {
    let s = scenario(json!({})).start();
    for_each_transport(
        &s,
        |key| unsigned(&s, key.kid()),
        |key| s.endpoint.set(key.kid(), Answer::Status(404)),
        |responses, case| assert_all_refused(&s, responses, "unknown_key", case),
    );
}

#[test]
fn a_crowd_with_signatures_that_do_not_hold_is_refused() {
    let s = scenario(json!({})).start();
    for_each_transport(
        &s,
        |key| unsigned(&s, key.kid()),
        |key| s.endpoint.serve_key(key),
        |responses, case| assert_all_refused(&s, responses, "invalid_signature", case),
    );
}

#[test]
fn an_endpoint_that_goes_down_leaves_a_crowd_with_an_answer() {
    let s = scenario(json!({})).start();
    for_each_transport(
        &s,
        |key| unsigned(&s, key.kid()),
        |_| s.endpoint.vanish(),
        |responses, case| {
            s.endpoint.come_back();
            assert_all_refused(&s, responses, "key_unavailable", case);
        },
    );
}

#[test]
fn an_endpoint_that_hangs_leaves_a_crowd_with_an_answer() {
    let fetch_timeout = format!("{}s", crowd_size().div_ceil(512));
    let s = scenario(json!({"fetchTimeout": fetch_timeout})).start();
    for_each_transport(
        &s,
        |key| unsigned(&s, key.kid()),
        |_| (),
        |responses, case| assert_all_refused(&s, responses, "key_unavailable", case),
    );
}

/// Envoy is stopped until the time of all of them is over, so that one tick ends them together.
#[test]
fn a_crowd_that_waited_for_too_long_ends_in_one_tick() {
    let max_wait = if crowd_size() > 2_000 { 30 } else { 5 };
    let limits = json!({"maxPendingFetches": 64, "maxWait": format!("{max_wait}s")});
    let s = scenario(limits).start();
    for number in 0..KIDS {
        s.endpoint.set(&kid(number), Answer::Hold);
    }
    let mut requests: Vec<_> = (0..KIDS).map(|number| unsigned(&s, &kid(number))).collect();
    requests = (0..crowd_size())
        .map(|number| requests[number % KIDS].clone())
        .collect();
    let crowd = waiting(&s, Transport::Streams, &requests);
    s.pause();
    // The stopped clock of a stopped process is what is tested: there is no condition to await.
    thread::sleep(Duration::from_secs(max_wait));
    s.resume();
    assert_all_refused(&s, crowd.finish(), "key_unavailable", "in one tick");
}

/// What Envoy answers at once ends while the filter's callback is not over.
#[test]
fn a_crowd_of_good_tokens_that_envoy_itself_answers_is_answered() {
    let no_route = "nowhere.example.com";
    let routes = json!({"virtual_hosts": [
        {"name": "all", "domains": ["kubeflow.example.com"], "routes": [
            {"match": {"path": "/redirect"}, "redirect": {"path_redirect": "/"}},
            {"match": {"path": "/direct"}, "direct_response": {"status": 418}},
            {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}},
        ]},
    ]});
    let s = scenario(json!({}))
        .connection_manager(json!({
            "http2_protocol_options": {"max_concurrent_streams": 20_000},
            "route_config": routes,
        }))
        .start();
    let cases = [
        ("GET", "/", no_route, 404),
        ("GET", "/redirect", "kubeflow.example.com", 301),
        ("GET", "/direct", "kubeflow.example.com", 418),
        ("POST", "/direct", "kubeflow.example.com", 418),
    ];
    for (number, (method, path, host, status)) in cases.into_iter().enumerate() {
        for transport in Transport::for_crowd_of(crowd_size()) {
            let key = KeyPair::generate(kid(
                2 * number + usize::from(transport == Transport::Streams)
            ));
            s.endpoint.set(key.kid(), Answer::Hold);
            let token = TokenBuilder::new(&s.load_balancer, &key).sign();
            let mut request = s.request(method, path).header("host", host).token(&token);
            if method == "POST" {
                request = request.body("x".repeat(BODY));
            }
            let crowd = waiting(&s, transport, &vec![request; crowd_size()]);
            s.endpoint.serve_key(&key);
            for response in crowd.finish() {
                assert_eq!(response.status, status, "{method} {path}, {transport:?}");
            }
            assert_goes_on(&s);
        }
    }
}

#[test]
fn a_crowd_of_good_uploads_is_let_through_whole() {
    let s = scenario(json!({})).start();
    let body = "x".repeat(BODY);
    let post = |key: &KeyPair| {
        let token = TokenBuilder::new(&s.load_balancer, key).sign();
        s.request("POST", "/burst")
            .token(&token)
            .body(body.as_str())
    };
    for_each_transport(
        &s,
        post,
        |key| s.endpoint.serve_key(key),
        |responses, case| {
            for response in responses {
                let echo = response.echo();
                assert_eq!(echo.values("kubeflow-userid"), [USER], "{case}");
                assert!(echo.body == body, "{case}: a body changed");
            }
            assert_goes_on(&s);
        },
    );
}

/// Observed requests wait no longer than half a second: the stopped Envoy ends those together that have come.
#[test]
fn a_crowd_in_observe_mode_goes_on() {
    let s = scenario(json!({}))
        .config(json!({"mode": "observe"}))
        .route(json!({"match": {"path": "/burst"}, "direct_response": {"status": 418}}))
        .start();
    s.endpoint.set(&kid(0), Answer::Hold);
    let request = unsigned(&s, &kid(0));
    let crowd = Crowd::start(Transport::Streams, &vec![request; crowd_size()]);
    eventually("most of them wait", || {
        let ended = s.metric("observed.key_unavailable") > 0;
        let most = crowd_size().min(1_000).try_into().unwrap_or(0);
        (ended || s.metric("waiting_requests") >= most).then_some(())
    });
    s.pause();
    thread::sleep(Duration::from_millis(600));
    s.resume();
    for response in crowd.finish() {
        assert_eq!(response.status, 418);
    }
    assert_goes_on(&s);
}

/// One client that goes away, and with it all that it waits for.
#[test]
fn a_crowd_whose_connection_ends_is_forgotten() {
    let s = scenario(json!({})).start();
    let key = KeyPair::generate(kid(0));
    s.endpoint.set(key.kid(), Answer::Hold);
    drop(waiting(
        &s,
        Transport::Streams,
        &vec![request(&s, &key); crowd_size()],
    ));
    s.await_metric("waiting_requests", 0);
    s.endpoint.serve_key(&key);
    request(&s, &key).send().echo();
    assert_goes_on(&s);
}

/// The listener's drain time is over: it ends with all who wait, and the new one is not harmed.
#[test]
fn a_crowd_whose_configuration_ends_harms_nobody() {
    let mut s = scenario(json!({})).reloadable().drain_seconds(1).start();
    let key = KeyPair::generate(kid(0));
    s.endpoint.set(key.kid(), Answer::Hold);
    let crowd = waiting(
        &s,
        Transport::Streams,
        &vec![request(&s, &key); crowd_size()],
    );
    let new = json!({"loadBalancers": [entry()], "stripHeaders": ["x-new"]});
    assert!(s.reload(new));
    s.await_metric("waiting_requests", 0);
    drop(crowd);
    s.endpoint.serve_key(&key);
    eventually("the new configuration serves", || {
        request(&s, &key).send().try_echo()
    });
    assert_goes_on(&s);
}

/// Uploads that all wait for the load balancer's key first, and for one key set then.
fn crowd_for_a_key_set(s: &Running, transport: Transport) -> Crowd {
    let request = s.request("POST", "/burst").body("x".repeat(BODY));
    let request = request.token(&s.token()).access_token(&s.access_token());
    // Each retains two tokens: more of them reach the 32 MiB for waiting requests first, and are overloaded.
    let size = crowd_size().min(MOST_WITH_TWO_TOKENS);
    waiting(s, transport, &vec![request; size])
}

/// Such a crowd for each transport, in an Envoy of its own, since a set is fetched first only once.
fn for_each_key_set(
    required: bool,
    public_keys: Value,
    end: impl Fn(&Running),
    check: impl Fn(Vec<Response>, &str),
) {
    for transport in Transport::for_crowd_of(crowd_size()) {
        let s = scenario(public_keys.clone())
            .access_token()
            .config(groups_required(required))
            .key_set(Answer::Hold)
            .start();
        let crowd = crowd_for_a_key_set(&s, transport);
        end(&s);
        check(crowd.finish(), &format!("{transport:?}"));
        assert_goes_on_after_set(&s);
    }
}

fn serve_set(s: &Running) {
    let set = s.pool.key_set().into_bytes();
    s.key_sets.set(KEY_SET, Answer::Body(set));
}

#[track_caller]
fn assert_goes_on_after_set(s: &Running) {
    serve_set(s);
    eventually("the set is there", || {
        let request = s.get("/").token(&s.token());
        let response = request.access_token(&s.access_token()).send();
        response.try_echo()?.has("kubeflow-groups").then_some(())
    });
    assert_goes_on(s);
}

#[test]
fn a_crowd_that_waits_for_a_key_set_is_let_through_whole() {
    for_each_key_set(true, json!({}), serve_set, |responses, case| {
        for response in responses {
            let echo = response.echo();
            assert_eq!(echo.values("kubeflow-groups"), [GROUPS.join(",")], "{case}");
            assert_eq!(echo.body.len(), BODY, "{case}: a body changed");
        }
    });
}

#[test]
fn a_key_set_that_fails_rejects_a_crowd_only_if_it_is_needed() {
    let fail = |s: &Running| s.key_sets.set(KEY_SET, Answer::Status(404));
    for required in [false, true] {
        for_each_key_set(required, json!({}), fail, |responses, case| {
            for response in responses {
                if required {
                    assert_refused(&response, "key_unavailable", case);
                } else {
                    let echo = response.echo();
                    assert_eq!(echo.values("kubeflow-userid"), [USER], "{case}");
                    assert!(!echo.has("kubeflow-groups"), "{case}");
                }
            }
        });
    }
}

#[test]
fn a_crowd_that_waited_too_long_for_a_key_set_ends() {
    let max_wait = if crowd_size() > 2_000 { 30 } else { 5 };
    let limits = json!({"maxWait": format!("{max_wait}s")});
    let stop = |s: &Running| {
        s.pause();
        // The stopped clock of a stopped process is what is tested: there is no condition to await.
        thread::sleep(Duration::from_secs(max_wait));
        s.resume();
    };
    for_each_key_set(true, limits, stop, |responses, case| {
        for response in responses {
            assert_refused(&response, "key_unavailable", case);
        }
    });
}
