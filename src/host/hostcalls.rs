//! Each host call once, with every status as a value.
//!
//! The SDK's own wrappers panic on a status that they do not list, and a panic is an outage; its string
//! getters trap on bytes that are no UTF-8. So the Proxy-Wasm ABI 0.2.1 is bound here again, with fallible
//! forms only.
//!
//! What still goes through the SDK is the calls to the key endpoint, for its dispatcher must know of a call to route
//! the answer. It would panic in these cases (what Envoy does: source/extensions/common/wasm/context.cc):
//! - `dispatch_http_call` on a status that it does not list, or a token that it has already. `httpCall` returns the
//!   listed ones only, and counts its tokens up.
//! - `on_http_call_response` on a token that it does not know (`expect("invalid token_id")`). `onHttpCallSuccess` and
//!   `onHttpCallFailure` answer those that `httpCall` gave with Ok, each once.
//! - `on_http_call_response` if `set_effective_context` fails (`unwrap`). It does for a context that is gone, and
//!   this one is the root that Envoy is calling.
//!
//! All `unsafe` of the crate is in this file. Pointers given to the host live across the call; what the
//! host gives back was allocated by the SDK's `proxy_on_memory_allocate`, as a boxed slice of that size.
#![expect(unsafe_code, reason = "the only file that calls the host")]

use std::ptr::null_mut;
use std::time::Duration;

use proxy_wasm::hostcalls as sdk;
use proxy_wasm::types::Status;

use crate::keys::FetchFailure;
use crate::plugin::FetchOrder;
use crate::reply::Reply;
use crate::time::UnixTime;
use crate::wire;

/// A status other than Ok.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostError;

pub(super) type Result<T> = std::result::Result<T, HostError>;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_set_effective_context(context_id: u32) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, change: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

unsafe extern "C" {
    /// The SDK's callback, which this module overrides.
    fn proxy_on_request_headers(context_id: u32, headers: usize, end_of_stream: bool) -> u32;
}

/// Envoy calls this in place of `proxy_on_request_headers` (tools/keep-exports). The SDK can say "pause" only, which
/// Envoy reads in two ways: with `allow_on_headers_stop_iteration` (Envoy 1.35) the body of a paused request is
/// buffered, and a large upload that waits for its key gets a 413. `StopAllIterationAndWatermark` stops the sender
/// instead, whatever the option says (proxy-wasm-cpp-host, `convertVmCallResultToFilterHeadersStatus`).
#[unsafe(no_mangle)]
extern "C" fn override_proxy_on_request_headers(
    context_id: u32,
    headers: usize,
    end_of_stream: bool,
) -> u32 {
    const PAUSE: u32 = 1;
    const STOP_ALL_ITERATION_AND_WATERMARK: u32 = 4;
    // SAFETY: the arguments are Envoy's own.
    match unsafe { proxy_on_request_headers(context_id, headers, end_of_stream) } {
        PAUSE => STOP_ALL_ITERATION_AND_WATERMARK,
        other => other,
    }
}

fn check(status: u32) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(HostError) }
}

/// Runs a call that returns bytes, and takes them over.
fn receive(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0_usize);
    check(call(&raw mut data, &raw mut size))?;
    if data.is_null() || size == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the host filled a block that `proxy_on_memory_allocate` gave it with exactly this size,
    // and gives it to us: nothing else frees it.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Writes a line to Envoy's log: 0 is trace, 5 critical. There is nothing to do if it fails.
pub(super) fn log(level: u32, text: &str) {
    // SAFETY: the text lives across the call.
    unsafe { proxy_log(level, text.as_ptr(), text.len()) };
}

/// The wall clock. If the host has none, it is the end of time: every token has expired.
pub(super) fn now() -> UnixTime {
    let mut nanoseconds = 0_u64;
    // SAFETY: the host writes one u64.
    let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
    match (check(status), i64::try_from(nanoseconds / 1_000_000)) {
        (Ok(()), Ok(milliseconds)) => UnixTime::from_millis(milliseconds),
        _ => UnixTime::from_millis(i64::MAX),
    }
}

