"""A host for one group only: the component groups-policy, with tokens and keys of Cognito's form."""

import json
from contextlib import contextmanager

from testbed.key_endpoint import KeyEndpoint
from testbed.processes import eventually
from testbed.site import PLUGIN, SYSTEM, write_env
from testbed.tokens import LoadBalancer, key_set

from .access_token import ISSUER_KEYS, issuer_keys
from .without_token import PROBE

POOL_HOST = "cognito-idp.us-west-2.amazonaws.com"
POOL = f"https://{POOL_HOST}/us-west-2_EXAMPLE"
KEY_SET_PATH = "us-west-2_EXAMPLE/.well-known/jwks.json"
HOST = "ml.example.com"
OPEN_HOST = "kubeflow.example.com"
# Kubeflow's own policy at the gateway (common/istio/istio-install/base).
KUBEFLOWS = {
    "apiVersion": "security.istio.io/v1",
    "kind": "AuthorizationPolicy",
    "metadata": {"name": "istio-ingressgateway", "namespace": SYSTEM},
    "spec": {"selector": {"matchLabels": {"istio": "ingressgateway"}}, "action": "ALLOW", "rules": [{}]},
}
LEFT = [
    ("serviceentry", ISSUER_KEYS),
    ("destinationrule", ISSUER_KEYS),
    ("requestauthentication", "alb-authn-access-token"),
    ("requestauthentication", "alb-authn-bearer"),
    ("authorizationpolicy", "alb-authn-group-host"),
    ("authorizationpolicy", "alb-authn-require-identity"),
]


class Members:
    """Sends requests to the gateway with a user's two tokens, either of which can be another's."""

    def __init__(self, site, load_balancer):
        self.site = site
        self.load_balancer = load_balancer

    def access_token(self, user, *groups, **more):
        return self.load_balancer.access_token(f"{user}@example.com", groups, **more)

    def send(self, user, access_token=None, host=HOST, path="/", headers=()):
        """As `user`, or without a login if there is none."""
        token = user and self.site.token(user, load_balancer=self.load_balancer)
        if access_token:
            headers = [*headers, ("x-amzn-oidc-accesstoken", access_token)]
        return self.site.to_gateway(path, headers, token=token, host=host)

    def member(self, host=HOST):
        return self.send("alice", self.access_token("alice", "ops", "ml"), host)


@contextmanager
def group_host(site, components=(), patches=(), istiod_has_keys=True):
    """The component, with the pool's keys on this machine, beside Kubeflow's own policy."""
    write_env(
        site.folder / "deploy" / "components" / "groups-policy" / "params.env",
        groupHost=HOST, group="ml", jwksUri=f"https://{POOL_HOST}/{KEY_SET_PATH}",
    )
    pool = KeyEndpoint(*site.authority.issue("pool", f"DNS:{POOL_HOST}"))
    pool.keys[KEY_SET_PATH] = key_set()
    patches = [*patches, *issuer_keys(pool.port, site.authority.certificate)]
    if istiod_has_keys:
        patches.append(("RequestAuthentication/alb-authn-access-token", rule_with(key_set())))
    try:
        with site.issuer(POOL), site.applied(KUBEFLOWS):
            folder = site.overlay(components=["groups", *components, "groups-policy"], patches=patches)
            site.api.apply_folder(folder)
            plugin = site.api.get("wasmplugin", PLUGIN, SYSTEM)
            members = Members(site, LoadBalancer.trusted_by(plugin["spec"]["pluginConfig"]))
            eventually("nobody else passes", lambda: members.send("bob").is_rbac)
            if istiod_has_keys:
                eventually("a member passes", lambda: members.member().status == 200)
            yield members
    finally:
        pool.close()
        site.restore()
        for kind, name in LEFT:
            site.api.kubectl("delete", "--ignore-not-found", kind, name, "-n", SYSTEM)
        ours = {"envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"}
        eventually("the policies are gone", lambda: not ours & set(site.gateway.http_filters()))


