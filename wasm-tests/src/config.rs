//! Envoy's bootstrap for one scenario, as JSON.
//!
//! The connection manager stays close to a gateway's: both HTTP versions, WebSocket upgrades,
//! extended CONNECT. Paths are not normalised, so that the module itself meets the ugly ones.

use std::net::SocketAddr;
use std::path::Path;

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
}

impl Bootstrap<'_> {
    pub(crate) fn to_json(&self) -> Value {
        let (protocol, addr) = self.upstream;
        let mut clusters = vec![cluster("upstream", addr, protocol)];
        for (name, addr) in self.clusters {
            clusters.push(cluster(name, *addr, Upstream::Http1));
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
    pub(crate) fn discovery_response(&self) -> Value {
        let mut listeners = self.listeners();
        for listener in &mut listeners {
            listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
        }
        json!({"resources": listeners})
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
            "route": {"cluster": "upstream", "timeout": "60s"},
        }));
        routes.push(json!({
            "match": {"connect_matcher": {}},
            "route": {"cluster": "upstream"},
        }));
        let manager = json!({
            "@type": type_url("network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "ingress",
            "codec_type": "AUTO",
            "max_request_headers_kb": 96,
            "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
            "http2_protocol_options": {"allow_connect": true},
            "access_log": [self.access_log()],
            "http_filters": [wasm_filter(plugin, self.module), router()],
            "route_config": {"virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": routes},
            ]},
        });
        json!({
            "name": format!("listener-{index}"),
            "address": any_port(),
            "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager},
            ]}],
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

fn wasm_filter(plugin: &Plugin, module: &Path) -> Value {
    let mut config = json!({
        "name": plugin.root_id,
        "root_id": plugin.root_id,
        "failure_policy": "FAIL_CLOSED",
        "vm_config": {
            "vm_id": "",
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
        },
    });
    if let Some(text) = &plugin.config {
        config["configuration"] =
            json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
    }
    json!({
        "name": "envoy.filters.http.wasm",
        "typed_config": {"@type": type_url("http.wasm.v3.Wasm"), "config": config},
    })
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
