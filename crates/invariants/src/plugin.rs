//! Any sequence of requests, answers, departures, new configurations and time against a whole plugin.
//!
//! Above all: nobody is accepted but the user of a token that is signed by the key that the endpoint of
//! its load balancer serves for its `kid`, and that has not expired.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use alb_authn::config::Config;
use alb_authn::header_plan::HeaderEdit;
use alb_authn::headers::Headers;
use alb_authn::keys::{AttemptId, StreamId};
use alb_authn::plugin::Plugin;
use alb_authn::reason::{Reason, Rejection};
use alb_authn::report::{Event, Gauge};
use alb_authn::request::{Decision, Effect};
use alb_authn::time::UnixTime;
use arbitrary::Arbitrary;
use serde_json::json;

use crate::key_store::Answer;
use crate::support::{
    ARN, CLIENT, ISSUER, OTHER_ARN, Toy, after_noon, config_with, public_key, steps, toy_token,
};

/// One thing that happens.
#[derive(Arbitrary, Debug)]
enum Step {
    Arrive(Sent),
    /// The same token as an earlier request's.
    Repeat {
        which: u8,
    },
    Leave {
        which: u8,
    },
    Answer {
        which: u8,
        answer: Answer,
    },
    Pass {
        milliseconds: u16,
    },
    PassMinutes {
        minutes: u8,
    },
    Reconfigure,
}

/// A token, by its maker.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Sent {
    kid: u8,
    of_other_load_balancer: bool,
    signed_by: u8,
    is_tampered: bool,
    seconds_to_live: u8,
    /// Of the payload's own `exp`, where it has one.
    payload_seconds_to_live: Option<u8>,
    user: u8,
}

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let mut world = World::new();
    for step in steps::<Step>(data) {
        world.take(&step);
        world.drain();
        world.check();
    }
    for _ in 0..4 {
        world.pass(MAX_WAIT);
        world.drain();
    }
    assert!(world.waiting.is_empty(), "a request was forgotten");
}

const MAX_WAIT: Duration = Duration::from_secs(10);
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
const CLOCK_SKEW: Duration = Duration::from_secs(30);

thread_local! {
    static CONFIG: Config = {
        let lb = |arn: &str| json!({ "arn": arn, "issuers": [ISSUER], "clientIds": [CLIENT] });
        config_with(json!({
            "loadBalancers": [lb(ARN), lb(OTHER_ARN)],
            "publicKeys": {
                "fetchTimeout": "2s", "refreshInterval": "1m", "maxStale": "10m", "maxKeys": 3,
                "maxPendingFetches": 2, "maxWaitingRequests": 8, "maxWait": "10s",
            },
            "tokenCache": { "maxBytes": 4096 },
        }))
    };
}

fn start(now: UnixTime) -> Plugin {
    Plugin::new(CONFIG.with(Config::clone), Box::new(Toy), "toy", now)
}

/// A token and what is true of it.
#[derive(Clone)]
struct Token {
    text: String,
    /// Authority and path under which its key stands.
    key: (String, String),
    sent: Sent,
    exp: UnixTime,
    user: String,
}

/// The plugin, and what an onlooker knows of it.
struct World {
    plugin: Plugin,
    now: UnixTime,
    next_stream: u32,
    waiting: HashMap<StreamId, Token>,
    tokens: Vec<Token>,
    /// Calls under way, with the time at which they are given up.
    live: Vec<(AttemptId, (String, String), UnixTime)>,
    served: HashMap<(String, String), u8>,
    gauges: BTreeMap<Gauge, i64>,
}

impl World {
    fn new() -> Self {
        let now = after_noon(0);
        Self {
            plugin: start(now),
            now,
            next_stream: 0,
            waiting: HashMap::new(),
            tokens: Vec::new(),
            live: Vec::new(),
            served: HashMap::new(),
            gauges: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Arrive(sent) => {
                let token = self.mint(sent);
                self.tokens.push(token.clone());
                self.arrive(token);
            }
            Step::Repeat { which } => {
                if let Some(index) = usize::from(which).checked_rem(self.tokens.len()) {
                    self.arrive(self.tokens[index].clone());
                }
            }
            Step::Leave { which } => {
                let mut streams: Vec<StreamId> = self.waiting.keys().copied().collect();
                streams.sort_unstable();
                if let Some(index) = usize::from(which).checked_rem(streams.len()) {
                    self.waiting.remove(&streams[index]);
                    self.plugin.handle_stream_end(streams[index]);
                }
            }
            Step::Answer { which, answer } => {
                if !self.live.is_empty() {
                    let index = usize::from(which) % self.live.len();
                    let (attempt, key, _) = self.live.remove(index);
                    if let Some(number) = answer.number() {
                        self.served.insert(key, number);
                    }
                    self.plugin
                        .handle_fetch_result(attempt, answer.result(), self.now);
                }
            }
            Step::Pass { milliseconds } => self.pass(Duration::from_millis(milliseconds.into())),
            Step::PassMinutes { minutes } => {
                self.pass(Duration::from_secs(u64::from(minutes % 20) * 60));
            }
            Step::Reconfigure => self.reconfigure(),
        }
    }

    /// A new configuration takes over; requests that wait under the old one are left to it.
    fn reconfigure(&mut self) {
        let mut next = start(self.now);
        next.take_over(&mut self.plugin);
        self.plugin.handle_end();
        self.drain_events();
        self.plugin = next;
        self.waiting.clear();
        self.live.clear();
    }

