//! What a filter in Rust costs at least: it makes the host calls that its configuration lists, for each
//! request and in that order, and does nothing else. An empty list is the filter that does nothing.
//!
//! The list is names with spaces between them, those of [`Call::parse`]. The runner reads off Envoy's
//! trace which calls alb-authn makes for a repeated token, and gives this filter the same list.

use std::ptr::null_mut;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType, MetricType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { calls: Rc::new([]) }));
}}

const TOKEN: &str = "x-amzn-oidc-data";
const USER: &str = "kubeflow-userid";
const ALICE: &str = "alice@example.com";

/// The arguments of `verify_signature` (Envoy, api `ext/verify_signature.proto`) for a good signature: the key, the
/// text and the signature of RFC 7515 appendix A.3.
const GOOD_SIGNATURE: &[u8] = include_bytes!("verify_signature.bin");

/// A host call, with arguments of the sizes that alb-authn gives.
#[derive(Clone, Copy)]
enum Call {
    Time,
    Pairs,
    DecodedPairs,
    Value,
    Remove,
    Set,
    Add,
    Property(&'static str),
    ClearRoute,
    Verify,
    Count(u32),
}

impl Call {
    /// Each property is set once: to set one again is another, cheaper thing for Envoy.
    fn parse(name: &str, properties: &mut impl Iterator<Item = &'static str>) -> Option<Self> {
        Some(match name {
            "proxy_get_current_time_nanoseconds" => Self::Time,
            "proxy_get_header_map_pairs" => Self::Pairs,
            "sdk_get_header_map_pairs" => Self::DecodedPairs,
            "proxy_get_header_map_value" => Self::Value,
            "proxy_remove_header_map_value" => Self::Remove,
            "proxy_replace_header_map_value" => Self::Set,
            "proxy_add_header_map_value" => Self::Add,
            "proxy_set_property" => Self::Property(properties.next()?),
            "proxy_call_foreign_function" => Self::ClearRoute,
            "verify_signature" => Self::Verify,
            "proxy_increment_metric" => {
                Self::Count(hostcalls::define_metric(MetricType::Counter, "bench.requests").ok()?)
            }
            _ => return None,
        })
    }

    /// What a call returns is dropped: its cost is what is wanted.
    fn make(self) {
        let map = MapType::HttpRequestHeaders;
        match self {
            Self::Time => drop(hostcalls::get_current_time()),
            Self::Pairs => drop(undecoded_pairs()),
            Self::DecodedPairs => drop(hostcalls::get_map_bytes(map)),
            Self::Value => drop(hostcalls::get_map_value_bytes(map, TOKEN)),
            Self::Remove => _ = hostcalls::remove_map_value(map, TOKEN),
            Self::Set => _ = hostcalls::set_map_value(map, USER, Some(ALICE)),
            Self::Add => _ = hostcalls::add_map_value(map, USER, ALICE),
            Self::Property(name) => {
                _ = hostcalls::set_property(vec![name], Some(ALICE.as_bytes()));
            }
            Self::ClearRoute => drop(hostcalls::call_foreign_function("clear_route_cache", None)),
            Self::Verify => {
                drop(hostcalls::call_foreign_function(
                    "verify_signature",
                    Some(GOOD_SIGNATURE),
                ));
            }
            Self::Count(id) => _ = hostcalls::increment_metric(id, 1),
        }
    }
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
}

/// The call alone. The SDK's own form makes a text of each header, which is no host call.
fn undecoded_pairs() -> Vec<u8> {
    const REQUEST_HEADERS: u32 = 0;
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host fills a block that the SDK's `proxy_on_memory_allocate` gave it with exactly this
    // size, and nobody else frees it.
    unsafe {
        proxy_get_header_map_pairs(REQUEST_HEADERS, &raw mut data, &raw mut size);
        if data.is_null() {
            return Vec::new();
        }
        Vec::from_raw_parts(data, size, size)
    }
}

struct Root {
    calls: Rc<[Call]>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let list = self.get_plugin_configuration().unwrap_or_default();
        let list = String::from_utf8_lossy(&list);
        let mut properties = ["alb_authn.reason", "alb_authn.user"].into_iter();
        let calls: Option<Rc<[Call]>> = list
            .split_whitespace()
            .map(|name| Call::parse(name, &mut properties))
            .collect();
        calls.map(|calls| self.calls = calls).is_some()
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            calls: Rc::clone(&self.calls),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream {
    calls: Rc<[Call]>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        for call in self.calls.iter() {
            call.make();
        }
        Action::Continue
    }
}
