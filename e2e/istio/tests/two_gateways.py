"""Two gateways, each behind a load balancer of its own, with a configuration of its own."""

from contextlib import contextmanager

from testbed import client
from testbed.mesh import Istiod
from testbed.processes import eventually
from testbed.site import SYSTEM
from testbed.tokens import LoadBalancer

PARTNER = LoadBalancer(
    "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/partner/0123456789abcdef",
    "https://login.partner.example.com",
    "partner-portal",
)


@contextmanager
def partner_gateway(site, istiod=None):
    """A second gateway with a plugin of its own. Yields what sends a token to it."""
    plugin = site.plugin(
        {"selector": {"matchLabels": {"istio": "partner-gateway"}}},
        loadBalancers=[{"arn": PARTNER.arn, "issuers": [PARTNER.issuer], "clientIds": [PARTNER.client]}],
        outputClaimToHeaders=[{"header": "kubeflow-userid", "claim": "email", "prefix": "partner:"}],
    )
    plugin["metadata"]["name"] = "alb-authn-partner"
    port = site.ports["partner_gateway"]
    with site.applied(plugin):
        labels = {"istio": "partner-gateway"}
        gateway = site.start_proxy("router", "partner-gateway", SYSTEM, "partner", labels, istiod)
        try:
            gateway.await_ready()
            yield lambda token: client.send(port, "/", [("x-amzn-oidc-data", token)])
        finally:
            gateway.end()


def test_two_gateways_trust_their_own_load_balancers_only(site):
    ours, theirs = site.token(), site.token(load_balancer=PARTNER)
    with partner_gateway(site) as send:
        eventually("their gateway serves their users", lambda: send(theirs).status == 200)
        assert send(theirs).arrived("kubeflow-userid") == "partner:alice@example.com"
        assert site.to_gateway(token=ours).arrived("kubeflow-userid") == "alice@example.com"
        assert send(ours).reason == "untrusted_signer"
        assert site.to_gateway(token=theirs).reason == "untrusted_signer"


def test_a_gateway_with_filtered_clusters_gets_keys_by_the_component(site):
    theirs = site.token(load_balancer=PARTNER)
    settings = {"PILOT_FILTER_GATEWAY_CLUSTER_CONFIG": "true"}
    folder = site.folder / "filtering"
    istiod = Istiod(site.pair, site.processes, site.api, folder, "istiod-filtering", settings)
    to_partner = [{"op": "replace", "path": "/spec/gateways/0", "value": "kubeflow/partner-gateway"}]
    overlay = site.overlay(components=["filtered-gateway-clusters"], patches=[("VirtualService", to_partner)])
    try:
        with partner_gateway(site, istiod) as send:
            eventually("no key without the component", lambda: send(theirs).reason == "key_unavailable")
            site.api.apply_folder(overlay)
            eventually("a key with it", lambda: send(theirs).status == 200)
    finally:
        site.processes.end("istiod-filtering")
        site.api.kubectl("delete", "--ignore-not-found", "virtualservice", "alb-public-keys", "-n", SYSTEM)
