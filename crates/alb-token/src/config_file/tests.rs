use super::*;

mod object;
mod stream;
mod warnings;

const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188";

/// The fields that the smallest configuration needs, each line indented so much.
fn smallest(indent: usize) -> String {
    let spaces = " ".repeat(indent);
    format!(
        "{spaces}loadBalancers:\n\
         {spaces}- arn: {ARN}\n\
         {spaces}  issuers: [https://idp.example.com]\n\
         {spaces}  clientIds: [client-1]\n"
    )
}

/// All that is said of a file, one line each; warnings with a `~`.
fn findings(text: &str) -> Vec<String> {
    findings_in(text, ROOT_NAMESPACE)
}

fn findings_in(text: &str, root_namespace: &str) -> Vec<String> {
    let findings = ConfigFile::parse(text, root_namespace).findings();
    let line = |finding: &Finding| match finding.severity {
        Severity::Problem => finding.to_string(),
        Severity::Warning => format!("~{finding}"),
    };
    findings.iter().map(line).collect()
}

/// What is said of a file says this, in this order, and nothing else.
fn check(text: &str, expected: &[&str]) {
    let found = findings(text);
    let fits = |(found, expected): (&String, &&str)| found.starts_with(*expected);
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(fits),
        "{text}\n{found:#?}"
    );
}

/// Where a module may be.
const URL: &str = "oci://registry.test/alb-authn@sha256:abcd";

/// A WasmPlugin with these fields beside a good configuration.
fn wasm_plugin(fields: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
         metadata: {{name: a, namespace: ns}}\nspec:\n  url: {URL}\n{fields}  pluginConfig:\n{}",
        smallest(4)
    )
}

#[test]
fn a_plugin_config_alone_is_judged_by_the_filters_own_reader() {
    let second = "- arn: x\n  issuers: []\n  clientIds: [c]\nclockSkew: 1d\n";
    let cases: [(&str, &[&str]); 8] = [
        ("", &[]),
        (
            second,
            &[
                "loadBalancers[1].arn: expected an application load balancer's full ARN",
                "loadBalancers[1].issuers: expected at least 1 item(s)",
                "clockSkew: expected a duration",
                "~loadBalancers[1]: fills kubeflow-userid with the same prefix",
            ],
        ),
        (
            "mode: enforce\nmode: enforce\n",
            &["mode: expected the field once"],
        ),
        // 8, as kubectl reads it.
        (
            "maxTokenBytes: 010\n",
            &["maxTokenBytes: expected a whole number"],
        ),
        (
            "stripHeaders: [x-user, on]\n",
            &["stripHeaders[1]: expected a string, found a boolean"],
        ),
        ("mode: null\n", &["mode: expected a string, found null"]),
        (
            "mode: observe\nforwardToken: yes\nforwardSessionCookies: true\n",
            &["~mode: ", "~forwardToken: ", "~forwardSessionCookies: "],
        ),
        (
            "- {arn: x, issuers: ['*'], clientIds: ['*']}\n",
            &[
                "loadBalancers[1].arn: ",
                "~loadBalancers[1].issuers: ",
                "~loadBalancers[1].clientIds: ",
                "~loadBalancers[1]: fills",
            ],
        ),
    ];
    for (more, expected) in cases {
        check(&(smallest(0) + more), expected);
    }
}

