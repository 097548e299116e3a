//! What an onlooker sees of the plugin, and what must be true of it.

use std::time::Duration;

use alb_authn::header_plan::HeaderEdit;
use alb_authn::keys::{FetchFailure, StreamId};
use alb_authn::reason::{Reason, Rejection};
use alb_authn::report::{AccessTokenOutcome, Counter, Event, Gauge};
use alb_authn::request::{Decision, Effect};
use alb_authn::time::UnixTime;

use super::scene::{
    AccessToken, FETCH_TIMEOUT, MAX_STALE, Place, REFRESH, UserToken, place_of_set,
};
use super::{Call, Request, World};

impl World {
    /// As the shell does: what is due at once is done at once.
    pub(super) fn drain(&mut self) {
        self.drain_once();
        for _ in 0..4 {
            if self.plugin.poll_wakeup().is_some_and(|due| due <= self.now) {
                self.plugin.handle_timeout(self.now);
                self.drain_once();
            }
        }
    }

    fn drain_once(&mut self) {
        while let Some(order) = self.plugin.poll_fetch(self.now) {
            let place = (order.authority, order.path);
            self.check_call(&place);
            if self.is_cut {
                let failure = FetchFailure::NotDispatched;
                self.plugin
                    .handle_dispatch_failure(order.attempt, failure, self.now);
                self.ended.push(order.attempt);
                continue;
            }
            let patience = FETCH_TIMEOUT + Duration::from_millis(250);
            let end = self.now.plus(patience);
            let attempt = order.attempt;
            self.live.push(Call {
                attempt,
                place,
                end,
            });
        }
        while let Some((stream, decision)) = self.plugin.poll_decision(self.now) {
            let request = self.waiting.remove(&stream);
            let request = request.expect("decided twice, or never asked");
            self.check_decision(&request, &decision);
        }
        let streams: Vec<StreamId> = self.waiting.keys().copied().collect();
        for stream in streams {
            let is_verified = self.is_verified_now(&self.waiting[&stream].user);
            if let Some(request) = self.waiting.get_mut(&stream) {
                request.is_verified |= is_verified;
            }
        }
        self.drain_events();
    }

    /// One call for a key or a set at a time; for a fresh set, in which only a key id can be missing, two in 30 s.
    fn check_call(&mut self, place: &Place) {
        let is_under_way = self.live.iter().any(|call| call.place == *place);
        assert!(!is_under_way, "two fetches at a time");
        let now = self.now;
        let set = self.sets.get(place);
        if set.is_some_and(|set| set.is_younger_than(REFRESH, now)) {
            let calls = self.calls_for_fresh.entry(place.clone()).or_default();
            calls.push(now);
            if let [.., first, _, _] = calls[..] {
                assert!(
                    now.since(first) >= Duration::from_secs(30),
                    "a flood of fetches"
                );
            }
        }
    }

    pub(super) fn drain_events(&mut self) {
        while let Some(event) = self.plugin.poll_event() {
            match event {
                Event::Move(gauge, change) => *self.gauges.entry(gauge).or_default() += change,
                Event::Count(Counter::AccessToken(AccessTokenOutcome::Ok)) => {
                    self.counted_as_good += 1
                }
                Event::Log(_, line) => {
                    let secrets = ["user-", "sub-", "group-", "admin"];
                    let is_leak = secrets.iter().any(|secret| line.contains(secret));
                    assert!(!is_leak, "a claim: {line}");
                }
                Event::Count(_) | Event::CountMany(..) | Event::KeyFetchMs(_) => {}
            }
        }
    }

    fn is_key_held(&self, user: &UserToken) -> bool {
        let held = self.keys.get(&user.key);
        held.is_some_and(|held| held.is_younger_than(MAX_STALE, self.now))
    }

    pub(super) fn is_verified_now(&self, user: &UserToken) -> bool {
        let held = self.keys.get(&user.key);
        self.is_key_held(user) && held.map(|held| held.content) == user.signed_by
    }

