//! The memory of configurations that are replaced while old connections live on. All plugins with the same module share
//! one VM of 1 GiB per worker, and a VM that asks for more traps.

use std::fs;

use serde_json::{Value, json};
use wasm_tests::{Pending, Running, Scenario, USER, eventually};

/// The largest cache that a configuration may ask for.
const LARGEST_CACHE: u64 = 64 * 1024 * 1024;
/// Of a token's claim that nobody reads: the fewer tokens fill the cache, the faster.
const FILLER: usize = 48_000;

fn scenario(cache: u64) -> Running {
    Scenario::new()
        .config(json!({"maxTokenBytes": 65_536, "tokenCache": {"maxBytes": cache}}))
        .log_level("warning")
        // On a busy machine the updates take longer than Envoy's own limits for an upload that sends nothing.
        .connection_manager(json!({"stream_idle_timeout": "0s"}))
        .drain_seconds(3600)
        .reloadable()
        .start()
}

/// Different tokens that fill a cache, and a few more.
fn tokens_for_a_cache(s: &Running, cache: u64) -> Vec<String> {
    let token = |number: u64| {
        s.token_builder()
            .expiring_at(4_000_000_000)
            .claim("filler", "x".repeat(FILLER))
            .claim("number", number)
            .sign()
    };
    let length: u64 = token(0).len().try_into().unwrap_or(u64::MAX);
    (0..cache / length + 20).map(token).collect()
}

/// A request whose body never ends: it holds its configuration, as a WebSocket does.
#[track_caller]
fn endless_upload(s: &Running) -> Pending {
    let post = s.request("POST", "/endless").token(&s.token());
    let before = s.metric("requests.ok");
    let pending = post.header("content-length", "1000").start();
    s.await_metric("requests.ok", before + 1);
    pending
}

/// Replaces the configuration, and awaits that the new one judges.
#[track_caller]
fn update(s: &mut Running, number: usize) {
    let header = format!("x-user-{number}");
    let mapping: Value = json!([
        {"header": "kubeflow-userid", "claim": "email"},
        {"header": header, "claim": "email"},
    ]);
    assert!(s.reload(json!({"outputClaimToHeaders": mapping})));
    eventually("the new configuration judges", || {
        let echo = s.get("/").last().token(&s.token()).send().try_echo()?;
        echo.has(&header).then_some(())
    });
}

#[track_caller]
fn fill_cache(s: &Running, tokens: &[String]) {
    let mut connection = s.get("/").connect();
    for token in tokens {
        let echo = connection.send(&s.get("/").token(token)).echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER]);
    }
}

/// Envoy's memory after each of `updates` and with its cache full, bytes.
fn memory_over(s: &mut Running, cache: u64, updates: usize) -> Vec<u64> {
    let tokens = tokens_for_a_cache(s, cache);
    let mut uploads = Vec::new();
    let mut memory = Vec::new();
    for number in 0..updates {
        update(s, number);
        fill_cache(s, &tokens);
        uploads.push(endless_upload(s));
        memory.push(resident_bytes(s.process_id()));
    }
    for upload in &mut uploads {
        assert!(!upload.is_answered(), "an upload ended early");
    }
    memory
}

fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<u64> = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    kib.unwrap_or_default() * 1024
}

#[test]
fn the_cache_of_a_replaced_configuration_is_emptied_though_its_connections_live_on() {
    let cache = LARGEST_CACHE / 2;
    let mut s = scenario(cache);
    let memory = memory_over(&mut s, cache, 3);
    let grown = memory[2].saturating_sub(memory[0]);
    assert!(grown < cache, "two updates took {grown} bytes: {memory:?}");
    s.assert_alive();
}

/// What a day of updates does to a gateway with long-lived connections; `make test-slow` runs it.
#[test]
#[ignore = "takes over a minute"]
fn sixteen_updates_with_the_largest_caches_fit_into_the_vm() {
    let mut s = scenario(LARGEST_CACHE);
    let memory = memory_over(&mut s, LARGEST_CACHE, 17);
    assert!(memory[16] < memory[0] + 2 * LARGEST_CACHE, "{memory:?}");
    s.assert_alive();
}
