//! What the root context and its streams share: the plugin, the calls under way, the timer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::hostcalls::{self, Buffer, HostError, Map, Result};
use super::metrics;
use crate::header_plan::{HeaderEdit, HeaderPlan};
use crate::headers::Headers;
use crate::keys::{AttemptId, StreamId};
use crate::plugin::Plugin;
use crate::reason::Reason;
use crate::reply::Reply;
use crate::report::{Event, Level};
use crate::request::{Decision, Effect};
use crate::time::UnixTime;
use crate::timer::Timer;
use crate::wire;

/// Shared within one VM, which has one thread. A borrow never outlasts a callback, and Envoy calls back
/// only after the VM has returned (resumes and replies are deferred), so borrows don't meet.
pub(super) type SharedWorker = Rc<RefCell<Worker>>;

/// One plugin of one worker, and what ties it to Envoy.
pub(super) struct Worker {
    plugin: Plugin,
    root_id: u32,
    /// The calls under way, by the SDK's token; as few as there are slots and refreshes. A call that Envoy
    /// accepted ends with an answer or without headers (source/extensions/common/wasm/context.cc,
    /// `onHttpCallSuccess`, `onHttpCallFailure`). Should one never end, its entry stays, as it does in Envoy and
    /// the SDK; the key store has given the attempt up by then.
    calls: Vec<(u32, AttemptId)>,
    timer: Timer,
}

/// What a stream's callback must do next.
pub(super) enum Next {
    Continue,
    Pause,
}

impl Worker {
    pub(super) fn new(plugin: Plugin, root_id: u32) -> Self {
        Self {
            plugin,
            root_id,
            calls: Vec::new(),
            timer: Timer::default(),
        }
    }

    pub(super) fn plugin_mut(&mut self) -> &mut Plugin {
        &mut self.plugin
    }

    /// The headers of the stream whose callback runs have arrived.
    pub(super) fn on_request_headers(&mut self, stream: StreamId) -> Result<Next> {
        let now = hostcalls::now();
        let bytes = hostcalls::headers(Map::RequestHeaders)?;
        let pairs = wire::header_pairs(&bytes).ok_or(HostError)?;
        let decision = self
            .plugin
            .handle_request_headers(stream, &Headers::new(&pairs), now);
        self.emit_events();
        self.tick_for(stream, decision.is_none(), now)?;
        match decision {
            None => Ok(Next::Pause),
            Some(decision) => carry_out(&decision),
        }
    }

    /// Asks the root for a tick if there is something to dispatch: a stream must not dispatch, its
    /// calls would end with it.
    fn tick_for(&mut self, stream: StreamId, is_waiting: bool, now: UnixTime) -> Result<()> {
        let due = if is_waiting {
            Some(now)
        } else {
            self.plugin.poll_wakeup()
        };
        let Some(period) = self.timer.hasten(due, now) else {
            return Ok(());
        };
        hostcalls::set_effective_context(self.root_id)?;
        let asked = hostcalls::set_tick_period(period);
        hostcalls::set_effective_context(stream.0)?;
        asked
    }

    /// The trailers of the stream whose callback runs have arrived.
    pub(super) fn on_request_trailers(&self) -> Result<()> {
        let bytes = hostcalls::headers(Map::RequestTrailers)?;
        let pairs = wire::header_pairs(&bytes).ok_or(HostError)?;
        for name in self.plugin.stripped_trailers(&Headers::new(&pairs)) {
            hostcalls::remove_header(Map::RequestTrailers, &name)?;
        }
        Ok(())
    }

    pub(super) fn is_waiting(&self, stream: StreamId) -> bool {
        self.plugin.is_waiting(stream)
    }

    pub(super) fn on_stream_end(&mut self, stream: StreamId) {
        self.plugin.handle_stream_end(stream);
        self.emit_events();
    }

    /// Runs in a callback of the root.
    pub(super) fn on_start(&mut self) {
        self.settle(hostcalls::now());
    }

    /// Runs in a callback of the root.
    pub(super) fn on_tick(&mut self) {
        let now = hostcalls::now();
        self.timer.handle_tick();
        self.plugin.handle_timeout(now);
        self.settle(now);
    }

    /// Runs in a callback of the root. No headers: the call ended without an answer.
    pub(super) fn on_call_response(&mut self, token: u32, headers: usize, body_size: usize) {
        let Some(index) = self.calls.iter().position(|(known, _)| *known == token) else {
            return;
        };
        let (_, attempt) = self.calls.swap_remove(index);
        let status = if headers > 0 { call_status() } else { None };
        // One byte more than the limit, so that a longer body is seen to be longer.
        let max_size = body_size.min(attempt.max_body_bytes().saturating_add(1));
        let body = hostcalls::buffer(Buffer::CallResponseBody, max_size).unwrap_or_default();
        let now = hostcalls::now();
        self.plugin
            .handle_fetch_result(attempt, attempt.read(status, &body), now);
        self.settle(now);
    }

