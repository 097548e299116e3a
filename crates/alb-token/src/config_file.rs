//! A file that holds the filter's configuration: a `pluginConfig` alone, manifests with the objects that carry one, or
//! Envoy's own configuration.

mod envoy;
mod finding;
mod object;
mod plugin;
mod policies;
mod scalar;
mod stream;
mod value;
mod warnings;
mod yaml;

pub(crate) use finding::{Finding, Severity};
pub(crate) use plugin::Plugin;
pub(crate) use value::quoted;

use object::Kind;
use plugin::{object_name, policy_filters};
use value::Value;

/// Istio's root namespace, unless a mesh names another one.
pub(crate) const ROOT_NAMESPACE: &str = "istio-system";

/// What a file holds. With problems here, nothing is known of what the cluster would make of it.
pub(crate) struct ConfigFile {
    /// The configurations, in the file's order.
    pub(crate) plugins: Vec<Plugin>,
    /// What is wrong with the file itself.
    pub(crate) problems: Vec<Finding>,
    /// What its objects say together, or without a configuration.
    pub(crate) of_stream: Vec<Finding>,
}

impl ConfigFile {
    /// Reads YAML or JSON. `root_namespace` is the mesh's.
    pub(crate) fn parse(text: &str, root_namespace: &str) -> Self {
        match documents(text) {
            Ok(documents) => Self::from_documents(documents, root_namespace),
            Err(error) => Self::broken(Finding::problem(
                "",
                format!("the file is neither YAML nor JSON: {error}"),
            )),
        }
    }

    fn new(plugins: Vec<Plugin>, problems: Vec<Finding>) -> Self {
        Self {
            plugins,
            problems,
            of_stream: Vec::new(),
        }
    }

    fn broken(problem: Finding) -> Self {
        Self::new(Vec::new(), vec![problem])
    }

    /// The file's problems, each configuration's findings, then those about all objects together.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let of_plugins = self.plugins.iter().flat_map(Plugin::findings);
        let problems = self.problems.iter().cloned();
        problems
            .chain(of_plugins)
            .chain(self.of_stream.iter().cloned())
            .collect()
    }

    fn from_documents(documents: Vec<Value>, root_namespace: &str) -> Self {
        if documents.iter().any(is_kubernetes) {
            return Self::from_manifest(&documents, root_namespace);
        }
        if documents.iter().any(envoy::is_envoys) {
            let (plugins, problems) = envoy::plugins(&documents);
            return Self::new(plugins, problems);
        }
        let mut documents = documents.into_iter();
        match (documents.next(), documents.next()) {
            (Some(config), None) if is_wrapped(&config) => Self::broken(Finding::problem(
                "pluginConfig",
                "expected either what stands below it (loadBalancers: …), or the whole WasmPlugin",
            )),
            (config, None) => Self::new(vec![Plugin::bare(config)], Vec::new()),
            _ => Self::broken(Finding::problem(
                "",
                "the file holds several documents; expected one pluginConfig, or manifests that hold a WasmPlugin",
            )),
        }
    }

    fn from_manifest(documents: &[Value], root_namespace: &str) -> Self {
        let objects: Vec<&Value> = documents.iter().flat_map(objects).collect();
        let mut file = Self::new(Vec::new(), Vec::new());
        for object in &objects {
            file.take_object(object, root_namespace);
        }
        file.of_stream = stream::judge(&objects, &file.plugins);
        if file.plugins.is_empty() && file.problems.is_empty() && file.of_stream.is_empty() {
            let is_kustomization = documents.iter().any(|document| {
                document.member("kind").and_then(Value::as_str) == Some("Kustomization")
            });
            if is_kustomization {
                return Self::broken(Finding::problem(
                    "",
                    "a kustomization is checked once it is built: kustomize build DIR | alb-token check-config -",
                ));
            }
            return Self::broken(Finding::problem(
                "",
                "the file holds neither a pluginConfig nor a WasmPlugin (nor a TrafficExtension or \
                 EnvoyExtensionPolicy with `wasm`)",
            ));
        }
        file
    }

    fn take_object(&mut self, object: &Value, root_namespace: &str) {
        let Value::Map(_) = object else {
            let message = "expected a Kubernetes object in each document of the file";
            return self.problems.push(Finding::problem("", message));
        };
        let kind = Kind::of(object);
        let name = object_name(object);
        let filters = policy_filters(object);
        let judged_by_the_filter: Vec<String> = match kind {
            Some(kind) => vec![kind.config_path().to_owned()],
            None => filters
                .iter()
                .map(|(path, _)| plugin::join(path, "config"))
                .collect(),
        };
        let mut duplicates = Vec::new();
        note_duplicates(object, "", &judged_by_the_filter, &mut duplicates);
        let problem = |path| Finding::problem(path, "expected the field once").of(&name);
        self.problems.extend(duplicates.into_iter().map(problem));
        if let Some(kind) = kind {
            self.plugins
                .push(Plugin::of_object(kind, object, root_namespace));
        }
        for (path, filter) in &filters {
            let plugin = Plugin::of_policy(name.clone(), path, filter);
            self.plugins.push(plugin);
        }
    }
}

/// The object of a document, or each of a list's.
fn objects(document: &Value) -> Vec<&Value> {
    let kind = document.member("kind").and_then(Value::as_str);
    // `kubectl get` prints a `List`, the API server itself a `WasmPluginList`.
    let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
    match document.member("items").filter(|_| is_list) {
        Some(items) => items.items().iter().flat_map(objects).collect(),
        None => vec![document],
    }
}

/// JSON where it is JSON, else YAML. Documents that hold nothing are left out, as kubectl does.
fn documents(text: &str) -> Result<Vec<Value>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_json = text.trim_start().starts_with(['{', '[']);
    let json = is_json.then(|| serde_json::from_str(text).ok()).flatten();
    let mut documents = match json {
        Some(value) => vec![value],
        None => yaml::parse(text)?,
    };
    documents.retain(|document| *document != Value::Null);
    Ok(documents)
}

fn is_kubernetes(value: &Value) -> bool {
    value.member("kind").is_some() || value.member("apiVersion").is_some()
}

/// As it stands in a WasmPlugin: below its name.
fn is_wrapped(value: &Value) -> bool {
    value.member("pluginConfig").is_some() && value.member("loadBalancers").is_none()
}

/// Paths of fields that stand twice, but for those below `stop`, which the filter names itself.
fn note_duplicates(value: &Value, path: &str, stop: &[String], found: &mut Vec<String>) {
    if stop.iter().any(|stop| stop == path) {
        return;
    }
    for (i, (name, member)) in value.members().iter().enumerate() {
        let below = plugin::join(path, name);
        if value
            .members()
            .iter()
            .take(i)
            .any(|(other, _)| other == name)
        {
            found.push(below.clone());
        }
        note_duplicates(member, &below, stop, found);
    }
    for (i, item) in value.items().iter().enumerate() {
        note_duplicates(item, &format!("{path}[{i}]"), stop, found);
    }
}

#[cfg(test)]
mod tests;
