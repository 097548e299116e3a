"""deploy/envoy-gateway: what the API server says of it, and what becomes of it in Envoy Gateway and its Envoy."""

import json

from testbed import programs
from testbed.envoy_gateway import NAMESPACE, image_patch
from testbed.key_endpoint import KEY_HOST
from testbed.processes import eventually
from testbed.tokens import Key


def test_the_api_server_accepts_the_manifest_whole(site):
    site.api.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", programs.ENVOY_GATEWAY_MANIFEST)
    policy = site.api.get("envoyextensionpolicy", "alb-authn", NAMESPACE)
    wasm = policy["spec"]["wasm"][0]
    assert wasm["failOpen"] is False
    # The filter's configuration is kept as it is, whatever the CRD knows of it.
    endpoint = wasm["config"]["loadBalancers"][0]["keyEndpoint"]
    assert endpoint == {"cluster": f"httproute/{NAMESPACE}/alb-public-keys/rule/0"}


def test_the_api_server_refuses_broken_manifests(site):
    wasm, code = "/spec/wasm/0", "/spec/wasm/0/code"
    http = {"url": "https://example.com/plugin.wasm"}
    broken = {
        "an unknown field": ("envoyextensionpolicy", f"{wasm}/failClosed", True, "unknown field"),
        "a source of an unknown kind": ("envoyextensionpolicy", f"{code}/type", "Git", "spec.wasm[0].code.type"),
        "a source of another kind": ("envoyextensionpolicy", f"{code}/type", "HTTP", "spec.wasm[0].code"),
        "two sources": ("envoyextensionpolicy", f"{code}/http", http, "spec.wasm[0].code"),
        "a word for failOpen": ("envoyextensionpolicy", f"{wasm}/failOpen", "never", "failOpen"),
        "no target": ("envoyextensionpolicy", "/spec/targetRefs", None, "targetRef"),
        "keys without a host name": ("backendtlspolicy", "/spec/validation/hostname", None, "hostname"),
        "keys of unknown authorities": (
            "backendtlspolicy", "/spec/validation/wellKnownCACertificates", None, "WellKnownCACertificates",
        ),
        "a port that is none": ("backend", "/spec/endpoints/0/fqdn/port", 70000, "port"),
    }
    for name, (kind, path, value, complaint) in broken.items():
        shipped = site.api.get(kind, "alb-authn" if kind == "envoyextensionpolicy" else "alb-public-keys", NAMESPACE)
        change(shipped, path.split("/")[1:], value)
        answer = site.api.kubectl(
            "apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(shipped), check=False
        )
        assert answer.returncode != 0, f"{name} was accepted"
        assert complaint in answer.stderr, f"{name}: {answer.stderr}"


def change(place, path, value):
    """Sets the member at `path`, or removes it where the value is None."""
    for step in path[:-1]:
        place = place[int(step) if isinstance(place, list) else step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value


def test_users_arrive_with_their_identity_and_nobody_else_does(site):
    alice = "alice@example.com"
    answer = site.send(token=site.token(), headers=[("kubeflow-userid", "bob@example.com")])
    assert answer.arrived("kubeflow-userid") == alice
    assert answer.arrived("x-amzn-oidc-data") is None
    stranger = site.load_balancer.of_another_account()
    refused = {
        "missing_token": {"headers": [("kubeflow-userid", alice)]},
        "untrusted_signer": {"token": site.token(load_balancer=stranger)},
        "token_expired": {"token": site.token(expires_in=-3600)},
    }
    for reason, request in refused.items():
        answer = site.send(**request)
        assert (answer.status, answer.reason) == (401, reason), f"{reason}: {answer}"


def test_the_route_to_the_keys_needs_a_token_too(site):
    answer = site.send("/.alb-authn/public-keys")
    assert (answer.status, answer.reason) == (401, "missing_token"), answer


def test_the_key_comes_over_tls_from_the_host_that_the_policy_names(site):
    assert (f"/{site.key.kid}", KEY_HOST, KEY_HOST) in site.endpoint.requests, site.endpoint.requests
    other = site.authority.issue("other", "DNS:public-keys.auth.elb.us-east-1.amazonaws.com")
    key = Key.generate(site.folder / "another.key")
    site.endpoint.keys[key.kid] = key.public_pem
    token = site.token(key=key)
    site.endpoint.show(*other)
    try:
        answer = site.send(token=token)
        assert (answer.status, answer.reason) == (503, "key_unavailable"), answer
    finally:
        site.endpoint.show(*site.key_certificate)
    eventually("the key is taken from the right host", lambda: site.user_of(site.send(token=token)))


def test_without_the_module_nobody_is_let_in(site):
    repository = site.image.partition("@")[0]
    site.show(image_patch(f"{repository}@sha256:{'0' * 64}"))
    token = site.token()
    eventually("alice is refused", lambda: site.send(token=token).status == 500)
    assert site.send().status == 500
    site.restore()


TESTS = [
    test_the_api_server_accepts_the_manifest_whole,
    test_the_api_server_refuses_broken_manifests,
    test_users_arrive_with_their_identity_and_nobody_else_does,
    test_the_route_to_the_keys_needs_a_token_too,
    test_the_key_comes_over_tls_from_the_host_that_the_policy_names,
    test_without_the_module_nobody_is_let_in,
]
