//! Istio's objects that carry a `pluginConfig`: mistakes in them that keep a good configuration from protecting
//! anything.

use super::finding::Finding;
use super::plugin::{at_path, join};
use super::value::Value;

/// The API group of both objects that carry a `pluginConfig`.
const GROUP: &str = "extensions.istio.io/";

/// Istio's objects that carry a `pluginConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    WasmPlugin,
    /// From Istio 1.30 on: the same fields, most of them below `wasm`.
    TrafficExtension,
}

impl Kind {
    /// `None` for objects that run no Wasm, and for other projects' objects of the same name.
    pub(super) fn of(object: &Value) -> Option<Self> {
        let api_version = object.member("apiVersion").and_then(Value::as_str);
        if api_version.is_some_and(|version| !version.starts_with(GROUP)) {
            return None;
        }
        match object.member("kind")?.as_str()? {
            "WasmPlugin" => Some(Self::WasmPlugin),
            "TrafficExtension" => {
                let runs_wasm = object.member("spec")?.member("wasm").is_some();
                runs_wasm.then_some(Self::TrafficExtension)
            }
            _ => None,
        }
    }

    /// Where the fields of the module stand.
    fn module_path(self) -> &'static str {
        match self {
            Self::WasmPlugin => "spec",
            Self::TrafficExtension => "spec.wasm",
        }
    }

    /// The fields that Istio knows, by the path of what holds them. The API server drops any other one silently: a
    /// misspelt `selector` would leave the plugin without one.
    fn known_fields(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::WasmPlugin => &[("spec", &WASM_PLUGIN_FIELDS)],
            Self::TrafficExtension => &[
                ("spec", &TRAFFIC_EXTENSION_FIELDS),
                ("spec.wasm", &WASM_FIELDS),
            ],
        }
    }

    pub(super) fn plugin_name_path(self) -> String {
        join(self.module_path(), "pluginName")
    }

    /// Where the configuration is in the object.
    pub(super) fn config_path(self) -> &'static str {
        match self {
            Self::WasmPlugin => "spec.pluginConfig",
            Self::TrafficExtension => "spec.wasm.pluginConfig",
        }
    }
}

/// Of istio/api's extensions/v1alpha1/wasm.proto.
const WASM_PLUGIN_FIELDS: [&str; 16] = [
    "selector",
    "targetRef",
    "targetRefs",
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "verificationKey",
    "pluginConfig",
    "pluginName",
    "phase",
    "priority",
    "failStrategy",
    "vmConfig",
    "match",
    "type",
];

/// Of istio/api's extensions/v1alpha1/traffic_extension.proto.
const TRAFFIC_EXTENSION_FIELDS: [&str; 7] = [
    "selector",
    "targetRefs",
    "match",
    "phase",
    "priority",
    "wasm",
    "lua",
];
const WASM_FIELDS: [&str; 10] = [
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "verificationKey",
    "pluginConfig",
    "pluginName",
    "failStrategy",
    "vmConfig",
    "type",
];

/// The findings about an object, without those about its configuration. `root_namespace` is the mesh's: a plugin
/// there is for the whole mesh unless it says otherwise.
pub(super) fn judge(kind: Kind, object: &Value, root_namespace: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    if object.member("apiVersion").is_none() {
        found.push(Finding::problem(
            "apiVersion",
            "required, but absent; expected extensions.istio.io/v1alpha1",
        ));
    }
    found.extend(unknown_fields(kind, object));
    found.extend(wrong_values(kind, object));
    found.extend(wrong_match_modes(object));
    found.extend(wrong_target(object, root_namespace));
    found.extend(wrong_url(kind, object));
    found
}

fn unknown_fields(kind: Kind, object: &Value) -> Vec<Finding> {
    let of = |(above, known): &(&str, &[&str])| {
        let fields = at_path(object, above).map_or(&[][..], Value::members);
        let unknown = fields
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_str()));
        let expected = format!("unknown field; known are {}", known.join(", "));
        let problem = |(name, _): &(String, Value)| Finding::problem(join(above, name), &*expected);
        unknown.map(problem).collect::<Vec<_>>()
    };
    kind.known_fields().iter().flat_map(of).collect()
}