    fn mint(&self, sent: Sent) -> Token {
        let kid = format!("{:08x}-0000-0000-0000-000000000000", sent.kid % 5);
        let arn = if sent.of_other_load_balancer {
            OTHER_ARN
        } else {
            ARN
        };
        let region = arn.split(':').nth(3).unwrap_or_default();
        let exp = |seconds: u8| self.now.as_millis() / 1000 + i64::from(seconds) - 60;
        let own_exp = sent.payload_seconds_to_live.map(exp);
        let exp = exp(sent.seconds_to_live);
        let user = format!("user-{}@example.com", sent.user % 4);
        let header = json!({
            "kid": kid, "alg": "ES256", "iss": ISSUER, "client": CLIENT, "signer": arn, "exp": exp,
        });
        let payload = |user: &str| {
            let mut payload = json!({ "email": user, "email_verified": true });
            if let Some(exp) = own_exp {
                payload["exp"] = json!(exp);
            }
            payload.to_string()
        };
        let text = |payload: &str, number: u8| {
            toy_token(
                header.to_string().as_bytes(),
                payload.as_bytes(),
                &public_key(number),
            )
        };
        let number = sent.signed_by % 3 + 1;
        let mut token = text(&payload(&user), number);
        if sent.is_tampered {
            let signature = token.rsplit('.').next().unwrap_or_default().to_owned();
            let forged = text(&payload("admin@example.com"), number);
            let input = forged.rsplit_once('.').map_or("", |(input, _)| input);
            token = format!("{input}.{signature}");
        }
        let authority = format!("public-keys.auth.elb.{region}.amazonaws.com");
        Token {
            text: token,
            key: (authority, format!("/{kid}")),
            sent,
            exp: UnixTime::from_secs(own_exp.map_or(exp, |own| own.min(exp))),
            user,
        }
    }

    fn arrive(&mut self, token: Token) {
        self.next_stream += 1;
        let stream = StreamId(self.next_stream);
        let forged = "admin@example.com";
        let pairs: [(&[u8], &[u8]); 2] = [
            (b"x-amzn-oidc-data", token.text.as_bytes()),
            (b"kubeflow_userid", forged.as_bytes()),
        ];
        let decision = self
            .plugin
            .handle_request_headers(stream, &Headers::new(&pairs), self.now);
        match decision {
            Some(decision) => self.check_decision(&token, &decision),
            None => assert!(self.waiting.insert(stream, token).is_none()),
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        let now = self.now;
        self.live.retain(|(_, _, end)| now < *end);
        self.plugin.handle_timeout(now);
    }

    fn drain(&mut self) {
        while let Some(order) = self.plugin.poll_fetch(self.now) {
            let key = (order.authority, order.path);
            assert!(
                self.live.iter().all(|(_, other, _)| *other != key),
                "two fetches for one key"
            );
            let kid = key.1.strip_prefix('/').unwrap_or_default();
            assert!(kid.len() == 36 && kid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
            let end = self
                .now
                .plus(FETCH_TIMEOUT)
                .plus(Duration::from_millis(250));
            self.live.push((order.attempt, key, end));
        }
        while let Some((stream, decision)) = self.plugin.poll_decision(self.now) {
            let token = self
                .waiting
                .remove(&stream)
                .expect("decided twice, or never asked");
            self.check_decision(&token, &decision);
        }
        self.drain_events();
    }

    fn drain_events(&mut self) {
        while let Some(event) = self.plugin.poll_event() {
            match event {
                Event::Move(gauge, change) => *self.gauges.entry(gauge).or_default() += change,
                Event::Log(_, line) => {
                    assert!(
                        !line.contains("user-") && !line.contains("admin"),
                        "a claim: {line}"
                    );
                    assert!(!line.chars().any(char::is_control), "{line:?}");
                }
                Event::Count(_) | Event::CountMany(..) | Event::KeyFetchMs(_) => {}
            }
        }
    }

    fn check_decision(&self, token: &Token, decision: &Decision) {
        let is_alive = self.now < token.exp.plus(CLOCK_SKEW);
        let is_signed = !token.sent.is_tampered
            && self.served.get(&token.key) == Some(&(token.sent.signed_by % 3 + 1));
        match decision.reason {
            Reason::Ok => {
                assert!(is_alive && is_signed, "accepted: {:?}", token.sent);
                let Effect::Forward { plan, user } = &decision.effect else {
                    panic!("ok, but answered");
                };
                assert_eq!(user.as_ref(), Some(&token.user));
                let set = HeaderEdit::Set(
                    "kubeflow-userid".to_owned(),
                    token.user.clone().into_bytes(),
                );
                assert!(plan.edits().contains(&set));
                assert!(
                    plan.edits()
                        .contains(&HeaderEdit::Remove(b"kubeflow_userid".to_vec()))
                );
            }
            Reason::Rejected(rejection) => {
                assert!(matches!(decision.effect, Effect::Respond(_)));
                match rejection {
                    Rejection::TokenExpired => assert!(!is_alive),
                    Rejection::InvalidSignature => assert!(!is_signed),
                    Rejection::UnknownKey | Rejection::KeyUnavailable | Rejection::Overloaded => {}
                    other => panic!("{other} for a token of the right form"),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn check(&self) {
        let gauge = |gauge| self.gauges.get(&gauge).copied().unwrap_or(0);
        assert_eq!(
            gauge(Gauge::WaitingRequests),
            i64::try_from(self.waiting.len()).unwrap_or(-1)
        );
        assert!((0..=3).contains(&gauge(Gauge::Keys)));
        assert!(self.waiting.is_empty() || self.plugin.poll_wakeup().is_some());
    }
}
