use serde_json::json;

use super::*;
use crate::headers::Headers;
use crate::request::Request;
use crate::testing::{ARN, at, config_with, header, payload, request, sign};
use crate::token_cache::TokenCache;

fn drain(report: &mut Report) -> Vec<Event> {
    std::iter::from_fn(|| report.poll_event()).collect()
}

fn lines(report: &mut Report) -> Vec<String> {
    let events = drain(report).into_iter();
    events
        .filter_map(|event| match event {
            Event::Log(level, line) => Some(format!("{level:?} {line}")),
            _ => None,
        })
        .collect()
}

fn decide(config: &Config, headers: &[(&str, &str)]) -> Decision {
    let pairs = request(headers);
    match Request::handle_headers(&Headers::new(&pairs), config, &TokenCache::new(0), at(0)) {
        Request::Decided(decision) => decision,
        Request::AwaitingKey(_) => panic!("the key should not be needed"),
    }
}

#[test]
fn names_are_distinct_and_fixed() {
    let mut names: Vec<String> = Counter::all().into_iter().map(Counter::name).collect();
    names.extend(Gauge::ALL.map(|gauge| gauge.name().to_owned()));
    names.push(KEY_FETCH_MS.to_owned());
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), count), (57, 57));
    assert!(names.iter().all(|name| name.starts_with("alb_authn.")));
    assert!(names.contains(&"alb_authn.requests.ok".to_owned()));
    assert!(names.contains(&"alb_authn.observed.token_expired".to_owned()));
}

#[test]
fn the_start_says_what_is_trusted_and_what_is_dangerous() {
    let config = config_with(json!({
        "loadBalancers": [{ "arn": ARN, "issuers": ["*"], "clientIds": ["*"] }], "mode": "observe",
    }));
    let lines = lines(&mut Report::start(&config, "host", at(0)));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        lines,
        [
            format!(
                "Info alb_authn: started version={version} signature_backend=host mode=observe load_balancers={ARN}"
            ),
            format!("Warn alb_authn: warning=issuers_any signer={ARN} every value is accepted"),
            format!("Warn alb_authn: warning=clientIds_any signer={ARN} every value is accepted"),
            "Warn alb_authn: mode=observe nothing is refused; requests without a verified identity are \
             forwarded without identity headers"
                .to_owned(),
        ]
    );
}

#[test]
fn observe_mode_reminds_every_ten_minutes() {
    let config = config_with(json!({ "mode": "observe" }));
    let mut report = Report::start(&config, "wasm", at(0));
    drain(&mut report);
    assert_eq!(report.poll_wakeup(), Some(at(600)));
    report.handle_timeout(at(599));
    assert_eq!(lines(&mut report), [""; 0]);
    report.handle_timeout(at(600));
    assert_eq!(
        (lines(&mut report).len(), report.poll_wakeup()),
        (1, Some(at(1200)))
    );
}

#[test]
fn a_refusal_is_one_line_without_anything_that_the_sender_could_forge() {
    let config = config_with(json!({}));
    let mut report = Report::start(&config, "wasm", at(0));
    drain(&mut report);
    let mut header = header();
    header["exp"] = json!(1);
    let token = sign(&header, &payload());
    let headers = [
        ("x-request-id", "id\n reason=ok"),
        ("x-amzn-oidc-data", token.as_str()),
    ];
    report.record_decision(&decide(&config, &headers), at(0));
    assert_eq!(
        drain(&mut report),
        [
            Event::Count(Counter::Requests(Reason::Rejected(Rejection::TokenExpired))),
            Event::Log(
                Level::Info,
                format!(
                    "alb_authn: reason=token_expired action=refused status=401 \
                     kid=c2f80c8b-c05c-4068-af14-17299f7896b1 signer={ARN} \
                     request_id=id%0A%20reason%3Dok"
                )
            ),
        ]
    );
}

#[test]
fn observed_refusals_count_apart_and_say_so() {
    let config = config_with(json!({ "mode": "observe" }));
    let mut report = Report::start(&config, "wasm", at(0));
    drain(&mut report);
    report.record_decision(&decide(&config, &[]), at(0));
    assert_eq!(
        drain(&mut report),
        [
            Event::Count(Counter::Observed(Rejection::MissingToken)),
            Event::Log(
                Level::Info,
                "alb_authn: reason=missing_token action=observed kid=- signer=- request_id=-"
                    .into()
            ),
        ]
    );
}

#[test]
fn many_refusals_are_ten_lines_and_a_number() {
    let config = config_with(json!({}));
    let mut report = Report::start(&config, "wasm", at(0));
    drain(&mut report);
    let decision = decide(&config, &[]);
    for _ in 0..100 {
        report.record_decision(&decision, at(0));
    }
    let events = drain(&mut report);
    assert_eq!(
        events
            .iter()
            .filter(|e| matches!(e, Event::Count(_)))
            .count(),
        100
    );
    assert_eq!(
        events
            .iter()
            .filter(|e| matches!(e, Event::Log(..)))
            .count(),
        10
    );
    assert_eq!(report.poll_wakeup(), Some(at(1)));
    report.handle_timeout(at(1));
    assert_eq!(
        lines(&mut report),
        ["Info alb_authn: reason=missing_token suppressed=90"]
    );
}

#[test]
fn gauges_move_by_differences() {
    let mut report = Report::start(&config_with(json!({})), "wasm", at(0));
    drain(&mut report);
    report.move_gauge(Gauge::Keys, 2, 5);
    report.move_gauge(Gauge::Keys, 5, 5);
    report.move_gauge(Gauge::WaitingRequests, 3, 1);
    let moves = [
        Event::Move(Gauge::Keys, 3),
        Event::Move(Gauge::WaitingRequests, -2),
    ];
    assert_eq!(drain(&mut report), moves);
}