    /// The access token if it holds for this request now.
    fn held_access<'r>(&self, request: &'r Request) -> Option<&'r AccessToken> {
        let access = request.access.as_ref()?;
        let person = request.user.person;
        let place = place_of_set(self.setting.set_of(person.issuer())?);
        let set = self.sets.get(&place)?;
        let holds = set.is_younger_than(MAX_STALE, self.now)
            && access.is_bound(person, &set.content)
            && access.is_alive(self.now);
        holds.then_some(access)
    }

    pub(super) fn check_decision(&mut self, request: &Request, decision: &Decision) {
        let user = &request.user;
        let is_alive = user.is_alive(self.now);
        let is_signed = request.is_verified || self.is_verified_now(user);
        let access = self.held_access(request);
        let is_required = self.setting.is_required(user.person.issuer());
        match (decision.reason, &decision.effect) {
            (Reason::Ok, Effect::Forward { plan, user: name }) => {
                assert!(is_alive && is_signed, "accepted: {user:?}");
                assert_eq!(name.as_ref(), Some(&user.person.email()));
                assert!(access.is_some() || !is_required, "groups are required");
                check_edits(plan.edits(), request, access, self.now);
                self.with_groups += u64::from(access.is_some());
            }
            (Reason::Rejected(rejection), Effect::Respond(_)) => {
                let is_users_own_fault = match rejection {
                    Rejection::TokenExpired => !is_alive,
                    Rejection::InvalidSignature => !is_signed,
                    Rejection::KeyUnavailable | Rejection::Overloaded => {
                        !request.is_verified && !self.is_key_held(user)
                    }
                    _ => false,
                };
                let is_for_access = match rejection {
                    Rejection::MissingAccessToken => request.copies.concat().is_empty(),
                    Rejection::AccessTokenExpired => {
                        let access = request.access.as_ref();
                        access.is_some_and(|access| !access.is_alive(self.now))
                    }
                    Rejection::InvalidAccessToken => !request.copies.concat().is_empty(),
                    Rejection::KeyUnavailable | Rejection::Overloaded => true,
                    _ => false,
                };
                let is_right =
                    is_users_own_fault || is_required && access.is_none() && is_for_access;
                assert!(is_right, "{rejection}: {user:?} {:?}", request.access);
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn check(&self) {
        let gauge = |gauge| self.gauges.get(&gauge).copied().unwrap_or(0);
        assert_eq!(
            gauge(Gauge::WaitingRequests),
            i64::try_from(self.waiting.len()).unwrap_or(-1)
        );
        assert!(
            (0..=2).contains(&gauge(Gauge::Keys)),
            "a set counts as a key"
        );
        assert_eq!(self.counted_as_good, self.with_groups);
        assert!(self.waiting.is_empty() || self.plugin.poll_wakeup().is_some());
        self.waiting
            .values()
            .for_each(|request| self.check_wait(request));
    }

    /// Who waits for a key set waits for a call, or for its one repetition 100 ms after the first.
    fn check_wait(&self, request: &Request) {
        let set = self.setting.set_of(request.user.person.issuer());
        if let Some(set) = set.filter(|_| request.is_verified) {
            let place = place_of_set(set);
            let is_called = self.live.iter().any(|call| call.place == place);
            let soon = self.now.plus(Duration::from_millis(100));
            let is_due = self.plugin.poll_wakeup().is_some_and(|due| due <= soon);
            assert!(is_called || is_due, "nothing is done about {set}");
        }
    }
}

/// The groups, all of them and no others; the access token stays only if what is behind the filter may believe it.
fn check_edits(
    edits: &[HeaderEdit],
    request: &Request,
    access: Option<&AccessToken>,
    now: UnixTime,
) {
    let values = |name: &str| -> Vec<String> {
        let values = edits.iter().filter_map(|edit| match edit {
            HeaderEdit::Set(own, value) | HeaderEdit::Append(own, value) if own == name => {
                Some(String::from_utf8_lossy(value).into_owned())
            }
            _ => None,
        });
        values.collect()
    };
    let removes = |name: &[u8]| edits.contains(&HeaderEdit::Remove(name.to_vec()));
    assert_eq!(values("kubeflow-userid"), [request.user.person.email()]);
    let groups: Vec<&str> = access.iter().map(|access| access.groups.as_str()).collect();
    assert_eq!(values("kubeflow-groups"), groups);
    assert!(removes(b"kubeflow_groups") && removes(b"x-amzn-oidc-data"));
    let stays = access.is_some_and(|access| now < access.exp);
    let is_there = !request.copies.is_empty();
    assert_eq!(removes(b"x-amzn-oidc-accesstoken"), is_there && !stays);
}
