//! What Envoy of one scenario reads: its bootstrap, and the listeners and filters that it watches.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::alb;
use crate::config::{Bootstrap, Extras, Plugin, Upstream};
use crate::folder::Folder;
use crate::settings;

/// Where Envoy has the listeners and filters from.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Source {
    /// All is in the bootstrap.
    Static,
    /// Listeners come by discovery (LDS).
    Listeners,
    /// Listeners and, on their own, filters come by discovery (LDS and ECDS), as in Istio.
    Filters,
}

/// What a scenario asks for.
pub(crate) struct Setup {
    /// Top-level members of the first plugin's configuration.
    pub(crate) config: Map<String, Value>,
    /// The plugins after the first.
    pub(crate) further: Vec<Plugin>,
    /// The first plugin's configuration as a text, in place of `config`.
    pub(crate) text: Option<Option<String>>,
    /// The first plugin's root id.
    pub(crate) root_id: String,
    pub(crate) upstream: Upstream,
    pub(crate) routes: Vec<Value>,
    pub(crate) clusters: Vec<(String, SocketAddr)>,
    pub(crate) extras: Extras,
    pub(crate) source: Source,
    pub(crate) module: Option<PathBuf>,
}

impl Setup {
    /// One plugin with this configuration, all of it in the bootstrap.
    pub(crate) fn new(config: Map<String, Value>) -> Self {
        Self {
            config,
            further: Vec::new(),
            text: None,
            root_id: "alb-authn".to_owned(),
            upstream: Upstream::default(),
            routes: Vec::new(),
            clusters: Vec::new(),
            extras: Extras::default(),
            source: Source::Static,
            module: None,
        }
    }
}

/// A setup and the addresses that its bootstrap names.
pub(crate) struct Site {
    setup: Setup,
    upstream: SocketAddr,
}

impl Site {
    /// `keys` is the key endpoint's address, of the cluster `keys`; `key_sets` that of the key sets, of the
    /// cluster `cognito`.
    pub(crate) fn new(
        mut setup: Setup,
        upstream: SocketAddr,
        keys: SocketAddr,
        key_sets: SocketAddr,
    ) -> Self {
        setup.clusters.push(("keys".to_owned(), keys));
        setup.clusters.push(("cognito".to_owned(), key_sets));
        Self { setup, upstream }
    }

    /// Writes all that Envoy reads; returns the bootstrap's path.
    pub(crate) fn write(&self, folder: &Folder) -> PathBuf {
        self.write_filters(folder);
        self.write_listeners(folder);
        let bootstrap = self.bootstrap(folder, |b: &Bootstrap<'_>| b.to_json());
        folder.write("envoy.json", &bootstrap.to_string())
    }

    /// Each plugin, in the order of the listeners.
    pub(crate) fn plugins(&self) -> Vec<Plugin> {
        let setup = &self.setup;
        let whole = || Some(Value::Object(setup.config.clone()).to_string());
        let first = Plugin {
            root_id: setup.root_id.clone(),
            config: setup.text.clone().unwrap_or_else(whole),
        };
        [&[first], setup.further.as_slice()].concat()
    }

    /// Changes these members of the first plugin's configuration.
    pub(crate) fn reconfigure(&mut self, members: Value) {
        self.setup.config.extend(alb::object(members));
    }

    /// Counters that tell how Envoy took an update, good and bad.
    pub(crate) fn update_counters(&self) -> [String; 2] {
        let prefix = match self.setup.source {
            Source::Filters => {
                let name = &self.setup.root_id;
                format!("extension_config_discovery.http_filter.{name}")
            }
            _ => "listener_manager.lds".to_owned(),
        };
        ["update_success", "update_rejected"].map(|name| format!("{prefix}.{name}"))
    }

    /// Puts the first plugin's changed configuration where Envoy watches for it.
    pub(crate) fn write_update(&self, folder: &Folder) {
        if self.setup.source == Source::Filters {
            self.write_filters(folder);
        } else {
            self.write_listeners(folder);
        }
    }

    fn bootstrap(&self, folder: &Folder, read: impl Fn(&Bootstrap<'_>) -> Value) -> Value {
        let listener_file = folder.file("listeners.json");
        let filter_file = |index| folder.file(&filter_file(index));
        let source = self.setup.source;
        read(&Bootstrap {
            plugins: &self.plugins(),
            module: &self.setup.module.clone().unwrap_or_else(settings::module),
            access_log: &folder.file("access.log"),
            listener_file: (source != Source::Static).then_some(&listener_file),
            filter_file: (source == Source::Filters).then_some(&filter_file),
            routes: &self.setup.routes,
            upstream: (self.setup.upstream, self.upstream),
            clusters: &self.setup.clusters,
            extras: &self.setup.extras,
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
