"""Envoy's bootstrap: a listener for each case, all alike but for their filter."""

TYPES = "type.googleapis.com/envoy.extensions.filters"
RESPONSE = {"status": 200, "body": {"inline_string": "ok\n"}}
KEYS_CLUSTER = "outbound|443||public-keys.auth.elb.us-west-2.amazonaws.com"


def bootstrap(filters, keys_port):
    """`filters`: each listener's name and its filters before the router."""
    return {
        "node": {"id": "bench", "cluster": "bench"},
        "admin": {"address": address(0)},
        "static_resources": {
            "listeners": [listener(name, chain) for name, chain in filters.items()],
            "clusters": [keys_cluster(keys_port)],
        },
    }


def address(port):
    """Port 0: the system chooses."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(name, filters):
    """Answers by itself with `ok` what its filters let pass."""
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPES}.http.router.v3.Router"},
    }
    manager = {
        "@type": f"{TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "max_request_headers_kb": 96,
        "http_filters": [*filters, router],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "direct_response": RESPONSE}],
                }
            ]
        },
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return {"name": name, "address": address(0), "filter_chains": [{"filters": [network]}]}


def keys_cluster(port):
    """The public keys, under the name that the filter asks for by default."""
    endpoint = {"endpoint": {"address": address(port)}}
    return {
        "name": KEYS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": KEYS_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def wasm(name, module, configuration):
    """A Wasm filter in a VM of its own: what one case does to its memory must not touch another."""
    value = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration}
    code = {"local": {"filename": str(module)}}
    vm_config = {"vm_id": name, "runtime": "envoy.wasm.runtime.v8", "code": code}
    config = {
        "name": name,
        "root_id": name,
        "failure_policy": "FAIL_CLOSED",
        "vm_config": vm_config,
        "configuration": value,
    }
    return {
        "name": "envoy.filters.http.wasm",
        "typed_config": {"@type": f"{TYPES}.http.wasm.v3.Wasm", "config": config},
    }


def lua(code):
    """An inline Lua filter."""
    return {
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": f"{TYPES}.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    }


def jwt_authn(jwks, issuer, mapping, cache_size):
    """Envoy's own JWT filter with the key inline. `mapping`: header → claim; `cache_size` 0: no cache."""
    headers = [{"header_name": header, "claim_name": claim} for header, claim in mapping.items()]
    provider = {
        "issuer": issuer,
        "local_jwks": {"inline_string": jwks},
        "from_headers": [{"name": "x-amzn-oidc-data"}],
        "claim_to_headers": headers,
    }
    if cache_size:
        provider["jwt_cache_config"] = {"jwt_cache_size": cache_size, "jwt_max_token_size": 16384}
    return {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": f"{TYPES}.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"alb": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "alb"}}],
        },
    }