/// Asks for `on_tick` of the effective root context; a zero period ends it.
pub(super) fn set_tick_period(period: Duration) -> Result<()> {
    let milliseconds = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: no pointers.
    check(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

/// Which bytes.
#[derive(Clone, Copy)]
pub(super) enum Buffer {
    CallResponseBody,
    PluginConfiguration,
}

/// The first `max_size` bytes of a buffer.
pub(super) fn buffer(buffer: Buffer, max_size: usize) -> Result<Vec<u8>> {
    let buffer = match buffer {
        Buffer::CallResponseBody => 4,
        Buffer::PluginConfiguration => 7,
    };
    // SAFETY: the host writes one pointer and one size.
    receive(|data, size| unsafe { proxy_get_buffer_bytes(buffer, 0, max_size, data, size) })
}

/// Which headers.
#[derive(Clone, Copy)]
pub(super) enum Map {
    RequestHeaders,
    RequestTrailers,
    CallResponseHeaders,
}

impl Map {
    const fn number(self) -> u32 {
        match self {
            Self::RequestHeaders => 0,
            Self::RequestTrailers => 1,
            Self::CallResponseHeaders => 6,
        }
    }
}

/// All headers of a map as the host wrote them: read them with [`crate::wire::header_pairs`].
pub(super) fn headers(map: Map) -> Result<Vec<u8>> {
    // SAFETY: the host writes one pointer and one size.
    receive(|data, size| unsafe { proxy_get_header_map_pairs(map.number(), data, size) })
}

/// The first header of this name; an error also if there is none.
pub(super) fn header(map: Map, name: &str) -> Result<Vec<u8>> {
    // SAFETY: the name lives across the call; the host writes one pointer and one size.
    receive(|data, size| unsafe {
        proxy_get_header_map_value(map.number(), name.as_ptr(), name.len(), data, size)
    })
}

/// Removes every header of this name.
pub(super) fn remove_header(map: Map, name: &[u8]) -> Result<()> {
    // SAFETY: the name lives across the call.
    check(unsafe { proxy_remove_header_map_value(map.number(), name.as_ptr(), name.len()) })
}

/// Makes this the only request header of its name.
pub(super) fn set_request_header(name: &str, value: &[u8]) -> Result<()> {
    let map = Map::RequestHeaders.number();
    // SAFETY: name and value live across the call.
    check(unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Adds a request header next to others of its name.
pub(super) fn append_request_header(name: &str, value: &[u8]) -> Result<()> {
    let map = Map::RequestHeaders.number();
    // SAFETY: name and value live across the call.
    check(unsafe {
        proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// A property of Envoy, such as `plugin_root_id`.
pub(super) fn property(name: &str) -> Result<Vec<u8>> {
    // SAFETY: the name lives across the call; the host writes one pointer and one size.
    receive(|data, size| unsafe { proxy_get_property(name.as_ptr(), name.len(), data, size) })
}

/// Sets the effective stream's filter state `wasm.NAME`, for access logs.
pub(super) fn set_filter_state(name: &str, value: &str) -> Result<()> {
    // SAFETY: name and value live across the call.
    check(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Lets the effective stream's request go on.
pub(super) fn resume_request() -> Result<()> {
    const REQUEST: u32 = 0;
    // SAFETY: no pointers.
    check(unsafe { proxy_continue_stream(REQUEST) })
}

/// Answers the effective stream's request. Once, and last; `details` shows as
/// `%RESPONSE_CODE_DETAILS%`. Envoy makes the gRPC form of it if the request is gRPC.
pub(super) fn send_reply(reply: &Reply, details: &str) -> Result<()> {
    const NO_GRPC_STATUS: i32 = -1;
    let headers = wire::header_bytes(&reply.headers);
    // SAFETY: all texts live across the call.
    check(unsafe {
        proxy_send_local_response(
            u32::from(reply.status),
            details.as_ptr(),
            details.len(),
            reply.body.as_ptr(),
            reply.body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Calls a key endpoint; only from a callback of the root. The token comes back with the answer. If
/// the call fails while it is dispatched, there is no other answer.
pub(super) fn dispatch(
    order: &FetchOrder,
    timeout: Duration,
) -> std::result::Result<u32, FetchFailure> {
    let headers = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", order.authority.as_str()),
        (":path", order.path.as_str()),
        ("accept", "*/*"),
    ];
    sdk::dispatch_http_call(&order.cluster, headers, None, Vec::new(), timeout).map_err(|status| {
        match status {
            Status::BadArgument => FetchFailure::NotDispatched,
            _ => FetchFailure::EndedAtOnce,
        }
    })
}

/// Makes another context the one that the next calls are about.
pub(super) fn set_effective_context(context_id: u32) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { proxy_set_effective_context(context_id) })
}

/// Calls one of Envoy's foreign functions; an error also if this Envoy has none of this name.
pub(super) fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>> {
    // SAFETY: all texts live across the call; the host writes one pointer and one size.
    receive(|data, size| unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            data,
            size,
        )
    })
}

/// What a metric does.
#[derive(Clone, Copy)]
pub(super) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// Defines a metric; the same name gives the same metric in every VM of the process.
pub(super) fn define_metric(kind: MetricKind, name: &str) -> Result<u32> {
    let kind = match kind {
        MetricKind::Counter => 0,
        MetricKind::Gauge => 1,
        MetricKind::Histogram => 2,
    };
    let mut id = 0;
    // SAFETY: the name lives across the call; the host writes one u32.
    check(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds to a counter or gauge.
pub(super) fn increment_metric(id: u32, change: i64) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { proxy_increment_metric(id, change) })
}

/// Records a sample of a histogram.
pub(super) fn record_metric(id: u32, value: u64) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { proxy_record_metric(id, value) })
}
