//! A scenario: one Envoy with the module, an upstream, a key endpoint and an issuer's key sets.

use std::net::SocketAddr;
use std::path::PathBuf;

use alb_fixtures::example::user_pool;
use alb_fixtures::mint::KeyPair;
use serde_json::{Value, json};

use crate::access_token::KEY_SET;
use crate::alb::{self, KID};
use crate::config::{Plugin, Upstream};
use crate::envoy::{self, Envoy, Options};
use crate::folder::Folder;
use crate::groups::groups_required;
use crate::key_endpoint::{Answer, KeyEndpoint};
use crate::running::Running;
use crate::settings::setting;
use crate::site::{Setup, Site, Source};
use crate::upstream;
use crate::wait::eventually;

/// A scenario before its start. By default: one load balancer, one key, one worker, one plugin.
pub struct Scenario {
    setup: Setup,
    options: Options,
    /// The first answers of the endpoint of key sets, by path, in place of the default pool's set.
    key_sets: Vec<(String, Answer)>,
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
            setup: Setup::new(config),
            options: Options::default(),
            key_sets: Vec::new(),
        }
    }

    /// With these top-level members of `pluginConfig`, in place of the default ones.
    #[must_use]
    pub fn config(mut self, members: Value) -> Self {
        self.setup.config.extend(alb::object(members));
        self
    }

    /// With these members in the default load balancer's entry.
    #[must_use]
    pub fn load_balancer(mut self, members: Value) -> Self {
        let mut entry = alb::object(self.setup.config["loadBalancers"][0].take());
        entry.extend(alb::object(members));
        self.setup.config["loadBalancers"][0] = entry.into();
        self
    }

    /// With `accessToken` in the default load balancer's entry: its user pool's key set comes from the cluster `cognito`.
    #[must_use]
    pub fn access_token(self) -> Self {
        self.load_balancer(json!({"accessToken": {"jwks": {"cluster": "cognito"}}}))
    }

    /// With this answer for the default pool's key set ([`KEY_SET`]) from the start on, in place of the set.
    #[must_use]
    pub fn key_set(self, answer: Answer) -> Self {
        self.key_set_at(KEY_SET, answer)
    }

    /// With this answer for the key set at another path, as [`KeyEndpoint::set`] takes it.
    #[must_use]
    pub fn key_set_at(mut self, path: &str, answer: Answer) -> Self {
        self.key_sets.push((path.to_owned(), answer));
        self
    }

    /// With the access token's groups in the optional header `kubeflow-groups`, and one more plugin that is
    /// configured as the first is so far, but requires that header. See [`OPTIONAL`](crate::OPTIONAL).
    #[must_use]
    pub fn groups(self) -> Self {
        let mut requiring = self.setup.config.clone();
        requiring.extend(alb::object(groups_required(true)));
        self.config(groups_required(false))
            .plugin("requiring", requiring.into())
    }

    /// With this text as the configuration; `None`: no configuration.
    #[must_use]
    pub fn config_text(mut self, text: Option<&str>) -> Self {
        self.setup.text = Some(text.map(str::to_owned));
        self
    }

    /// With one more plugin in the same VM, on a listener of its own.
    #[must_use]
    pub fn plugin(mut self, root_id: &str, config: Value) -> Self {
        self.setup.further.push(Plugin {
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
        self.setup.upstream = protocol;
        self
    }

    /// With an Envoy route before the one to the upstream.
    #[must_use]
    pub fn route(mut self, route: Value) -> Self {
        self.setup.routes.push(route);
        self
    }

    /// With one more Envoy cluster.
    #[must_use]
    pub fn cluster(mut self, name: &str, addr: SocketAddr) -> Self {
        self.setup.clusters.push((name.to_owned(), addr));
        self
    }

    /// With these members in an Envoy cluster, in place of its own.
    #[must_use]
    pub fn cluster_members(mut self, name: &str, members: Value) -> Self {
        self.setup.extras.clusters.push((name.to_owned(), members));
        self
    }

    /// With these members in each connection manager, in place of its own.
    #[must_use]
    pub fn connection_manager(mut self, members: Value) -> Self {
        self.setup.extras.connection_manager = Some(members);
        self
    }

    /// With another module than the filter.
    #[must_use]
    pub fn module(mut self, path: PathBuf) -> Self {
        self.setup.module = Some(path);
        self
    }

    /// With these members in Envoy's configuration of each plugin, beside `pluginConfig`.
    #[must_use]
    pub fn plugin_members(mut self, members: Value) -> Self {
        self.setup.extras.plugin = Some(members);
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
        self.setup.source = Source::Listeners;
        self
    }

    /// With a configuration that [`Running::reload`] may change, by filters that are replaced while
    /// their listeners stay (ECDS), as in Istio.
    #[must_use]
    pub fn discovered(mut self) -> Self {
        self.setup.source = Source::Filters;
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
        let (key_sets, pool) = (KeyEndpoint::start(), user_pool());
        key_sets.set(KEY_SET, Answer::Body(pool.key_set().into_bytes()));
        for (path, answer) in &self.key_sets {
            key_sets.set(path, answer.clone());
        }
        let upstream = match self.setup.upstream {
            Upstream::Http1 => upstream::start(),
            Upstream::Http2 => crate::http2::start_upstream(),
        };
        let folder = Folder::new();
        let site = Site::new(self.setup, upstream, endpoint.addr(), key_sets.addr());
        let bootstrap = site.write(&folder);
        let envoy = Envoy::start(folder, &bootstrap, &self.options)?;
        let listeners = eventually("the listeners are bound", || {
            let listeners = envoy.listeners();
            (listeners.len() == site.plugins().len()).then_some(listeners)
        });
        Ok(Running {
            envoy,
            listeners,
            endpoint,
            key,
            key_sets,
            pool,
            load_balancer: alb::load_balancer(),
            site,
        })
    }
}
