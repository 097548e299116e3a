//! The Proxy-Wasm shell. It translates between Envoy and [`crate::plugin`] and decides nothing.
//!
//! Whose context acts matters: the SDK ties a dispatched call to the context whose callback runs, and a
//! call of a stream is lost when that stream ends. So calls are dispatched by the root's `on_tick`, which
//! a waiting stream asks for, and answered by the root, which acts for each stream by making it the
//! effective context (a reply under the wrong one is lost: envoyproxy/envoy #39797).

mod envoy_log;
mod hostcalls;
mod metrics;
mod root;
mod signature;
mod stream;
mod worker;

proxy_wasm::main! {{
    // A panic is our bug, never bad input, and takes the VM with it: say where, while we still can.
    std::panic::set_hook(Box::new(|info| {
        envoy_log::critical(&format!("alb_authn: panic: {info}"));
    }));
    envoy_log::init();
    proxy_wasm::set_root_context(|context_id| Box::new(root::Root::new(context_id)));
}}