    /// Runs in a callback of the root: the configuration ends.
    pub(super) fn on_end(&mut self) {
        self.plugin.handle_end();
        self.emit_events();
        // Envoy's timer outlives the context that asked for it.
        let _ = hostcalls::set_tick_period(Duration::ZERO);
    }

    /// Drains the plugin: dispatches, carries out, counts and logs, and asks for the next tick.
    fn settle(&mut self, now: UnixTime) {
        while let Some(order) = self.plugin.poll_fetch(now) {
            let timeout = self.plugin.config().public_keys.fetch_timeout;
            match hostcalls::dispatch(&order, timeout) {
                Ok(token) => {
                    self.calls.push((token, order.attempt));
                }
                Err(failure) => self
                    .plugin
                    .handle_dispatch_failure(order.attempt, failure, now),
            }
        }
        while let Some((stream, decision)) = self.plugin.poll_decision(now) {
            resume(stream, &decision);
        }
        // The next calls are the root's again.
        let _ = hostcalls::set_effective_context(self.root_id);
        self.emit_events();
        if let Some(period) = self.timer.set_for(self.plugin.poll_wakeup(), now) {
            // Nothing can be done if Envoy refuses; the next callback asks again.
            let _ = hostcalls::set_tick_period(period);
        }
    }

    fn emit_events(&mut self) {
        while let Some(event) = self.plugin.poll_event() {
            match event {
                Event::Count(counter) => metrics::count(counter, 1),
                Event::CountMany(counter, number) => metrics::count(counter, number),
                Event::Move(gauge, change) => metrics::move_gauge(gauge, change),
                Event::KeyFetchMs(milliseconds) => metrics::record_key_fetch(milliseconds),
                Event::Log(Level::Info, line) => log::info!("{line}"),
                Event::Log(Level::Warn, line) => log::warn!("{line}"),
            }
        }
    }
}

fn call_status() -> Option<u16> {
    let status = hostcalls::header(Map::CallResponseHeaders, ":status").ok()?;
    std::str::from_utf8(&status).ok()?.parse().ok()
}

/// Acts for a waiting stream from the root's callback.
fn resume(stream: StreamId, decision: &Decision) {
    if hostcalls::set_effective_context(stream.0).is_err() {
        // The stream is gone: no response is needed.
        return;
    }
    match carry_out(decision) {
        Ok(Next::Pause) => {}
        Ok(Next::Continue) => {
            let _ = hostcalls::resume_request();
        }
        Err(_) => refuse(),
    }
}

/// Carries out a decision on the effective stream.
fn carry_out(decision: &Decision) -> Result<Next> {
    note(decision);
    match &decision.effect {
        Effect::Forward { plan, .. } => {
            apply(plan)?;
            Ok(Next::Continue)
        }
        Effect::Respond(reply) => {
            hostcalls::send_reply(reply, &details(decision.reason))?;
            Ok(Next::Pause)
        }
    }
}

fn details(reason: Reason) -> String {
    format!("alb_authn_{}", reason.name())
}

/// Leaves reason and user in the filter state. An access log that lacks them is no reason to refuse.
fn note(decision: &Decision) {
    let _ = hostcalls::set_filter_state("alb_authn.reason", decision.reason.name());
    if let Effect::Forward {
        user: Some(user), ..
    } = &decision.effect
    {
        let _ = hostcalls::set_filter_state("alb_authn.user", user);
    }
}

fn apply(plan: &HeaderPlan) -> Result<()> {
    for edit in plan.edits() {
        match edit {
            HeaderEdit::Remove(name) => hostcalls::remove_header(Map::RequestHeaders, name)?,
            HeaderEdit::Set(name, value) => hostcalls::set_request_header(name, value)?,
            HeaderEdit::Append(name, value) => hostcalls::append_request_header(name, value)?,
        }
    }
    if !plan.edits().is_empty() {
        // A route that a spoofed header chose must be chosen again. Envoys without the function do so by
        // themselves when headers change.
        let _ = hostcalls::call_foreign_function("clear_route_cache", &[]);
    }
    Ok(())
}

/// When the host fails us in the middle of a request, nothing is known about it: it ends here.
pub(super) fn refuse() {
    let _ = hostcalls::send_reply(&Reply::internal_error(), "alb_authn_internal_error");
}
