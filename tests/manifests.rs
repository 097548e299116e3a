//! `WasmPlugin.yaml` as it is shipped: the filter runs at the right place, fails closed, its
//! configuration is a good one, and the key endpoint is the one that it asks for, with TLS verified.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot read the manifest should fail loudly"
)]

use alb_authn::config::{Config, Mode};
use serde_json::{Value, json};

mod yaml;

const MANIFEST: &str = include_str!("../WasmPlugin.yaml");

fn objects_of(kind: &str) -> Vec<Value> {
    yaml::documents(MANIFEST)
        .into_iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

fn plugin() -> Value {
    let mut plugins = objects_of("WasmPlugin");
    assert_eq!(plugins.len(), 1);
    plugins.remove(0)
}

fn config_of(plugin: &Value) -> Config {
    Config::parse(plugin["spec"]["pluginConfig"].to_string().as_bytes()).unwrap()
}

#[test]
fn the_manifest_holds_the_plugin_and_its_key_endpoint_in_the_gateways_namespace() {
    let found: Vec<Value> = yaml::documents(MANIFEST)
        .iter()
        .map(|o| json!([o["apiVersion"], o["kind"], o["metadata"]["namespace"]]))
        .collect();
    let expected = [
        json!([
            "networking.istio.io/v1beta1",
            "ServiceEntry",
            "istio-system"
        ]),
        json!([
            "networking.istio.io/v1beta1",
            "DestinationRule",
            "istio-system"
        ]),
        json!(["extensions.istio.io/v1alpha1", "WasmPlugin", "istio-system"]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_plugin_runs_before_authorization_in_the_ingress_gateway_and_fails_closed() {
    let mut spec = plugin()["spec"].clone();
    spec.as_object_mut()
        .unwrap()
        .remove("pluginConfig")
        .unwrap();
    let image = spec.as_object_mut().unwrap().remove("url").unwrap();
    let expected = json!({
        "selector": {"matchLabels": {"istio": "ingressgateway"}},
        "imagePullPolicy": "IfNotPresent",
        "pluginName": "alb-authn",
        "phase": "AUTHN",
        "failStrategy": "FAIL_CLOSE",
    });
    assert_eq!(spec, expected);

    let (name, digest) = image.as_str().unwrap().split_once("@sha256:").unwrap();
    assert_eq!(name, "oci://ghcr.io/OWNER/alb-authn");
    // Well-formed, so that only its value has to be put in, and no image's, so that it must be.
    assert_eq!(digest, "0".repeat(64));
}

#[test]
fn the_configuration_is_good_and_nothing_in_it_is_weakened() {
    let plugin = plugin();
    let config = config_of(&plugin);
    assert_eq!(config.mode, Mode::Enforce);
    assert!(config.allow_missing_token.is_empty());
    assert!(!config.forward_token && !config.forward_session_cookies);
    assert!(!plugin["spec"]["pluginConfig"].to_string().contains("\"*\""));

    let schema = serde_json::from_str(include_str!("../docs/config.schema.json")).unwrap();
    assert!(jsonschema::is_valid(
        &schema,
        &plugin["spec"]["pluginConfig"]
    ));
}

/// Takes the `# ` away from the configuration that is commented out.
fn with_comments_taken_in(manifest: &str) -> String {
    let start = manifest.find("  pluginConfig:").unwrap();
    let (before, configuration) = manifest.split_at(start);
    let lines = configuration
        .lines()
        .map(|line| match line.trim_start().strip_prefix("# ") {
            // A line of YAML: a list entry, or a field in lower camel case.
            Some(text) if is_yaml(text) => line.replacen("# ", "", 1),
            _ => line.to_owned(),
        });
    before.to_owned() + &lines.collect::<Vec<_>>().join("\n")
}

fn is_yaml(text: &str) -> bool {
    let text = text.trim_start().trim_start_matches("- ");
    text.split_once(':').is_some_and(|(name, rest)| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_alphabetic())
            && (rest.is_empty() || rest.starts_with(' '))
    })
}

#[test]
fn what_is_commented_out_is_good_too() {
    let objects = yaml::documents(&with_comments_taken_in(MANIFEST));
    let plugin = objects
        .iter()
        .find(|object| object["kind"] == "WasmPlugin")
        .unwrap();
    let config = config_of(plugin);
    assert_eq!(config.allow_missing_token.len(), 1);
    assert!(!config.logout.is_empty());
    let mapping = &config.signers().next().unwrap().headers[0].entries[0].mapping;
    assert_eq!((mapping.prefix.as_str(), mapping.lowercase), ("", true));
    assert_eq!(config.signers().next().unwrap().required_claims.len(), 1);
}

#[test]
fn the_service_entry_makes_the_cluster_that_the_filter_asks_for() {
    let config = config_of(&plugin());
    let clusters: Vec<String> = config
        .key_sources()
        .iter()
        .map(|endpoint| endpoint.cluster.clone())
        .collect();
    let made: Vec<String> = objects_of("ServiceEntry")
        .iter()
        .flat_map(|entry| {
            let spec = &entry["spec"];
            assert_eq!(spec["location"], "MESH_EXTERNAL");
            assert_eq!(spec["resolution"], "DNS");
            assert_eq!(spec["exportTo"], json!(["."]));
            let (hosts, ports) = (
                spec["hosts"].as_array().unwrap(),
                spec["ports"].as_array().unwrap(),
            );
            let pairs = hosts
                .iter()
                .flat_map(|host| ports.iter().map(move |port| (host, port)));
            pairs
                .map(|(host, port)| {
                    format!("outbound|{}||{}", port["number"], host.as_str().unwrap())
                })
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(made, clusters);
}

#[test]
fn tls_to_the_key_endpoint_is_verified_host_name_included() {
    let config = config_of(&plugin());
    let rules: Vec<Value> = objects_of("DestinationRule")
        .iter()
        .map(|r| r["spec"].clone())
        .collect();
    let expected: Vec<Value> = config
        .key_sources()
        .iter()
        .map(|endpoint| {
            json!({
                "host": endpoint.authority,
                "exportTo": ["."],
                "trafficPolicy": {"tls": {
                    "mode": "SIMPLE",
                    "sni": endpoint.authority,
                    "subjectAltNames": [endpoint.authority],
                    "caCertificates": "system",
                }},
            })
        })
        .collect();
    assert_eq!(rules, expected);
}
