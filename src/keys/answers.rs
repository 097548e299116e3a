//! The answers to requests that waited, given in bounded batches.
//!
//! Envoy defers each `continue_stream` and `send_local_response` until the VM call is over, and then
//! carries them out nested in one another: a reply ends its stream, whose `proxy_on_delete` enters the
//! VM, which carries out the next deferred reply on its way out (proxy-wasm-cpp-host,
//! `DeferAfterCallActions`). About 260 of them overflow the VM's stack, and the VM is lost for every
//! request of the worker. So one callback of the host gives at most [`BATCH`] answers; the rest wait for
//! the next tick.

use std::collections::{BTreeMap, HashMap};

use super::{Answer, StreamId};
use crate::time::UnixTime;

/// How many requests one callback may answer. Envoy 1.36 to 1.40 stand 262 to 311.
pub(super) const BATCH: usize = 32;

/// Requests that no longer wait for a key and are not yet resumed, in the order of their answers.
#[derive(Default)]
pub(super) struct Answers {
    queue: BTreeMap<u64, Answered>,
    numbers: HashMap<StreamId, u64>,
    last_number: u64,
    bytes: usize,
    left_in_batch: usize,
}

struct Answered {
    stream: StreamId,
    answer: Answer,
    bytes: usize,
}

impl Answers {
    /// A new callback of the host begins: it may give one batch.
    pub(super) fn start_batch(&mut self) {
        self.left_in_batch = BATCH;
    }

    /// Queues an answer for a request that retains `bytes`.
    pub(super) fn push(&mut self, stream: StreamId, answer: Answer, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.last_number = self.last_number.wrapping_add(1);
        self.numbers.insert(stream, self.last_number);
        self.queue.insert(
            self.last_number,
            Answered {
                stream,
                answer,
                bytes,
            },
        );
    }

    /// The next answer of this batch.
    pub(super) fn pop(&mut self) -> Option<(StreamId, Answer)> {
        if self.left_in_batch == 0 {
            return None;
        }
        let stream = self.queue.first_key_value()?.1.stream;
        self.left_in_batch = self.left_in_batch.saturating_sub(1);
        Some((stream, self.remove(stream)?))
    }

    /// The request has gone, or is resumed.
    pub(super) fn remove(&mut self, stream: StreamId) -> Option<Answer> {
        let answered = self.queue.remove(&self.numbers.remove(&stream)?)?;
        self.bytes = self.bytes.saturating_sub(answered.bytes);
        Some(answered.answer)
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the next batch is due: at once, whatever the clock says, while answers are left.
    pub(super) fn next_time(&self) -> Option<UnixTime> {
        (!self.queue.is_empty()).then_some(UnixTime::from_millis(i64::MIN))
    }
}
