//! A scenario: one Envoy with the module, an upstream and a key endpoint.

use std::net::SocketAddr;
use std::path::PathBuf;

use alb_fixtures::mint::KeyPair;
use serde_json::{Map, Value, json};

use crate::alb::{self, KID};
use crate::config::{Bootstrap, Extras, Plugin, Upstream};
use crate::envoy::{self, Envoy, Folder, Options, setting};
use crate::key_endpoint::KeyEndpoint;
use crate::running::Running;
use crate::upstream;
use crate::wait::eventually;

/// A scenario before its start. By default: one load balancer, one key, one worker, one plugin.
pub struct Scenario {
    config: Map<String, Value>,
    further: Vec<Plugin>,
    text: Option<Option<String>>,
    root_id: String,
    options: Options,
    upstream: Upstream,
    routes: Vec<Value>,
    clusters: Vec<(String, SocketAddr)>,
    extras: Extras,
    source: Source,
    module: Option<PathBuf>,
}

/// Where Envoy has the listeners and filters from.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    /// All stands in the bootstrap.
    Static,
    /// Listeners come by discovery (LDS).
    Listeners,
    /// Listeners and, on their own, filters come by discovery (LDS and ECDS), as in Istio.
    Filters,
}

impl Default for Scenario {
    fn default() -> Self {
        Self::new()
    }
}

impl Scenario {
    /// The defaults; `ALB_AUTHN_BACKEND` is the signature backend.
    pub fn new() -> Self {
        let mut config = alb::object(json!({"loadBalancers": [alb::entry()]}));
        if let Some(backend) = setting("ALB_AUTHN_BACKEND") {
            config.insert("signatureBackend".to_owned(), backend.into());
        }
        Self {
            config,
            further: Vec::new(),
            text: None,
            root_id: "alb-authn".to_owned(),
            options: Options {
                workers: 1,
                log_level: "info".to_owned(),
                drain_seconds: 600,
            },
            upstream: Upstream::default(),
            routes: Vec::new(),
            clusters: Vec::new(),
            extras: Extras::default(),
            source: Source::Static,
            module: None,
        }
    }

    /// With these top-level members of `pluginConfig`, in place of the default ones.
    #[must_use]
    pub fn config(mut self, members: Value) -> Self {
        self.config.extend(alb::object(members));
        self
    }

    /// With these members in the default load balancer's entry.
    #[must_use]
    pub fn load_balancer(mut self, members: Value) -> Self {
        let mut entry = alb::object(self.config["loadBalancers"][0].take());
        entry.extend(alb::object(members));
        self.config["loadBalancers"][0] = entry.into();
        self
    }

    /// With this text as the configuration; `None`: no configuration.
    #[must_use]
    pub fn config_text(mut self, text: Option<&str>) -> Self {
        self.text = Some(text.map(str::to_owned));
        self
    }

    /// With one more plugin in the same VM, on a listener of its own.
    #[must_use]
    pub fn plugin(mut self, root_id: &str, config: Value) -> Self {
        self.further.push(Plugin {
            root_id: root_id.to_owned(),
            config: Some(config.to_string()),
        });
        self
    }

