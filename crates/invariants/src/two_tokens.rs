//! Any sequence of requests with both tokens, of answers, departures, new configurations and time against a whole plugin.
//!
//! Above all: a request's groups are those of the one access token that came with this very request, and only while it is
//! its user's, alive, and signed by a key of its issuer's set as last served. Who does not need groups is never rejected
//! for their sake.

mod checks;
mod scene;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use alb_authn::headers::Headers;
use alb_authn::keys::{AttemptId, StreamId};
use alb_authn::plugin::Plugin;
use alb_authn::reason::{Reason, Rejection};
use alb_authn::report::Gauge;
use alb_authn::time::UnixTime;
use arbitrary::Arbitrary;

use crate::support::{Toy, after_noon, steps};
use scene::{
    AccessToken, Answer, KeyNumbers, MAX_WAIT, Making, Person, Place, Served, Setting, UserToken,
};

/// One thing that happens.
#[derive(Arbitrary, Debug)]
enum Step {
    Arrive {
        person: Person,
        making: Making,
        access: Access,
    },
    /// Tokens of earlier requests, together or not.
    Again {
        user: u8,
        access: u8,
        without: bool,
    },
    /// An access token in the user's place.
    Swap {
        access: u8,
    },
    Leave {
        which: u8,
    },
    Answer {
        which: u8,
        answer: Answer,
    },
    /// All calls under way get this answer.
    AnswerAll {
        answer: Answer,
    },
    LateAnswer {
        which: u8,
        answer: Answer,
    },
    Pass {
        time: u8,
    },
    Reconfigure {
        other: bool,
    },
    /// From now on calls can't be made, or can.
    Cut {
        chance: u8,
    },
}

/// What comes beside the user's token.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Access {
    None,
    Empty,
    Own(Making),
    Foreign(Person, Making),
    Twice(Making),
    UsersToken,
}

/// # Panics
/// If a rule is broken.
pub fn run(data: &[u8]) {
    let mut world = World::new();
    world.pass(Duration::ZERO);
    world.drain();
    for step in steps::<Step>(data) {
        world.take(step);
        world.drain();
        world.check();
    }
    for _ in 0..4 {
        world.pass(MAX_WAIT);
        world.drain();
    }
    assert!(world.waiting.is_empty(), "a request was forgotten");
}

/// A request, and what is true of it.
#[derive(Clone)]
struct Request {
    user: UserToken,
    /// Each copy of the header.
    copies: Vec<String>,
    access: Option<AccessToken>,
    /// Whether the user's key was there while it waited, and verified the token.
    is_verified: bool,
}

/// What a server said last, and when.
struct Held<T> {
    content: T,
    at: UnixTime,
}

impl<T> Held<T> {
    fn is_younger_than(&self, age: Duration, now: UnixTime) -> bool {
        now < self.at.plus(age)
    }
}

/// A call under way.
struct Call {
    attempt: AttemptId,
    place: Place,
    end: UnixTime,
}

/// The plugin, and what an onlooker knows of it.
struct World {
    plugin: Plugin,
    setting: Setting,
    now: UnixTime,
    next_stream: u32,
    is_cut: bool,
    waiting: HashMap<StreamId, Request>,
    users: Vec<UserToken>,
    accesses: Vec<AccessToken>,
    live: Vec<Call>,
    ended: Vec<AttemptId>,
    keys: HashMap<Place, Held<u8>>,
    sets: HashMap<Place, Held<KeyNumbers>>,
    /// When calls were made for a set that is fresh.
    calls_for_fresh: HashMap<Place, Vec<UnixTime>>,
    gauges: BTreeMap<Gauge, i64>,
    with_groups: u64,
    counted_as_good: u64,
}

fn start(setting: Setting, now: UnixTime) -> Plugin {
    Plugin::new(setting.config(), Box::new(Toy), "toy", now)
}

