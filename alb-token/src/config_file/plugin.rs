//! One configuration of the filter, and the object around it: what would keep a good configuration from
//! protecting anything, or weakens it.

use alb_authn::config::Config;

use super::finding::Finding;
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

    pub(super) fn config_path(self) -> &'static str {
        match self {
            Self::WasmPlugin => "spec.pluginConfig",
            Self::TrafficExtension => "spec.wasm.pluginConfig",
        }
    }
}

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

    pub(super) fn of_object(kind: Kind, name: String, object: &Value) -> Self {
        Self {
            name: Some(name),
            config_path: kind.config_path().to_owned(),
            config: at_path(object, kind.config_path()).cloned(),
            around: judge_object(kind, object),
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

    /// All that there is to say: of the object, the problems of its configuration, then warnings.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = self.named(self.around.clone());
        findings.extend(self.config().err().unwrap_or_default());
        findings.extend(self.named(self.warnings()));
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

    /// What is allowed, and should be meant.
    fn warnings(&self) -> Vec<Finding> {
        let Some(config) = &self.config else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut warn = |path: &str, message| {
            found.push(Finding::warning(self.path_of(path), message));
        };
        if config.member("mode").and_then(Value::as_str) == Some("observe") {
            warn("mode", "nothing is refused: everybody gets through");
        }
        for (field, message) in [
            (
                "forwardToken",
                "the application gets the tokens too, and can replay them while they live",
            ),
            (
                "forwardSessionCookies",
                "the application gets the session cookies too, and can sign in with them elsewhere",
            ),
        ] {
            if config.member(field) == Some(&Value::Bool(true)) {
                warn(field, message);
            }
        }
        let load_balancers = config.member("loadBalancers").map_or(&[][..], Value::items);
        for (i, load_balancer) in load_balancers.iter().enumerate() {
            for (field, message) in [
                (
                    "issuers",
                    "any identity provider of this load balancer is trusted",
                ),
                (
                    "clientIds",
                    "any application behind this load balancer's rules can sign users in",
                ),
            ] {
                if load_balancer.member(field).is_some_and(is_any) {
                    warn(&format!("loadBalancers[{i}].{field}"), message);
                }
            }
        }
        found
    }
}

fn is_any(value: &Value) -> bool {
    matches!(value.items(), [only] if only.as_str() == Some("*"))
}

fn judge_object(kind: Kind, object: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut problem = |path: String, message: &str| found.push(Finding::problem(path, message));
    if object.member("apiVersion").is_none() {
        problem(
            "apiVersion".to_owned(),
            "required, but absent; expected extensions.istio.io/v1alpha1",
        );
    }
    let field = |above: &str, name: &str| at_path(object, above).and_then(|at| at.member(name));
    let says = |value: &Value, allowed: &[&str]| {
        value.as_str().is_some_and(|text| allowed.contains(&text))
    };
    if !field("spec", "phase").is_some_and(|phase| says(phase, &["AUTHN"])) {
        problem(
            "spec.phase".to_owned(),
            "expected AUTHN: in any other phase, or none, AuthorizationPolicy decides before the filter runs",
        );
    }
    let module = kind.module_path();
    if field(module, "failStrategy").is_some_and(|it| !says(it, &["FAIL_CLOSE", "FAIL_RELOAD"])) {
        problem(
            format!("{module}.failStrategy"),
            "expected FAIL_CLOSE or FAIL_RELOAD: with FAIL_OPEN every request passes when the module can't run",
        );
    }
    if field(module, "type").is_some_and(|it| !says(it, &["HTTP"])) {
        problem(
            format!("{module}.type"),
            "expected HTTP: the filter reads requests, which other types don't show it",
        );
    }
    for (i, entry) in field("spec", "match")
        .map_or(&[][..], Value::items)
        .iter()
        .enumerate()
    {
        if entry
            .member("mode")
            .is_some_and(|mode| !says(mode, &["CLIENT", "CLIENT_AND_SERVER", "UNDEFINED"]))
        {
            problem(
                format!("spec.match[{i}].mode"),
                "expected CLIENT or CLIENT_AND_SERVER: a gateway's listeners are CLIENT, so the filter would never run",
            );
        }
    }
    found
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

fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.member(name))
}

/// A path and a field below it.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
