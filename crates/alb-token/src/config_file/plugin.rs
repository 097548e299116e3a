//! One configuration of the filter, with the findings about the object around it.

use alb_authn::config::Config;

use super::finding::Finding;
use super::object::{self, Kind};
use super::value::Value;
use super::warnings;

/// One configuration, and what was found around it.
pub(crate) struct Plugin {
    /// `WasmPlugin istio-system/alb-authn`; `None` for a pluginConfig alone.
    pub(crate) name: Option<String>,
    /// Where the configuration stands in the object.
    pub(super) config_path: String,
    /// `None` where there is none.
    pub(super) config: Option<Value>,
    /// What the object itself does wrong.
    pub(super) around: Vec<Finding>,
}

impl Plugin {
    /// A pluginConfig alone; `None` for an empty file.
    pub(super) fn bare(config: Option<Value>) -> Self {
        Self {
            name: None,
            config_path: String::new(),
            config,
            around: Vec::new(),
        }
    }

    /// One of Istio's objects.
    pub(super) fn of_object(kind: Kind, object: &Value, root_namespace: &str) -> Self {
        Self {
            name: Some(object_name(object)),
            config_path: kind.config_path().to_owned(),
            config: at_path(object, kind.config_path()).cloned(),
            around: object::judge(kind, object, root_namespace),
        }
    }

    /// One of an EnvoyExtensionPolicy's filters, which stands at `path`.
    pub(super) fn of_policy(name: String, path: &str, filter: &Value) -> Self {
        let fails_open = filter.member("failOpen") == Some(&Value::Bool(true));
        let problem = || {
            let message = "expected false: every request passes when the module can't run";
            Finding::problem(join(path, "failOpen"), message)
        };
        Self {
            name: Some(name),
            config_path: join(path, "config"),
            config: filter.member("config").cloned(),
            around: fails_open.then(problem).into_iter().collect(),
        }
    }

    /// The configuration as the filter reads it.
    pub(crate) fn config(&self) -> Result<Config, Vec<Finding>> {
        // An absent pluginConfig reaches the filter as no bytes at all.
        let json = self.config.as_ref().map(Value::to_json).unwrap_or_default();
        Config::parse(json.as_bytes()).map_err(|problems| {
            let findings = problems
                .iter()
                .map(|problem| Finding::problem(self.path_of(problem.path()), problem.message()));
            self.named(findings.collect())
        })
    }

    /// All findings: the object's, the problems of its configuration, then warnings.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = self.named(self.around.clone());
        findings.extend(self.config().err().unwrap_or_default());
        let warnings = self.config.iter().flat_map(warnings::of_config);
        let warnings =
            warnings.map(|(path, message)| Finding::warning(self.path_of(&path), message));
        findings.extend(self.named(warnings.collect()));
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    fn named(&self, findings: Vec<Finding>) -> Vec<Finding> {
        match &self.name {
            Some(name) => findings.into_iter().map(|f| f.of(name)).collect(),
            None => findings,
        }
    }

    /// A path in the configuration, as a path in the file. The filter calls the whole `pluginConfig`.
    fn path_of(&self, path: &str) -> String {
        match (path, self.config_path.as_str()) {
            ("pluginConfig", above) if !above.is_empty() => above.to_owned(),
            (path, above) => join(above, path),
        }
    }
}

/// The Wasm filters of Envoy Gateway's EnvoyExtensionPolicy, each with its path; none of any other object.
pub(super) fn policy_filters(object: &Value) -> Vec<(String, &Value)> {
    let text = |name| object.member(name).and_then(Value::as_str);
    let is_policy = text("kind") == Some("EnvoyExtensionPolicy")
        && text("apiVersion").is_some_and(|version| version.starts_with("gateway.envoyproxy.io/"));
    let filters = at_path(object, "spec.wasm").filter(|_| is_policy);
    let filters = filters.map_or(&[][..], Value::items).iter().enumerate();
    filters
        .map(|(i, filter)| (format!("spec.wasm[{i}]"), filter))
        .collect()
}

/// `KIND NAMESPACE/NAME`, without what is absent.
pub(super) fn object_name(object: &Value) -> String {
    let text = |path| at_path(object, path).and_then(Value::as_str);
    let kind = text("kind").unwrap_or("(no kind)");
    let name = text("metadata.name").unwrap_or("(no name)");
    match text("metadata.namespace") {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

pub(super) fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.member(name))
}

/// A path, and a field below it.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
