"""Programs with a bearer token of their own, judged by RequestAuthentication, beside users with the
load balancer's."""

import json
from contextlib import contextmanager

from testbed.processes import eventually
from testbed.site import SYSTEM
from testbed.tokens import LoadBalancer

from .without_token import PROBE

MACHINES = LoadBalancer("machines", "https://machines.example.com", "pipelines")
ADMIN = {"pathPrefix": "/admin/", "withHeader": "authorization"}
# A machine reaches its pipelines and nothing else.
PIPELINES_ONLY = {
    "apiVersion": "security.istio.io/v1",
    "kind": "AuthorizationPolicy",
    "metadata": {"name": "machines-reach-pipelines-only", "namespace": SYSTEM},
    "spec": {
        "selector": {"matchLabels": {"istio": "ingressgateway"}},
        "action": "DENY",
        "rules": [
            {
                "from": [{"source": {"requestPrincipals": [f"{MACHINES.issuer}/*"]}}],
                "to": [{"operation": {"notPaths": ["/pipeline/*"]}}],
            }
        ],
    },
}
# Envoy's jwt_authn takes these for no token at all and lets the request pass.
IGNORED_BY_JWT_AUTHN = {
    "empty": [""],
    "another scheme": ["Basic YWxpY2U6YWxpY2U="],
    "lower case": ["bearer TOKEN"],
    "the scheme alone": ["Bearer"],
    "the scheme and a space": ["Bearer "],
    "two headers": ["Bearer TOKEN", "Basic YWxpY2U6YWxpY2U="],
    "two headers, the other way round": ["Basic YWxpY2U6YWxpY2U=", "Bearer TOKEN"],
}


@contextmanager
def bearers(site, mode="enforce"):
    """The component for bearer tokens, with the machines' issuer where it says CHANGE, and a rule for its
    principals."""
    jwks = json.dumps({"keys": [site.machine_key.jwk()]})
    issuer = [
        {"op": "replace", "path": "/spec/jwtRules/0/issuer", "value": MACHINES.issuer},
        {"op": "remove", "path": "/spec/jwtRules/0/jwksUri"},
        {"op": "add", "path": "/spec/jwtRules/0/jwks", "value": jwks},
    ]
    plugin = [
        {"op": "replace", "path": "/spec/pluginConfig/mode", "value": mode},
        {"op": "add", "path": "/spec/pluginConfig/allowMissingToken/-", "value": ADMIN},
    ]
    patches = [("RequestAuthentication", issuer), ("WasmPlugin", plugin)]
    overlay = site.overlay(components=["bearer-tokens"], patches=patches)
    site.api.apply_folder(overlay)
    try:
        with site.applied(PIPELINES_ONLY):
            eventually("the policies are in force", lambda: send(site, "Bearer TOKEN", path="/admin/").is_rbac)
            eventually("the filter lets bearers pass", lambda: send(site, "Bearer TOKEN").status == 200)
            yield
    finally:
        site.restore()
        site.api.kubectl("delete", "requestauthentication", "alb-authn-bearer", "-n", SYSTEM)
        site.api.kubectl("delete", "authorizationpolicy", "alb-authn-require-identity", "-n", SYSTEM)
        ours = {"envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"}
        eventually("the policies are gone", lambda: not ours & set(site.gateway.http_filters()))


def bearer(site, key=None, expires_in=300):
    """A machine's token: unpadded, as RFC 7515 has it."""
    key = key or site.machine_key
    return MACHINES.token(key, "robot@example.com", expires_in=expires_in, padded=False, aud="kubeflow")


def send(site, *values, path="/pipeline/", token=None):
    """A request with these `authorization` headers; TOKEN stands for a valid bearer token."""
    token = token or bearer(site)
    return site.to_gateway(path, [("authorization", value.replace("TOKEN", token)) for value in values])


def test_a_valid_bearer_passes_and_gets_its_own_rule(site):
    with bearers(site):
        answer = send(site, "Bearer TOKEN")
        assert answer.status == 200 and answer.arrived("kubeflow-userid") is None, answer
        assert send(site, "Bearer TOKEN", path="/admin/").is_rbac
        # Users are judged as ever.
        assert site.as_user("alice", "/admin/").arrived("kubeflow-userid") == "alice@example.com"
        assert site.to_gateway("/pipeline/").reason == "missing_token"


def test_an_invalid_bearer_is_refused(site):
    with bearers(site):
        invalid = {
            "another key's": bearer(site, key=site.key),
            "an expired one": bearer(site, expires_in=-3600),
            "no JSON Web Token": "abc",
        }
        for name, token in invalid.items():
            answer = send(site, "Bearer TOKEN", token=token)
            assert answer.status == 401 and answer.reason is None, f"{name}: {answer}"


def test_forms_that_jwt_authn_ignores_never_pass(site):
    with bearers(site):
        for name, values in IGNORED_BY_JWT_AUTHN.items():
            answer = send(site, *values)
            assert (answer.status, answer.reason) == (401, "missing_token"), f"{name}: {answer}"


def test_the_deny_policy_alone_refuses_them_too(site):
    forged = bearer(site, key=site.key)
    with bearers(site, mode="observe"):
        for name, values in IGNORED_BY_JWT_AUTHN.items():
            answer = send(site, *values, token=forged)
            # jwt_authn joins two headers with a comma, and may find the forged token in that.
            by_jwt_authn = answer.status == 401 and answer.reason is None and len(values) == 2
            assert answer.is_rbac or by_jwt_authn, f"{name}: {answer}"
        assert site.as_user("alice").status == 200


def test_knatives_probe_passes_as_before(site):
    with bearers(site):
        assert site.to_gateway("/healthz", PROBE).status == 200
        assert site.to_gateway("/healthz").reason == "missing_token"
