"""Point 8: two gateways, each behind a load balancer of its own, with a configuration of its own."""

from testbed import client
from testbed.processes import eventually
from testbed.site import SYSTEM
from testbed.tokens import LoadBalancer

PARTNER = LoadBalancer(
    "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/partner/0123456789abcdef",
    "https://login.partner.example.com",
    "partner-portal",
)


def test_8_two_gateways_trust_their_own_load_balancers_only(site):
    plugin = site.plugin(
        {"selector": {"matchLabels": {"istio": "partner-gateway"}}},
        loadBalancers=[{"arn": PARTNER.arn, "issuers": [PARTNER.issuer], "clientIds": [PARTNER.client]}],
        outputClaimToHeaders=[{"header": "kubeflow-userid", "claim": "email", "prefix": "partner:"}],
    )
    plugin["metadata"]["name"] = "alb-authn-partner"
    with site.applied(plugin):
        gateway = site.start_proxy("router", "partner-gateway", SYSTEM, "partner", {"istio": "partner-gateway"})
        gateway.await_ready()
        try:
            both_trust_their_own(site)
        finally:
            site.processes.end(gateway.name)


def both_trust_their_own(site):
    port = site.ports["partner_gateway"]
    ours, theirs = site.token(), site.token(load_balancer=PARTNER)

    def at_partner(token):
        return client.send(port, "/", [("x-amzn-oidc-data", token)])

    eventually("their gateway serves their users", lambda: at_partner(theirs).status == 200)
    assert at_partner(theirs).arrived("kubeflow-userid") == "partner:alice@example.com"
    assert site.to_gateway(token=ours).arrived("kubeflow-userid") == "alice@example.com"
    assert at_partner(ours).reason == "untrusted_signer"
    assert site.to_gateway(token=theirs).reason == "untrusted_signer"
