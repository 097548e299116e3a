//! An Envoy whose plugin traps on every request.

use std::ops::Deref;

use serde_json::json;
use wasm_tests::{Folder, Running, Scenario};

/// Defines one of alb-authn's counters, accepts its configuration, and traps on request headers.
const MODULE: &str = r#"(module
  (import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "alb_authn.requests.ok")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (drop (call $define_metric (i32.const 0) (i32.const 16) (i32.const 21) (i32.const 8)))
    i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#;

/// The running Envoy, and the folder that holds its module.
pub struct Trapping {
    running: Running,
    _folder: Folder,
}

impl Trapping {
    /// Starts one with this failure policy.
    pub fn start(policy: &str) -> Self {
        let folder = Folder::new();
        let bytes = wat::parse_str(MODULE).expect("the module is well-formed");
        let module = folder.file("trap.wasm");
        std::fs::write(&module, bytes).expect("a writable folder");
        let policy = json!({"failure_policy": policy});
        let running = Scenario::new()
            .module(module)
            .plugin_members(policy)
            .start();
        Self {
            running,
            _folder: folder,
        }
    }
}

impl Deref for Trapping {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}
