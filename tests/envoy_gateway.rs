//! `deploy/envoy-gateway/alb-authn.yaml` as it is shipped: the objects name one another, the filter fails closed on
//! every route, and its keys come by TLS that is verified.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot read the manifest should fail loudly"
)]

use alb_authn::config::{Config, Mode};
use serde_json::{Value, json};

mod yaml;

const MANIFEST: &str = include_str!("../deploy/envoy-gateway/alb-authn.yaml");

/// The only object of this kind.
fn object(kind: &str) -> Value {
    let mut of_kind = yaml::documents(MANIFEST)
        .into_iter()
        .filter(|object| object["kind"] == kind);
    let object = of_kind.next().unwrap();
    assert!(of_kind.next().is_none(), "{kind}");
    object
}

fn config() -> Config {
    let filter = &object("EnvoyExtensionPolicy")["spec"]["wasm"][0];
    Config::parse(filter["config"].to_string().as_bytes()).unwrap()
}

#[test]
fn all_objects_stand_in_one_namespace() {
    let objects = yaml::documents(MANIFEST);
    assert_eq!(objects.len(), 4);
    assert!(
        objects
            .iter()
            .all(|object| object["metadata"]["namespace"] == "gateways")
    );
}

#[test]
fn the_policy_is_for_the_whole_gateway_and_fails_closed() {
    let spec = &object("EnvoyExtensionPolicy")["spec"];
    let gateway = json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "alb"}]);
    assert_eq!(spec["targetRefs"], gateway);
    assert_eq!(spec["wasm"].as_array().unwrap().len(), 1);
    assert_eq!(spec["wasm"][0]["failOpen"], false);
    let image = spec["wasm"][0]["code"]["image"]["url"].as_str().unwrap();
    // Well-formed, and no image's, so that it must be put in.
    assert!(
        image.ends_with(&format!("@sha256:{}", "0".repeat(64))),
        "{image}"
    );

    let config = config();
    assert_eq!(config.mode, Mode::Enforce);
    assert!(config.allow_missing_token.is_empty() && !config.forward_token);
}

/// The name by `internal/gatewayapi/helpers.go` of github.com/envoyproxy/gateway 1.9.1, `irRouteDestinationName`.
#[test]
fn the_filter_names_the_cluster_that_the_route_makes() {
    let route = object("HTTPRoute");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (namespace, name) = (
        text(&route["metadata"]["namespace"]),
        text(&route["metadata"]["name"]),
    );
    let clusters: Vec<String> = config()
        .key_sources()
        .iter()
        .map(|endpoint| endpoint.cluster.clone())
        .collect();
    assert_eq!(clusters, [format!("httproute/{namespace}/{name}/rule/0")]);

    let spec = &route["spec"];
    assert_eq!(spec["parentRefs"], json!([{"name": "alb"}]));
    assert_eq!(spec["rules"].as_array().unwrap().len(), 1);
    let backend = json!([{
        "group": "gateway.envoyproxy.io", "kind": "Backend",
        "name": object("Backend")["metadata"]["name"], "port": 443,
    }]);
    assert_eq!(spec["rules"][0]["backendRefs"], backend);
}

#[test]
fn tls_to_the_key_endpoint_is_verified_host_name_included() {
    let config = config();
    let endpoints: Vec<_> = config.key_sources().iter().collect();
    let host = &endpoints[0].authority;
    let backend = json!([{"fqdn": {"hostname": host, "port": 443}}]);
    assert_eq!(object("Backend")["spec"]["endpoints"], backend);

    let tls = &object("BackendTLSPolicy")["spec"];
    let target = json!([{
        "group": "gateway.envoyproxy.io", "kind": "Backend",
        "name": object("Backend")["metadata"]["name"],
    }]);
    assert_eq!(tls["targetRefs"], target);
    let validation = json!({"hostname": host, "wellKnownCACertificates": "System"});
    assert_eq!(tls["validation"], validation);
}