def rule_with(keys):
    """The operations that give a RequestAuthentication its keys in place of what istiod would fetch."""
    return [
        {"op": "remove", "path": "/spec/jwtRules/0/jwksUri"},
        {"op": "add", "path": "/spec/jwtRules/0/jwks", "value": keys},
    ]


def test_a_member_passes(site):
    with group_host(site) as members:
        answer = members.member()
        assert answer.arrived("kubeflow-userid") == "alice@example.com", answer
        assert answer.arrived("kubeflow-groups") == "ops,ml", answer
        assert answer.arrived("x-host-group") == "ml", answer
        assert answer.arrived("x-amzn-oidc-accesstoken") is None, answer
        # The only group, and one of Cognito's form for federated users beside it.
        for groups in (["ml"], ["us-west-2_EXAMPLE_Okta", "ml"]):
            answer = members.send("alice", members.access_token("alice", *groups))
            assert answer.status == 200, f"{groups}: {answer}"
        # Nothing but claims lets anybody in.
        site.api.kubectl("delete", "requestauthentication", "alb-authn-access-token", "-n", SYSTEM)
        eventually("without claims nobody passes", lambda: members.member().is_rbac)


def test_who_is_no_member_or_cannot_show_it_does_not_pass(site):
    with group_host(site) as members:
        alices = members.access_token("alice", "ml")
        bobs = members.access_token("bob", "ops")
        head, _, signature = alices.rpartition(".")
        denied = {
            "another group": ("bob", bobs),
            "no group": ("carol", members.access_token("carol")),
            "a name that starts alike": ("bob", members.access_token("bob", "ml2")),
            "a name that ends alike": ("bob", members.access_token("bob", "notml")),
            "another case": ("bob", members.access_token("bob", "ML")),
            "a comma in a name": ("bob", members.access_token("bob", "ops,ml")),
            "another claim": ("bob", members.access_token("bob", groups=["ml"])),
            "a member's own, missing": ("alice", None),
            "a member's own, expired": ("alice", members.access_token("alice", "ml", expires_in=-3600)),
            "a member's, swapped": ("bob", alices),
            "a member's, at the other client": ("alice", members.access_token("alice", "ml", client_id="other")),
            "a member's, from another issuer": ("alice", members.access_token("alice", "ml", iss=f"{POOL}2")),
            "a forged one": ("bob", f"{head}.{signature[::-1]}"),
            "no token at all": ("bob", "ml"),
        }
        for name, (user, access_token) in denied.items():
            answer = members.send(user, access_token)
            assert answer.is_rbac, f"{name}: {answer}"
            # Nothing that keeps the user out of the other host.
            answer = members.send(user, access_token, host=OPEN_HOST)
            assert answer.arrived("kubeflow-userid") == f"{user}@example.com", f"{name}: {answer}"
            assert answer.arrived("x-host-group") is None, f"{name}: {answer}"
            assert answer.arrived("x-amzn-oidc-accesstoken") is None, f"{name}: {answer}"


def test_headers_and_spellings_do_not_make_a_member(site):
    with group_host(site) as members:
        bobs = members.access_token("bob", "ops")
        alices = members.access_token("alice", "ml")
        spoofed = {
            "the header": [("x-host-group", "ml")],
            "underscores": [("x_host_group", "ml")],
            "a second access token": [("x-amzn-oidc-accesstoken", alices)],
            "another spelling": [("x_amzn_oidc_accesstoken", alices)],
            "a bearer token, which nothing reads": [("authorization", f"Bearer {alices}")],
        }
        for name, headers in spoofed.items():
            answer = members.send("bob", bobs, headers=headers)
            assert answer.is_rbac, f"{name}: {answer}"
        for host in (HOST.upper(), f"{HOST}:443", f"{HOST}."):
            answer = members.send("bob", bobs, host=host)
            assert answer.is_rbac, f"{host}: {answer}"
            assert members.member(host).status == 200, host
        assert members.send(None, alices).reason == "missing_token"
        assert members.send(None, alices, path="/healthz", headers=PROBE).is_rbac