impl World {
    fn new() -> Self {
        let (setting, now) = (Setting(false), after_noon(0));
        Self {
            plugin: start(setting, now),
            setting,
            now,
            next_stream: 0,
            is_cut: false,
            waiting: HashMap::new(),
            users: Vec::new(),
            accesses: Vec::new(),
            live: Vec::new(),
            ended: Vec::new(),
            keys: HashMap::new(),
            sets: HashMap::new(),
            calls_for_fresh: HashMap::new(),
            gauges: BTreeMap::new(),
            with_groups: 0,
            counted_as_good: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Arrive {
                person,
                making,
                access,
            } => {
                let user = UserToken::mint(person, making, self.now);
                self.users.push(user.clone());
                self.arrive_with(user, access);
            }
            Step::Again {
                user,
                access,
                without,
            } => {
                let Some(user) = chosen(&self.users, user).cloned() else {
                    return;
                };
                let access = chosen(&self.accesses, access).filter(|_| !without).cloned();
                let copies = access.iter().map(|access| access.text.clone()).collect();
                self.arrive(user, copies, access);
            }
            Step::Swap { access } => self.swap(access),
            Step::Leave { which } => {
                let mut streams: Vec<StreamId> = self.waiting.keys().copied().collect();
                streams.sort_unstable();
                if let Some(stream) = chosen(&streams, which) {
                    self.waiting.remove(stream);
                    self.plugin.handle_stream_end(*stream);
                }
            }
            Step::Answer { which, answer } => self.answer(which, answer),
            Step::AnswerAll { answer } => {
                for _ in 0..self.live.len() {
                    self.answer(0, answer);
                }
            }
            Step::LateAnswer { which, answer } => {
                if let Some(attempt) = chosen(&self.ended, which) {
                    let (result, _) = answer.read(*attempt);
                    self.plugin.handle_fetch_result(*attempt, result, self.now);
                }
            }
            Step::Pass { time } => self.pass(match time {
                0..128 => Duration::from_millis(u64::from(time) * 10),
                128..240 => Duration::from_millis(u64::from(time - 128) * 400),
                240.. => Duration::from_mins(u64::from(time - 239)),
            }),
            Step::Reconfigure { other } => self.reconfigure(Setting(other)),
            Step::Cut { chance } => self.is_cut = chance < 32,
        }
    }

    fn arrive_with(&mut self, user: UserToken, access: Access) {
        let person = user.person;
        let mut mint = |person, making| {
            let access = AccessToken::mint(person, making, self.accesses.len(), self.now);
            self.accesses.push(access.clone());
            (vec![access.text.clone()], Some(access))
        };
        let (copies, access) = match access {
            Access::None => (Vec::new(), None),
            Access::Empty => (vec![String::new()], None),
            Access::Own(making) => mint(person, making),
            Access::Foreign(other, making) => mint(other, making),
            Access::Twice(making) => {
                let (copies, _) = mint(person, making);
                ([copies.clone(), copies].concat(), None)
            }
            Access::UsersToken => (vec![user.text.clone()], None),
        };
        self.arrive(user, copies, access);
    }

    fn arrive(&mut self, user: UserToken, copies: Vec<String>, access: Option<AccessToken>) {
        self.next_stream += 1;
        let stream = StreamId(self.next_stream);
        let mut pairs: Vec<(&[u8], &[u8])> = vec![
            (b"x-amzn-oidc-data", user.text.as_bytes()),
            (b"kubeflow_groups", b"forged"),
        ];
        pairs.extend(
            copies
                .iter()
                .map(|copy| (&b"x-amzn-oidc-accesstoken"[..], copy.as_bytes())),
        );
        let headers = Headers::new(&pairs);
        let decision = self
            .plugin
            .handle_request_headers(stream, &headers, self.now);
        let mut request = Request {
            user,
            copies,
            access,
            is_verified: false,
        };
        match decision {
            Some(decision) => self.check_decision(&request, &decision),
            None => {
                request.is_verified = self.is_verified_now(&request.user);
                assert!(self.waiting.insert(stream, request).is_none());
            }
        }
    }

    fn swap(&mut self, access: u8) {
        let Some(access) = chosen(&self.accesses, access) else {
            return;
        };
        self.next_stream += 1;
        let pairs: [(&[u8], &[u8]); 1] = [(b"x-amzn-oidc-data", access.text.as_bytes())];
        let headers = Headers::new(&pairs);
        let stream = StreamId(self.next_stream);
        let decision = self
            .plugin
            .handle_request_headers(stream, &headers, self.now);
        let reason = decision.map(|decision| decision.reason);
        assert_eq!(reason, Some(Reason::Rejected(Rejection::MalformedToken)));
    }

    fn answer(&mut self, which: u8, answer: Answer) {
        if self.live.is_empty() {
            return;
        }
        let call = self.live.remove(usize::from(which) % self.live.len());
        self.ended.push(call.attempt);
        let (result, served) = answer.read(call.attempt);
        let at = self.now;
        match served {
            Served::Nothing => {}
            Served::Key(content) => drop(self.keys.insert(call.place, Held { content, at })),
            Served::Set(content) => drop(self.sets.insert(call.place, Held { content, at })),
        }
        self.plugin.handle_fetch_result(call.attempt, result, at);
    }

    /// A new configuration takes over; requests that wait under the old one are left to it.
    fn reconfigure(&mut self, setting: Setting) {
        let mut next = start(setting, self.now);
        next.take_over(&mut self.plugin);
        self.plugin.handle_end();
        self.drain_events();
        (self.plugin, self.setting) = (next, setting);
        self.waiting.clear();
        self.live.clear();
        self.ended.clear();
        self.calls_for_fresh.clear();
        self.pass(Duration::ZERO);
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        let now = self.now;
        let overdue = self.live.extract_if(.., |call| now >= call.end);
        self.ended.extend(overdue.map(|call| call.attempt));
        self.plugin.handle_timeout(now);
    }
}

fn chosen<T>(items: &[T], which: u8) -> Option<&T> {
    items.get(usize::from(which).checked_rem(items.len())?)
}