    /// With this many Envoy workers.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.options.workers = workers;
        self
    }

    /// With what the module logs at `level` and above in Envoy's log.
    #[must_use]
    pub fn log_level(mut self, level: &str) -> Self {
        self.options.log_level = level.to_owned();
        self
    }

    /// With this protocol towards the upstream.
    #[must_use]
    pub fn upstream(mut self, protocol: Upstream) -> Self {
        self.upstream = protocol;
        self
    }

    /// With an Envoy route before the one to the upstream.
    #[must_use]
    pub fn route(mut self, route: Value) -> Self {
        self.routes.push(route);
        self
    }

    /// With one more Envoy cluster.
    #[must_use]
    pub fn cluster(mut self, name: &str, addr: SocketAddr) -> Self {
        self.clusters.push((name.to_owned(), addr));
        self
    }

    /// With these members in an Envoy cluster, in place of its own.
    #[must_use]
    pub fn cluster_members(mut self, name: &str, members: Value) -> Self {
        self.extras.clusters.push((name.to_owned(), members));
        self
    }

    /// With these members in each connection manager, in place of its own.
    #[must_use]
    pub fn connection_manager(mut self, members: Value) -> Self {
        self.extras.connection_manager = Some(members);
        self
    }

    /// With another module than the filter.
    #[must_use]
    pub fn module(mut self, path: PathBuf) -> Self {
        self.module = Some(path);
        self
    }

    /// With these members in Envoy's configuration of each plugin, beside `pluginConfig`.
    #[must_use]
    pub fn plugin_members(mut self, members: Value) -> Self {
        self.extras.plugin = Some(members);
        self
    }

    /// With connections that outlive a replaced configuration by no more than this.
    #[must_use]
    pub fn drain_seconds(mut self, seconds: u32) -> Self {
        self.options.drain_seconds = seconds;
        self
    }

    /// With a configuration that [`Running::reload`] may change, by listeners that are replaced.
    #[must_use]
    pub fn reloadable(mut self) -> Self {
        self.source = Source::Listeners;
        self
    }

    /// With a configuration that [`Running::reload`] may change, by filters that are replaced while
    /// their listeners stay (ECDS), as in Istio.
    #[must_use]
    pub fn discovered(mut self) -> Self {
        self.source = Source::Filters;
        self
    }

    /// Starts everything; panics with Envoy's log where Envoy refuses.
    #[track_caller]
    pub fn start(self) -> Running {
        self.try_start()
            .unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"))
    }

    /// Starts everything and expects Envoy to refuse; returns what the module logged, a line each,
    /// `LEVEL MESSAGE`.
    #[track_caller]
    pub fn refused(self) -> Vec<String> {
        match self.try_start() {
            Ok(_) => panic!("Envoy started with a configuration that it must refuse"),
            Err(log) => envoy::module_lines(&log),
        }
    }

    fn try_start(self) -> Result<Running, String> {
        let endpoint = KeyEndpoint::start();
        let key = KeyPair::generate(KID);
        endpoint.serve_key(&key);
        let upstream = match self.upstream {
            Upstream::Http1 => upstream::start(),
            Upstream::Http2 => crate::http2::start_upstream(),
        };
        let folder = Folder::new();
        let mut site = Site {
            scenario: self,
            upstream,
        };
        let keys = ("keys".to_owned(), endpoint.addr());
        site.scenario.clusters.push(keys);
        site.write_filters(&folder);
        site.write_listeners(&folder);
        let bootstrap = site.bootstrap(&folder, |b: &Bootstrap<'_>| b.to_json());
        let envoy = Envoy::start(folder, &bootstrap, &site.scenario.options)?;
        let listeners = eventually("the listeners are bound", || {
            let listeners = envoy.listeners();
            (listeners.len() == site.plugins().len()).then_some(listeners)
        });
        Ok(Running {
            envoy,
            listeners,
            endpoint,
            key,
            load_balancer: alb::load_balancer(),
            site,
        })
    }
}

/// A scenario and the addresses that its bootstrap names.
pub(crate) struct Site {
    scenario: Scenario,
    upstream: SocketAddr,
}

impl Site {
    fn plugins(&self) -> Vec<Plugin> {
        let scenario = &self.scenario;
        let whole = || Some(Value::Object(scenario.config.clone()).to_string());
        let first = Plugin {
            root_id: scenario.root_id.clone(),
            config: scenario.text.clone().unwrap_or_else(whole),
        };
        [&[first], scenario.further.as_slice()].concat()
    }

    /// Changes these members of the first plugin's configuration.
    pub(crate) fn reconfigure(&mut self, members: Value) {
        self.scenario.config.extend(alb::object(members));
    }

    /// Counters that tell how Envoy took an update, good and bad.
    pub(crate) fn update_counters(&self) -> [String; 2] {
        let prefix = match self.scenario.source {
            Source::Filters => {
                let name = &self.scenario.root_id;
                format!("extension_config_discovery.http_filter.{name}")
            }
            _ => "listener_manager.lds".to_owned(),
        };
        ["update_success", "update_rejected"].map(|name| format!("{prefix}.{name}"))
    }

    /// Puts the first plugin's changed configuration where Envoy watches for it.
    pub(crate) fn write_update(&self, folder: &Folder) {
        if self.scenario.source == Source::Filters {
            self.write_filters(folder);
        } else {
            self.write_listeners(folder);
        }
    }

    fn bootstrap(&self, folder: &Folder, read: impl Fn(&Bootstrap<'_>) -> Value) -> Value {
        let listener_file = folder.file("listeners.json");
        let filter_file = |index| folder.file(&filter_file(index));
        let source = self.scenario.source;
        read(&Bootstrap {
            plugins: &self.plugins(),
            module: &self.scenario.module.clone().unwrap_or_else(envoy::module),
            access_log: &folder.file("access.log"),
            listener_file: (source != Source::Static).then_some(&listener_file),
            filter_file: (source == Source::Filters).then_some(&filter_file),
            routes: &self.scenario.routes,
            upstream: (self.scenario.upstream, self.upstream),
            clusters: &self.scenario.clusters,
            extras: &self.scenario.extras,
        })
    }

    fn write_listeners(&self, folder: &Folder) {
        let response = self.bootstrap(folder, |b: &Bootstrap<'_>| b.listener_response());
        folder.exchange("listeners.json", &response);
    }

    fn write_filters(&self, folder: &Folder) {
        for index in 0..self.plugins().len() {
            let response = self.bootstrap(folder, |b: &Bootstrap<'_>| b.filter_response(index));
            folder.exchange(&filter_file(index), &response);
        }
    }

    /// Takes every listener away.
    pub(crate) fn write_no_listeners(&self, folder: &Folder) {
        folder.exchange("listeners.json", &json!({"resources": []}));
    }
}

fn filter_file(index: usize) -> String {
    format!("filter-{index}.json")
}
