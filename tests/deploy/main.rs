//! The manifests below `deploy/`, as kustomize renders them. `make test-deploy` builds kustomize and
//! runs these; plain `cargo test` leaves them out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot read a manifest should fail loudly"
)]

mod components;
mod examples;
mod groups;
mod groups_page;
mod overlays;
mod params;
mod rendered;
#[path = "../yaml/mod.rs"]
mod yaml;
