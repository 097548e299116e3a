//! Istio's objects: which proxies the plugin is for, where the module is, and misspelt fields.

use super::*;

const EXTENSION: &str = "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {name: t}\nspec:\n  phase: AUTHN\n";

#[test]
fn an_unknown_field_is_named_since_the_api_server_drops_it() {
    check(
        &wasm_plugin("  phase: AUTHN\n  selectors: {}\n"),
        &["WasmPlugin ns/a: spec.selectors: unknown field; known are selector, targetRef,"],
    );
    let every_field = "  phase: AUTHN\n  selector: {matchLabels: {a: b}}\n  sha256: ''\n  imagePullPolicy: Always\n  \
                       imagePullSecret: s\n  verificationKey: ''\n  pluginName: p\n  priority: 1\n  \
                       failStrategy: FAIL_CLOSE\n  vmConfig: {}\n  match: []\n  type: HTTP\n";
    check(&wasm_plugin(every_field), &[]);
    let extension = format!(
        "{EXTENSION}  url: x\n  wasm:\n    url: {URL}\n    phase: AUTHN\n    pluginConfig:\n{}",
        smallest(6)
    );
    check(
        &extension,
        &[
            "TrafficExtension t: spec.url: unknown field; known are selector, targetRefs, match,",
            "TrafficExtension t: spec.wasm.phase: unknown field; known are url, sha256,",
        ],
    );
}

#[test]
fn a_plugin_of_the_root_namespace_says_which_proxies_it_is_for() {
    let root = |fields: &str| {
        wasm_plugin(&format!("  phase: AUTHN\n{fields}"))
            .replace("namespace: ns", "namespace: istio-system")
    };
    let everywhere = "WasmPlugin istio-system/a: spec.selector: expected a selector with matchLabels, or targetRefs: in \
                      the root namespace istio-system";
    for fields in [
        "",
        "  selector: {}\n",
        "  selector: {matchLabels: {}}\n",
        "  targetRefs: []\n",
    ] {
        check(&root(fields), &[everywhere]);
    }
    for fields in [
        "  selector: {matchLabels: {istio: ingressgateway}}\n",
        "  targetRefs: [{kind: Gateway, name: g}]\n",
        "  targetRef: {kind: Gateway, name: g}\n",
    ] {
        check(&root(fields), &[]);
    }
    // Elsewhere it is for the namespace, which may be the gateway's own.
    check(&wasm_plugin("  phase: AUTHN\n"), &[]);
    assert_eq!(findings_in(&root(""), "mesh-root"), [""; 0]);
    let moved = root("").replace("istio-system", "mesh-root");
    let found = findings_in(&moved, "mesh-root");
    assert!(
        found.len() == 1 && found[0].contains("in the root namespace mesh-root"),
        "{found:?}"
    );
}

#[test]
fn a_selector_with_target_references_is_a_problem() {
    let both = "  phase: AUTHN\n  selector: {matchLabels: {a: b}}\n  targetRefs: [{kind: Gateway, name: g}]\n";
    check(
        &wasm_plugin(both),
        &["WasmPlugin ns/a: spec.selector: expected either selector or targetRefs"],
    );
}

#[test]
fn the_module_has_an_address_and_better_a_digest() {
    let with = |url: &str| wasm_plugin("  phase: AUTHN\n").replace(&format!("  url: {URL}\n"), url);
    for absent in ["", "  url: ''\n", "  url: null\n"] {
        check(
            &with(absent),
            &["WasmPlugin ns/a: spec.url: required, but absent; expected where"],
        );
    }
    for tag in ["oci://r.test/a:v1", "r.test/a", "https://r.test/a.wasm"] {
        check(
            &with(&format!("  url: {tag}\n")),
            &["~WasmPlugin ns/a: spec.url: expected a digest"],
        );
        check(&with(&format!("  url: {tag}\n  sha256: abcd\n")), &[]);
    }
    check(&with("  url: file:///opt/plugin.wasm\n"), &[]);
    let extension = format!("{EXTENSION}  wasm:\n    pluginConfig:\n{}", smallest(6));
    check(
        &extension,
        &["TrafficExtension t: spec.wasm.url: required, but absent"],
    );
}