#[test]
fn json_is_read_as_json() {
    let json = |more: &str| {
        format!(
            "{{\t\"loadBalancers\":[{{\"arn\":\"{ARN}\",\"issuers\":[\"https://\\ud83d\\ude00.example\"],\"clientIds\":[\"c\"]}}]{more}}}"
        )
    };
    check(&json(""), &[]);
    check(&json(r#","maxTokenBytes":1024.0"#), &[]);
    check(
        &json(r#","mode":"enforce","mode":"enforce""#),
        &["mode: expected the field once"],
    );
    check(
        "{loadBalancers: []}",
        &["loadBalancers: expected 1 to 64 items"],
    );
}

#[test]
fn a_file_without_a_configuration_is_a_problem() {
    let wrapped = format!("pluginConfig:\n{}", smallest(2));
    let two = format!("{}---\n{}", smallest(0), smallest(0));
    let cases = [
        ("", "pluginConfig: required, but absent"),
        ("# only a comment\n", "pluginConfig: required, but absent"),
        ("[]", "pluginConfig: expected an object, found a list"),
        ("hello", "pluginConfig: expected an object, found a string"),
        ("a: [1", "the file is neither YAML nor JSON: line 2"),
        (
            wrapped.as_str(),
            "pluginConfig: expected either what stands below it",
        ),
        (two.as_str(), "the file holds several documents"),
        (
            "kind: Service\napiVersion: v1\n",
            "the file holds neither a pluginConfig nor a WasmPlugin",
        ),
        (
            "kind: WasmPlugin\napiVersion: extensions.higress.io/v1alpha1\n",
            "the file holds neither",
        ),
        (
            "kind: TrafficExtension\napiVersion: extensions.istio.io/v1alpha1\nspec: {lua: {}}",
            "the file holds neither",
        ),
        ("kind: List\nitems: []\n", "the file holds neither"),
        (
            "kind: Kustomization\n",
            "a kustomization is checked once it is built",
        ),
        ("kind: List\nitems: [a]\n", "expected a Kubernetes object"),
    ];
    for (text, expected) in cases {
        check(text, &[expected]);
    }
}

#[test]
fn the_object_around_a_configuration_is_judged_too() {
    let good = "  phase: AUTHN\n";
    let cases: [(&str, &[&str]); 11] = [
        ("", &[]),
        ("  failStrategy: FAIL_CLOSE\n  type: HTTP\n", &[]),
        (
            "  failStrategy: FAIL_RELOAD\n  match: [{mode: CLIENT}, {ports: []}]\n",
            &[],
        ),
        ("  failStrategy: null\n", &[]),
        (
            "  failStrategy: FAIL_OPEN\n",
            &["spec.failStrategy: expected FAIL_CLOSE"],
        ),
        (
            "  failStrategy: fail_close\n",
            &["spec.failStrategy: expected FAIL_CLOSE"],
        ),
        ("  type: NETWORK\n", &["spec.type: expected HTTP"]),
        (
            "  match: [{mode: CLIENT}, {mode: SERVER}, {mode: 2}]\n",
            &[
                "spec.match[1].mode: expected CLIENT",
                "spec.match[2].mode: ",
            ],
        ),
        (
            "  phase: AUTHZ\n",
            &[
                "spec.phase: expected the field once",
                "spec.phase: expected AUTHN",
            ],
        ),
        (
            "  priority: 1\n  priority: 2\n",
            &["spec.priority: expected the field once"],
        ),
        (
            "  failStrategy: FAIL_OPEN\n  type: 1\n",
            &["spec.failStrategy: ", "spec.type: "],
        ),
    ];
    for (fields, expected) in cases {
        let named: Vec<String> = expected
            .iter()
            .map(|e| format!("WasmPlugin ns/a: {e}"))
            .collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        check(&wasm_plugin(&format!("{good}{fields}")), &named);
    }
    check(
        &wasm_plugin(""),
        &["WasmPlugin ns/a: spec.phase: expected AUTHN"],
    );
    check(
        &wasm_plugin("  phase: AUTHN\n").replace("pluginConfig:", "pluginConfigs:"),
        &[
            "WasmPlugin ns/a: spec.pluginConfigs: unknown field; known are selector, ",
            "WasmPlugin ns/a: spec.pluginConfig: required, but absent",
        ],
    );
    let old = wasm_plugin(good).replace("apiVersion: extensions.istio.io/v1alpha1\n", "");
    check(&old, &["WasmPlugin ns/a: apiVersion: required"]);
}

#[test]
fn each_filter_of_an_envoy_extension_policy_is_judged() {
    let policy = |first: &str, second: &str| {
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {{name: p}}\n\
             spec:\n  wasm:\n  - {first}\n    config:\n{}  - {second}\n    config:\n{}      mode: 1\n      mode: 1\n",
            smallest(6),
            smallest(6)
        )
    };
    check(
        &policy("failOpen: false", "failOpen: true"),
        &[
            "EnvoyExtensionPolicy p: spec.wasm[1].failOpen: expected false",
            "EnvoyExtensionPolicy p: spec.wasm[1].config.mode: expected a string",
            "EnvoyExtensionPolicy p: spec.wasm[1].config.mode: expected the field once",
        ],
    );
    let other = policy("name: a", "name: b")
        .replace("gateway.envoyproxy.io/v1", "example.com/v1")
        .replace("      mode: 1\n", "");
    check(&other, &["the file holds neither"]);
}

#[test]
fn each_filter_of_an_envoy_configuration_is_judged() {
    for shipped in [
        include_str!("../../../../envoy-config/envoy.yaml"),
        include_str!("../../../../envoy-config/production.yaml"),
    ] {
        check(shipped, &[]);
        let place = "Wasm filter alb_authn: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.\
                     http_filters[0].typed_config.config.";
        for (change, path) in [
            (
                ("FAIL_CLOSED", "FAIL_OPEN"),
                "failure_policy: expected FAIL_CLOSED",
            ),
            (
                (
                    "FAIL_CLOSED",
                    "FAIL_CLOSED\n                fail_open: true",
                ),
                "fail_open: ",
            ),
            (
                ("\"issuers\"", "\"issuer\""),
                "configuration.value.loadBalancers[0].issuer",
            ),
            (
                (
                    "StringValue\n                  value: |",
                    "x\n                  value: | \n                    x",
                ),
                "configuration.value: expected an object",
            ),
        ] {
            let found = findings(&shipped.replace(change.0, change.1));
            assert!(
                found
                    .first()
                    .is_some_and(|first| first.starts_with(&format!("{place}{path}"))),
                "{found:#?}"
            );
        }
    }
    let object =
        "resources: [{config: {root_id: r, vm_config: {}, configuration: {value: {mode: 1}}}}]";
    let place = "Wasm filter r: resources[0].config.configuration.value.";
    check(
        object,
        &[
            &format!("{place}loadBalancers: "),
            &format!("{place}mode: "),
        ],
    );
    check(
        "static_resources: {}",
        &["the Envoy configuration holds no Wasm filter"],
    );
}

#[test]
fn problems_of_a_configuration_are_named_by_their_place_in_the_object() {
    let manifest =
        wasm_plugin("  phase: AUTHN\n") + "    mode: observe\n    modes: 1\n    mode: x\n";
    check(
        &manifest,
        &[
            "WasmPlugin ns/a: spec.pluginConfig.modes: unknown field",
            "WasmPlugin ns/a: spec.pluginConfig.mode: expected the field once",
        ],
    );
}

#[test]
fn lists_several_documents_and_traffic_extensions_are_looked_through() {
    let extension = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{name: t}}\n\
         spec:\n  match: [{{mode: SERVER}}]\n  wasm:\n    url: {URL}\n    failStrategy: FAIL_OPEN\n    pluginConfig:\n{}      mode: 1\n",
        smallest(6)
    );
    let item = wasm_plugin("  failStrategy: FAIL_OPEN\n").replace('\n', "\n  ");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {item}");
    let manifest =
        format!("---\nkind: Service\nspec: {{a: 1, a: 2}}\n---\n---\n{extension}---\n{list}");
    check(
        &manifest,
        &[
            "Service (no name): spec.a: expected the field once",
            "TrafficExtension t: spec.phase: expected AUTHN",
            "TrafficExtension t: spec.wasm.failStrategy: expected FAIL_CLOSE",
            "TrafficExtension t: spec.match[0].mode: expected CLIENT",
            "TrafficExtension t: spec.wasm.pluginConfig.mode: expected a string, found a number",
            "WasmPlugin ns/a: spec.phase: expected AUTHN",
            "WasmPlugin ns/a: spec.failStrategy: expected FAIL_CLOSE",
        ],
    );
    let of_its_kind = list.replace("kind: List", "kind: WasmPluginList");
    check(
        &of_its_kind,
        &[
            "WasmPlugin ns/a: spec.phase: ",
            "WasmPlugin ns/a: spec.failStrategy: ",
        ],
    );
}