fn says(value: &Value, allowed: &[&str]) -> bool {
    value.as_str().is_some_and(|text| allowed.contains(&text))
}

fn wrong_values(kind: Kind, object: &Value) -> Vec<Finding> {
    let field = |above: &str, name: &str| at_path(object, above).and_then(|at| at.member(name));
    let mut found = Vec::new();
    let mut problem = |path: String, message: &str| found.push(Finding::problem(path, message));
    if !field("spec", "phase").is_some_and(|phase| says(phase, &["AUTHN"])) {
        problem(
            "spec.phase".to_owned(),
            "expected AUTHN: in any other phase, or none, AuthorizationPolicy decides before the filter runs",
        );
    }
    let module = kind.module_path();
    if field(module, "failStrategy").is_some_and(|it| !says(it, &["FAIL_CLOSE", "FAIL_RELOAD"])) {
        problem(
            join(module, "failStrategy"),
            "expected FAIL_CLOSE or FAIL_RELOAD: with FAIL_OPEN every request passes when the module can't run",
        );
    }
    if field(module, "type").is_some_and(|it| !says(it, &["HTTP"])) {
        problem(
            join(module, "type"),
            "expected HTTP: the filter reads requests, which other types don't show it",
        );
    }
    found
}

fn wrong_match_modes(object: &Value) -> Vec<Finding> {
    let entries = at_path(object, "spec.match").map_or(&[][..], Value::items);
    let is_wrong = |entry: &Value| {
        let mode = entry.member("mode");
        mode.is_some_and(|mode| !says(mode, &["CLIENT", "CLIENT_AND_SERVER", "UNDEFINED"]))
    };
    let wrong = entries.iter().enumerate().filter(|(_, it)| is_wrong(it));
    let message = "expected CLIENT or CLIENT_AND_SERVER: a gateway's listeners are CLIENT, so the filter would never run";
    wrong
        .map(|(i, _)| Finding::problem(format!("spec.match[{i}].mode"), message))
        .collect()
}

/// Which proxies it is for: by labels or by reference, and never the whole mesh's.
fn wrong_target(object: &Value, root_namespace: &str) -> Option<Finding> {
    let selector = at_path(object, "spec.selector");
    let references = ["spec.targetRefs", "spec.targetRef"];
    let references = references
        .iter()
        .filter_map(|path| at_path(object, path))
        .any(|it| !it.items().is_empty() || !it.members().is_empty());
    if selector.is_some() && references {
        let message = "expected either selector or targetRefs: the API server rejects both";
        return Some(Finding::problem("spec.selector", message));
    }
    let labels = selector.and_then(|it| it.member("matchLabels"));
    let has_labels = labels.is_some_and(|labels| !labels.members().is_empty());
    let namespace = at_path(object, "metadata.namespace").and_then(Value::as_str);
    let is_everywhere = !has_labels && !references && namespace == Some(root_namespace);
    is_everywhere.then(|| {
        let message = format!(
            "expected a selector with matchLabels, or targetRefs: in the root namespace {root_namespace} the filter \
             would run in every proxy of the mesh"
        );
        Finding::problem("spec.selector", message)
    })
}

fn wrong_url(kind: Kind, object: &Value) -> Option<Finding> {
    let module = at_path(object, kind.module_path())?;
    let path = join(kind.module_path(), "url");
    let url = module.member("url").and_then(Value::as_str).unwrap_or("");
    if url.is_empty() {
        let message = "required, but absent; expected where the module is, such as oci://REGISTRY/NAME@sha256:DIGEST";
        return Some(Finding::problem(path, message));
    }
    let checksum = module
        .member("sha256")
        .and_then(Value::as_str)
        .unwrap_or("");
    let is_pinned = !checksum.is_empty() || url.contains("@sha256:") || url.starts_with("file://");
    (!is_pinned).then(|| {
        let message = "expected a digest (@sha256:…, or sha256): a tag can be moved to another image, and this one \
                       decides who your users are";
        Finding::warning(path, message)
    })
}
