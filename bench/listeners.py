"""Envoy's bootstrap: a listener for each case, all alike but for their filter."""

TYPES = "type.googleapis.com/envoy.extensions.filters"
RESPONSE = {"status": 200, "body": {"inline_string": "ok\n"}}
KEYS_CLUSTER = "outbound|443||public-keys.auth.elb.us-west-2.amazonaws.com"


def bootstrap(filters, keys_port, services=None, routes=None):
    """`filters`: each listener's name and its filters before the router. `services`: names and ports of clusters for
    ext_authz. `routes`: by listener, those that come before the one that all requests match."""
    return {
        "node": {"id": "bench", "cluster": "bench"},
        "admin": {"address": address(0)},
        "static_resources": {
            "listeners": [listener(name, chain, (routes or {}).get(name, ())) for name, chain in filters.items()],
            "clusters": [cluster(*each) for each in ((KEYS_CLUSTER, keys_port), *(services or {}).items())],
        },
    }


def address(port):
    """Port 0: the system chooses."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(name, filters, routes=()):
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
                    "routes": [*routes, {"match": {"prefix": "/"}, "direct_response": RESPONSE}],
                }
            ]
        },
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return {"name": name, "address": address(0), "filter_chains": [{"filters": [network]}]}


def identity_route(path, header):
    """A route that shows, as the response header `x-shown`, a request header as it leaves the filters."""
    shown = {"header": {"key": "x-shown", "value": f"%REQ({header})%"}}
    return {"match": {"path": path}, "direct_response": RESPONSE, "response_headers_to_add": [shown]}


def other_routes(count):
    """So many routes that no request of the benchmark matches."""
    return [
        {"match": {"prefix": f"/service-{number:04}/"}, "direct_response": RESPONSE} for number in range(count)
    ]


def cluster(name, port):
    """A server on this machine. The public keys' has the name that the filter asks for by default."""
    endpoint = {"endpoint": {"address": address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
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


def ext_authz(service, sent, identity):
    """Asks a service over HTTP about each request. It gets the header `sent`; `identity` is the header that it sets."""
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": f"{TYPES}.http.ext_authz.v3.ExtAuthz",
            "http_service": {
                "server_uri": {"uri": f"http://{service}", "cluster": service, "timeout": "10s"},
                "authorization_response": {"allowed_upstream_headers": exactly(identity)},
            },
            "allowed_headers": exactly(sent),
        },
    }


def exactly(header):
    """Matches one header's name."""
    return {"patterns": [{"exact": header}]}


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
