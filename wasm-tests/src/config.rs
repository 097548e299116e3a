//! Envoy's bootstrap for one scenario, as JSON.
//!
//! The connection manager stays close to a gateway's: both HTTP versions, WebSocket upgrades,
//! extended CONNECT. Paths are not normalised, so that the module itself meets the ugly ones.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// One plugin: a root id and its configuration. Each has a listener of its own; as in Istio, all
/// share one VM.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// The root id.
    pub root_id: String,
    /// `pluginConfig` as the module gets it; `None`: no configuration at all.
    pub config: Option<String>,
}

/// The protocol between Envoy and the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Upstream {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: request trailers arrive.
    Http2,
}

/// What a bootstrap is made of.
pub(crate) struct Bootstrap<'a> {
    pub(crate) plugins: &'a [Plugin],
    pub(crate) module: &'a Path,
    pub(crate) access_log: &'a Path,
    /// Where listeners are read from when they may change; else they are static.
    pub(crate) listener_file: Option<&'a Path>,
    /// Routes before the one to the upstream.
    pub(crate) routes: &'a [Value],
    pub(crate) upstream: (Upstream, SocketAddr),
    /// Further clusters by name.
    pub(crate) clusters: &'a [(String, SocketAddr)],
    /// What else Envoy is told.
    pub(crate) extras: &'a Extras,
    /// Where the plugins' filters are read from when they may change; else they stand in the listeners.
    pub(crate) filter_file: Option<&'a dyn Fn(usize) -> PathBuf>,
}

/// Members that take the place of a bootstrap's own.
#[derive(Clone, Default)]
pub(crate) struct Extras {
    /// Of a cluster, by its name.
    pub(crate) clusters: Vec<(String, Value)>,
    /// Of each connection manager.
    pub(crate) connection_manager: Option<Value>,
    /// Of each plugin's `config`.
    pub(crate) plugin: Option<Value>,
}

impl Bootstrap<'_> {
    pub(crate) fn to_json(&self) -> Value {
        let (protocol, addr) = self.upstream;
        let mut clusters = vec![cluster("upstream", addr, protocol)];
        for (name, addr) in self.clusters {
            clusters.push(cluster(name, *addr, Upstream::Http1));
        }
        for cluster in &mut clusters {
            for (name, members) in &self.extras.clusters {
                if cluster["name"] == **name {
                    exchange(cluster, members);
                }
            }
        }
        let mut bootstrap = json!({
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": any_port()},
            "stats_flush_interval": "0.1s",
            "static_resources": {"clusters": clusters},
        });
        match self.listener_file {
            Some(path) => {
                bootstrap["dynamic_resources"] =
                    json!({"lds_config": {"path_config_source": {"path": path}}});
            }
            None => bootstrap["static_resources"]["listeners"] = self.listeners().into(),
        }
        bootstrap
    }

    /// A discovery response with the listeners.
    pub(crate) fn listener_response(&self) -> Value {
        let mut listeners = self.listeners();
        for listener in &mut listeners {
            listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
        }
        json!({"resources": listeners})
    }

    /// A discovery response with the filter of the plugin at `index`.
    pub(crate) fn filter_response(&self, index: usize) -> Value {
        let mut filter = self.wasm_filter(&self.plugins[index]);
        filter["@type"] = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig".into();
        json!({"resources": [filter]})
    }

    fn listeners(&self) -> Vec<Value> {
        let plugins = self.plugins.iter().enumerate();
        plugins
            .map(|(index, plugin)| self.listener(index, plugin))
            .collect()
    }

    fn listener(&self, index: usize, plugin: &Plugin) -> Value {
        let mut routes = self.routes.to_vec();
        routes.push(json!({
            "match": {"prefix": "/"},
            "route": {"cluster": "upstream", "timeout": "300s"},
        }));
        routes.push(json!({
            "match": {"connect_matcher": {}},
            "route": {"cluster": "upstream"},
        }));
        let mut manager = json!({
            "@type": type_url("network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "ingress",
            "codec_type": "AUTO",
            "max_request_headers_kb": 96,
            "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
            "http2_protocol_options": {"allow_connect": true},
            "access_log": [self.access_log()],
            "http_filters": [self.filter(index, plugin), router()],
            "route_config": {"virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": routes},
            ]},
        });
        if let Some(members) = &self.extras.connection_manager {
            exchange(&mut manager, members);
        }
        json!({
            "name": format!("listener-{index}"),
            "address": any_port(),
            "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager},
            ]}],
        })
    }

    /// The filter itself, or (as in Istio) where to read it from.
    fn filter(&self, index: usize, plugin: &Plugin) -> Value {
        let Some(file) = self.filter_file else {
            return self.wasm_filter(plugin);
        };
        json!({"name": plugin.root_id, "config_discovery": {
            "config_source": {"path_config_source": {"path": file(index)}},
            "type_urls": [type_url("http.wasm.v3.Wasm")],
        }})
    }

    fn wasm_filter(&self, plugin: &Plugin) -> Value {
        let mut config = json!({
            "name": plugin.root_id,
            "root_id": plugin.root_id,
            "failure_policy": "FAIL_CLOSED",
            "vm_config": {
                "vm_id": "",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": self.module}},
            },
        });
        if let Some(text) = &plugin.config {
            config["configuration"] =
                json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
        }
        if let Some(members) = &self.extras.plugin {
            exchange(&mut config, members);
        }
        json!({
            "name": plugin.root_id,
            "typed_config": {"@type": type_url("http.wasm.v3.Wasm"), "config": config},
        })
    }

    fn access_log(&self) -> Value {
        let reason = "%FILTER_STATE(wasm.alb_authn.reason:PLAIN)%";
        let user = "%FILTER_STATE(wasm.alb_authn.user:PLAIN)%";
        json!({
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": self.access_log,
                "log_format": {"json_format": {
                    "path": "%REQ(:PATH)%",
                    "code": "%RESPONSE_CODE%",
                    "reason": reason,
                    "user": user,
                }},
            },
        })
    }
}

/// Puts these members in the place of those of the same name.
fn exchange(object: &mut Value, members: &Value) {
    for (name, value) in members.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
}

fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": type_url("http.router.v3.Router")},
    })
}

fn cluster(name: &str, addr: SocketAddr, protocol: Upstream) -> Value {
    let options = match protocol {
        Upstream::Http1 => json!({"http_protocol_options": {}}),
        Upstream::Http2 => json!({"http2_protocol_options": {}}),
    };
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": options,
            },
        },
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": socket_address(addr)}},
        ]}]},
    })
}

fn any_port() -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}})
}

fn socket_address(addr: SocketAddr) -> Value {
    json!({"socket_address": {"address": addr.ip().to_string(), "port_value": addr.port()}})
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.filters.{name}")
}
