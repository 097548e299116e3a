//! Envoy's own configuration: the Wasm plugins in it, wherever they stand (`envoy.extensions.wasm.v3.PluginConfig`).

use super::finding::Finding;
use super::plugin::{Plugin, join};
use super::value::Value;

/// A bootstrap, or what a discovery service sends.
pub(super) fn is_envoys(document: &Value) -> bool {
    ["static_resources", "dynamic_resources", "resources"]
        .iter()
        .any(|name| document.member(name).is_some())
}

/// The plugins, and what is wrong where there are none.
pub(super) fn plugins(documents: &[Value]) -> (Vec<Plugin>, Vec<Finding>) {
    let mut found = Vec::new();
    for document in documents {
        look_through(document, "", &mut found);
    }
    let none = "the Envoy configuration holds no Wasm filter (a `config` with `vm_config`)";
    let problems = found.is_empty().then(|| Finding::problem("", none));
    (found, problems.into_iter().collect())
}

fn look_through(value: &Value, path: &str, found: &mut Vec<Plugin>) {
    if value.member("vm_config").is_some() {
        return found.push(plugin(value, path));
    }
    for (name, member) in value.members() {
        look_through(member, &join(path, name), found);
    }
    for (i, item) in value.items().iter().enumerate() {
        look_through(item, &format!("{path}[{i}]"), found);
    }
}

fn plugin(config: &Value, path: &str) -> Plugin {
    let text = |name| config.member(name).and_then(Value::as_str);
    let name = text("name").or(text("root_id")).unwrap_or("(no name)");
    let mut around = Vec::new();
    let allowed = ["FAIL_CLOSED", "FAIL_RELOAD", "UNSPECIFIED"];
    if text("failure_policy").is_some_and(|policy| !allowed.contains(&policy)) {
        let message = "expected FAIL_CLOSED or FAIL_RELOAD: otherwise every request passes when the module can't run";
        around.push(Finding::problem(join(path, "failure_policy"), message));
    }
    if config.member("fail_open") == Some(&Value::Bool(true)) {
        let message = "expected false: every request passes when the module can't run";
        around.push(Finding::problem(join(path, "fail_open"), message));
    }
    let value = config
        .member("configuration")
        .and_then(|any| any.member("value"));
    Plugin {
        name: Some(format!("Wasm filter {name}")),
        config_path: join(path, "configuration.value"),
        config: value.map(in_any),
        around,
    }
}

/// What a `google.protobuf.Any` holds: a text with JSON in a StringValue, an object in a Struct. What is no JSON stays
/// a text, which the filter refuses too.
fn in_any(value: &Value) -> Value {
    let json = value
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    json.unwrap_or_else(|| value.clone())
}
