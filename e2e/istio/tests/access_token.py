"""Groups from the access token of a real provider, which the gateway verifies with the provider's keys."""

from contextlib import contextmanager

from testbed.processes import eventually
from testbed.site import SYSTEM, write_env

ISSUER_KEYS = "alb-issuer-keys"


@contextmanager
def groups(site, **config):
    """The component for access tokens, filled in for Dex, whose address and authority are this machine's."""
    component = site.folder / "deploy" / "components" / "groups-oidc"
    write_env(component / "params.env", keySetHost="dex.localhost", keySetPath="/dex/keys", groupsClaim="groups")
    fields = [{"op": "add", "path": f"/spec/pluginConfig/{name}", "value": value} for name, value in config.items()]
    patches = issuer_keys(site.login.ports["DEX_PORT"], site.login.certificate_authority)
    if fields:
        patches.append(("WasmPlugin", fields))
    site.api.apply_folder(site.overlay(components=["groups-oidc"], patches=patches))
    try:
        eventually("alice's groups arrive", lambda: groups_of(site, "alice") == "ml,admins")
        yield
    finally:
        site.restore()
        for kind in ("serviceentry", "destinationrule"):
            site.api.kubectl("delete", "--ignore-not-found", kind, ISSUER_KEYS, "-n", SYSTEM)
        eventually("no groups arrive any more", lambda: groups_of(site, "alice") is None)


def issuer_keys(port, authority):
    """Patches that have the gateway fetch the issuer's keys here, from a host that this authority vouches for."""
    endpoints = [{"address": "127.0.0.1", "ports": {"https": port}}]
    entry = [
        {"op": "replace", "path": "/spec/resolution", "value": "STATIC"},
        {"op": "add", "path": "/spec/endpoints", "value": endpoints},
    ]
    rule = [{"op": "replace", "path": "/spec/trafficPolicy/tls/caCertificates", "value": str(authority)}]
    return [(f"ServiceEntry/{ISSUER_KEYS}", entry), (f"DestinationRule/{ISSUER_KEYS}", rule)]


def groups_of(site, user):
    return site.as_user(user).arrived("kubeflow-groups")


def test_each_users_groups_arrive_from_the_providers_access_token(site):
    with groups(site):
        assert groups_of(site, "bob") == "ops"
        assert groups_of(site, "carol") is None
        answer = site.as_user("alice", "/", [("kubeflow-groups", "everything")])
        assert answer.arrived("kubeflow-groups") == "ml,admins", answer
        assert answer.arrived("x-amzn-oidc-accesstoken") is None, answer


def test_another_users_access_token_gives_nobody_groups(site):
    with groups(site, forwardToken=True):
        eventually("tokens are forwarded", lambda: site.as_user("alice").arrived("x-amzn-oidc-accesstoken"))
        alice, bob = (site.as_user(user) for user in ("alice", "bob"))

        def send(user, access_token_of):
            access_token = access_token_of.arrived("x-amzn-oidc-accesstoken")
            headers = [("x-amzn-oidc-accesstoken", access_token)]
            return site.to_gateway(headers=headers, token=user.arrived("x-amzn-oidc-data"))

        assert send(bob, bob).arrived("kubeflow-groups") == "ops"
        invalid = site.metric("access_token.invalid")
        swapped = send(bob, alice)
        assert swapped.arrived("kubeflow-userid") == "bob@example.com", swapped
        assert swapped.arrived("kubeflow-groups") is None, swapped
        assert swapped.arrived("x-amzn-oidc-accesstoken") is None, swapped
        assert site.metric("access_token.invalid") == invalid + 1
