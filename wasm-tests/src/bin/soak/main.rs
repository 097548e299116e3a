//! `soak SECONDS`: full load on two workers with a mix of requests; each answer is compared with the one
//! that it must be, and a burst every five seconds: a thousand requests that one event decides. Then a key
//! endpoint that hangs and returns, and two floods: distinct key ids, and distinct valid tokens.
//!
//! It fails on a wrong verdict, a missing answer, a trap, or memory that grows. It prints a table of Envoy's
//! memory and the figures of the whole run.

mod bursts;
mod load;
mod memory;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use alb_fixtures::mint::KeyPair;
use bursts::{Bursts, DIRECT, DIRECT_STATUS};
use load::{Kind, Mix, Tally};
use memory::Memory;
use serde_json::json;
use wasm_tests::{Answer, Running, Scenario};

/// Connections at a time, each of a thread of its own.
const CLIENTS: usize = 16;
/// Distinct key ids, and distinct valid tokens, in the floods.
const FLOOD: usize = 50_000;
/// Requests with distinct key ids that wait at a time: first fetches are few, so most wait for as long as they may.
const CROWD: usize = 5_000;
const MAX_WAITING_REQUESTS: usize = 16_384;
const HANGS: usize = 3;
const MAX_KEYS: u64 = 64;
const WORKERS: u32 = 2;
/// Keys that are served late: more than are kept, so that some request waits at any time.
const LATE_KEYS: usize = 200;
const LATE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let Some(seconds) = seconds else {
        eprintln!("usage: soak SECONDS");
        return ExitCode::from(2);
    };
    let s = Scenario::new()
        .workers(WORKERS)
        .log_level("warning")
        .config(json!({
            "publicKeys": {"maxKeys": MAX_KEYS, "maxWaitingRequests": MAX_WAITING_REQUESTS},
        }))
        .route(json!({"match": {"path": DIRECT}, "direct_response": {"status": DIRECT_STATUS}}))
        .connection_manager(json!({"http2_protocol_options": {"max_concurrent_streams": 2_000}}))
        .start();
    let mut memory = Memory::of(s.process_id());
    let mut problems = soak(&s, Duration::from_secs(seconds), &mut memory);
    problems.extend(hang(&s, &mut memory));
    problems.extend(flood_key_ids(&s, &mut memory));
    problems.extend(flood_tokens(&s, &mut memory));
    problems.extend(memory.problems());
    s.assert_alive();
    for problem in &problems {
        eprintln!("problem: {problem}");
    }
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The mix for so long; returns what was wrong.
fn soak(s: &Running, time: Duration, memory: &mut Memory) -> Vec<String> {
    let late: Vec<KeyPair> = (0..LATE_KEYS)
        .map(|number| KeyPair::generate(format!("11111111-0000-4000-8000-{number:012}")))
        .collect();
    for key in &late {
        let answer = Answer::Late(key.public_pem().into_bytes(), LATE);
        s.endpoint.set(key.kid(), answer);
    }
    let mix = Mix::new(s, &late);
    let mut bursts = Bursts::new(s);
    let started = Instant::now();
    let tally = load::run(s, &mix, CLIENTS, |sent| {
        memory.sample("soak", sent);
        bursts.poll();
        started.elapsed() < time
    });
    print(&tally, started.elapsed());
    let mut problems = tally.problems();
    problems.extend(bursts.into_problems());
    for (name, most) in [
        ("keys", MAX_KEYS * u64::from(WORKERS)),
        ("waiting_requests", 0),
    ] {
        let value = s.metric(name);
        if value > most {
            problems.push(format!("the gauge {name} is {value}, more than {most}"));
        }
    }
    problems
}

/// The endpoint hangs for longer than a request may wait, and returns, some times over.
fn hang(s: &Running, memory: &mut Memory) -> Vec<String> {
    let mut bursts = Bursts::new(s);
    for round in 0..HANGS {
        memory.sample("an endpoint that hangs", round);
        bursts.hang_and_return();
    }
    bursts.into_problems()
}

/// [`FLOOD`] key ids that the endpoint does not know.
fn flood_key_ids(s: &Running, memory: &mut Memory) -> Vec<String> {
    let mix = Mix::only(s, Kind::FreshKeyId);
    let started = Instant::now();
    let tally = load::run_crowds(&mix, CROWD, |sent| {
        memory.sample("distinct key ids", sent);
        sent < FLOOD
    });
    print(&tally, started.elapsed());
    tally.problems()
}

/// [`FLOOD`] tokens that the cache does not know.
fn flood_tokens(s: &Running, memory: &mut Memory) -> Vec<String> {
    let mix = Mix::only(s, Kind::FreshToken);
    let started = Instant::now();
    let tally = load::run(s, &mix, CLIENTS, |sent| {
        memory.sample("distinct valid tokens", sent);
        sent < FLOOD
    });
    print(&tally, started.elapsed());
    tally.problems()
}

fn print(tally: &Tally, took: Duration) {
    println!("{tally}");
    let sent = u32::try_from(tally.sent()).unwrap_or(u32::MAX);
    println!(
        "{:.0} requests a second over {:.0} s\n",
        f64::from(sent) / took.as_secs_f64(),
        took.as_secs_f64()
    );
}
