//! The HTTP context: one for each request.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::hostcalls::{HostError, Result};
use super::worker::{self, Next, SharedWorker, Worker};
use crate::keys::StreamId;

/// See the module.
pub(super) struct Stream {
    id: StreamId,
    worker: Option<SharedWorker>,
}

impl Stream {
    pub(super) fn new(context_id: u32, worker: Option<SharedWorker>) -> Self {
        Self {
            id: StreamId(context_id),
            worker,
        }
    }

    /// Fails if there is no configuration, or the worker is in use: then nothing is let through.
    fn with_worker<T>(&self, act: impl FnOnce(&mut Worker) -> Result<T>) -> Result<T> {
        let worker = self.worker.as_ref().ok_or(HostError)?;
        act(&mut *worker.try_borrow_mut().map_err(|_| HostError)?)
    }

    fn hold_while_waiting(&self, is_waiting: impl FnOnce(&mut Worker) -> Result<bool>) -> Action {
        match self.with_worker(is_waiting) {
            Ok(false) => Action::Continue,
            Ok(true) => Action::Pause,
            Err(_) => {
                worker::refuse();
                Action::Pause
            }
        }
    }
}

impl Context for Stream {}

/// Envoy deletes the context when the request is over, however it ended.
impl Drop for Stream {
    fn drop(&mut self) {
        let id = self.id;
        // Without a worker nothing waits.
        let _ = self.with_worker(|worker| {
            worker.on_stream_end(id);
            Ok(())
        });
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let id = self.id;
        match self.with_worker(|worker| worker.on_request_headers(id)) {
            Ok(Next::Continue) => Action::Continue,
            Ok(Next::Pause) => Action::Pause,
            Err(_) => {
                worker::refuse();
                Action::Pause
            }
        }
    }

    /// Envoy hands on no body of a request that is paused at its headers. Should it do so all the same, then to
    /// let the body go on would let the request go on, unjudged and with all that the client claims to be.
    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        let id = self.id;
        self.hold_while_waiting(|worker| Ok(worker.is_waiting(id)))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let id = self.id;
        self.hold_while_waiting(|worker| {
            worker.on_request_trailers()?;
            Ok(worker.is_waiting(id))
        })
    }
}
