//! Judges any signature over any message inside Envoy: tokens can't carry the messages of standard vectors.
//!
//! A request's headers are the question: `x-backend` (`host` or `wasm`), `x-key` (PEM), `x-message` and
//! `x-signature` (R‖S), the last three in base64. The answer's body is `valid` or `invalid`. What judges is the
//! filter's own code: its shell's files are compiled in here. With `x-backend: rs256` the signature is RSA's, and the key
//! is `x-modulus` and `x-exponent`, as in a key set.
#![cfg(target_arch = "wasm32")]

#[path = "../../../src/host/hostcalls.rs"]
#[expect(dead_code, reason = "one call of the filter's shell is enough here")]
mod hostcalls;
#[path = "../../../src/host/signature.rs"]
#[expect(
    dead_code,
    reason = "only the filter asks at start whether Envoy has RS256"
)]
mod signature;

use alb_authn::{config, keys, plugin, reply, time, token_kind, verify, wire};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use config::BackendChoice;
use hostcalls::Map;
use keys::{PublicKey, RsaPublicKey};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Judge));
}}

struct Judge;

impl Context for Judge {}

impl RootContext for Judge {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Judge))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl HttpContext for Judge {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let body = match judge() {
            Some(true) => "valid",
            Some(false) => "invalid",
            None => "no question",
        };
        self.send_http_response(200, vec![], Some(body.as_bytes()));
        Action::Pause
    }
}

/// `None`: the question is no question, or this Envoy has no such backend.
fn judge() -> Option<bool> {
    let choice = match header("x-backend")?.as_slice() {
        b"rs256" => return judge_rs256(),
        b"host" => BackendChoice::Host,
        _ => BackendChoice::Wasm,
    };
    let (backend, _) = signature::choose(choice)?;
    let key = PublicKey::from_pem(&decoded("x-key")?)?;
    let (message, signature) = (decoded("x-message")?, decoded("x-signature")?);
    Some(verify::is_signature(&signature, &message, &key, &*backend))
}

fn judge_rs256() -> Option<bool> {
    let (backend, _) = signature::choose(BackendChoice::Auto)?;
    let key = RsaPublicKey::new("vectors", &decoded("x-modulus")?, &decoded("x-exponent")?)?;
    let (message, signature) = (decoded("x-message")?, decoded("x-signature")?);
    let fits = signature.len() == key.modulus_bytes();
    Some(fits && backend.verify_rs256(&key, &message, &signature))
}

fn decoded(name: &str) -> Option<Vec<u8>> {
    STANDARD.decode(header(name)?).ok()
}

fn header(name: &str) -> Option<Vec<u8>> {
    hostcalls::header(Map::RequestHeaders, name).ok()
}
