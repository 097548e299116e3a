//! What the environment chooses: the variables that the crate's first page lists.

use std::env;
use std::path::{Path, PathBuf};

/// An environment variable that is set and not empty.
pub(crate) fn setting(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// Whether requests are sent over HTTP/2 if HTTP/2 can express them.
#[must_use]
pub fn sends_http2() -> bool {
    setting("ALB_AUTHN_HTTP").as_deref() == Some("2")
}

/// The module under test.
pub fn module() -> PathBuf {
    built("ALB_AUTHN_WASM", "dist/alb_authn.wasm", "wasm")
}

/// The module that judges standard vectors (`verify-vectors`).
pub fn vectors_module() -> PathBuf {
    let path = "dist/verify_vectors.wasm";
    built("VERIFY_VECTORS_WASM", path, "vectors-module")
}

/// Envoy's program.
pub fn envoy_binary() -> PathBuf {
    path_from_env("ENVOY", ".venv/bin/envoy")
}

fn built(variable: &str, in_repository: &str, target: &str) -> PathBuf {
    let path = path_from_env(variable, in_repository);
    let found = path.canonicalize();
    found.unwrap_or_else(|e| panic!("{}: {e}; `make {target}` builds it", path.display()))
}

fn path_from_env(variable: &str, in_repository: &str) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::var_os(variable).map_or_else(|| repository.join(in_repository), PathBuf::from)
}