def test_while_istiod_lacks_the_keys_no_access_token_passes(site):
    with group_host(site, istiod_has_keys=False) as members:
        eventually("the rule is in force", lambda: members.member(OPEN_HOST).status == 401)
        for host in (HOST, OPEN_HOST):
            answer = members.member(host)
            assert answer.status == 401 and answer.reason is None, f"{host}: {answer}"
        assert members.send("alice").is_rbac
        assert members.send("alice", host=OPEN_HOST).status == 200


# Istio sorts the rules by issuer. The claims of which token count if there are two depends on the order.
BEARER_ISSUERS = ["https://a.example.com", "https://machines.example.com", POOL]


def test_with_a_bearer_token_beside_it_nobody_mixes_two_identities(site):
    for issuer in BEARER_ISSUERS:
        with bearers_beside(site, issuer) as (members, bearer):
            nobody_mixes(members, bearer, issuer)


@contextmanager
def bearers_beside(site, issuer):
    """Programs of `issuer` with bearer tokens beside users. Yields what sends, and makes a program's header."""
    programs = LoadBalancer("programs", issuer, "pipelines")
    jwks = key_set() if issuer == POOL else json.dumps({"keys": [site.machine_key.jwk()]})
    rule = [{"op": "replace", "path": "/spec/jwtRules/0/issuer", "value": issuer}, *rule_with(jwks)]

    def bearer(*groups):
        robot = "robot@example.com"
        if issuer == POOL:
            token = programs.access_token(robot, groups, aud="kubeflow")
        else:
            claims = {"aud": "kubeflow", "cognito:groups": list(groups)}
            token = programs.token(site.machine_key, robot, padded=False, **claims)
        return ("authorization", f"Bearer {token}")

    patches = [("RequestAuthentication/alb-authn-bearer", rule)]
    with group_host(site, components=["bearer-tokens"], patches=patches) as members:
        def program():
            return members.send(None, host=OPEN_HOST, path="/pipeline/", headers=[bearer()])

        eventually("a program passes", lambda: is_program(program()))
        yield members, bearer


def is_program(answer):
    return answer.arrived("kubeflow-userid") is None


def nobody_mixes(members, bearer, issuer):
    alices, bobs = members.access_token("alice", "ml"), members.access_token("bob", "ops")
    denied = {
        "a program in no group": (None, None, bearer("ops")),
        "with a member's access token": (None, alices, bearer("ops")),
        "with a member's access token, in no group": (None, alices, bearer()),
        "a user with a member's bearer token": ("bob", bobs, bearer("ml")),
        "without an access token": ("bob", None, bearer("ml")),
        "with two tokens of members": ("bob", alices, bearer("ml")),
    }
    for name, (user, access_token, header) in denied.items():
        answer = members.send(user, access_token, path="/pipeline/", headers=[header])
        assert answer.is_rbac, f"{issuer}: {name}: {answer}"
        # At the other host each is who he is, with his own groups.
        answer = members.send(user, access_token, host=OPEN_HOST, path="/pipeline/", headers=[header])
        assert answer.arrived("kubeflow-userid") == (user and f"{user}@example.com"), f"{issuer}: {name}: {answer}"
        groups = "ops" if access_token == bobs else None
        assert answer.arrived("kubeflow-groups") == groups, f"{issuer}: {name}: {answer}"
    # Only programs of the pool itself are members by their own groups.
    answer = members.send(None, path="/pipeline/", headers=[bearer("ml")])
    passes = answer.status == 200 and is_program(answer)
    assert passes if issuer == POOL else answer.is_rbac, f"{issuer}: {answer}"
    # A member with a program's token is denied, or herself.
    answer = members.send("alice", alices, path="/pipeline/", headers=[bearer()])
    assert answer.is_rbac or answer.arrived("kubeflow-userid") == "alice@example.com", f"{issuer}: {answer}"
    # An invalid bearer token does not keep a user out, and changes nothing.
    answer = members.send("bob", bobs, host=OPEN_HOST, path="/pipeline/", headers=[("authorization", "Bearer forged")])
    assert answer.arrived("kubeflow-groups") == "ops", f"{issuer}: {answer}"
