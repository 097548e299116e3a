"""From the load balancer to the application, with a key that only the right host can have sent."""

from testbed.certificates import Authority
from testbed.key_endpoint import KEY_HOST
from testbed.processes import eventually
from testbed.programs import shipped_overlays
from testbed.site import PLUGIN, SYSTEM
from testbed.tokens import Key, LoadBalancer

# Istio ends a cluster's name in its statistics with `;`.
STATISTICS = f"cluster.outbound|443||{KEY_HOST};"
APP = "app.example.com"
# As docs/faq.md has it.
WITH_ACCESS_TOKEN = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "with-access-token", "namespace": "kubeflow"},
    "spec": {
        "gateways": ["kubeflow-gateway"],
        "hosts": [APP],
        "http": [
            {
                "headers": {"request": {"set": {"authorization": "Bearer %REQ(x-amzn-oidc-accesstoken)%"}}},
                "route": [
                    {"destination": {"host": "dashboard.kubeflow.svc.cluster.local", "port": {"number": 80}}}
                ],
            }
        ],
    },
}


def test_a_request_through_the_load_balancer_arrives_with_the_identity(site):
    answer = site.as_user("alice", "/profile?tab=1")
    assert answer.arrived("kubeflow-userid") == "alice@example.com", answer
    assert answer.arrived("x-amzn-oidc-data") is None, answer
    assert answer.json()["target"] == "/profile?tab=1"
    assert answer.arrived("x-forwarded-proto") == "https", answer
    assert site.to_gateway().reason == "missing_token"


def test_who_is_not_logged_in_never_reaches_the_gateway(site):
    answer = site.as_user(None, "/profile", [("kubeflow-userid", "alice@example.com")])
    assert answer.status == 302, answer
    assert answer.headers["location"].startswith(f"{site.login.issuer}/auth?"), answer.headers["location"]
    tampered = [("cookie", site.login.session("alice")[:-4] + "AAAA")]
    answer = site.as_user(None, "/profile", tampered)
    assert (answer.status, answer.reason) == (401, None), f"a tampered session: {answer}"


def test_each_overlay_lets_its_own_load_balancers_users_in(site):
    try:
        for overlay in shipped_overlays():
            site.api.apply_folder(site.overlay(overlay.name))
            config = site.api.get("wasmplugin", PLUGIN, SYSTEM)["spec"]["pluginConfig"]
            load_balancer = LoadBalancer.trusted_by(config)
            header = config["outputClaimToHeaders"][0]["header"]
            token = site.token(load_balancer=load_balancer)
            eventually(
                f"{overlay.name} sets {header}",
                lambda: site.to_gateway(token=token).arrived(header) == "alice@example.com",
            )
        # plain-istio, the last one, has a policy on that header.
        stranger = load_balancer.token(site.key, "alice@elsewhere.example.org")
        eventually("its policy refuses strangers", lambda: site.to_gateway(token=stranger).is_rbac)
    finally:
        site.api.kubectl("delete", "--ignore-not-found", "authorizationpolicy", "alb-authn-users", "-n", SYSTEM)
        site.restore()


def test_the_load_balancers_forwarded_headers_are_believed(site):
    forwarded = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")]
    answer = site.to_gateway(headers=forwarded, token=site.token())
    assert answer.arrived("x-forwarded-proto") == "https"


def test_the_key_comes_over_tls_through_the_service_entry(site):
    assert (f"/{site.key.kid}", KEY_HOST, KEY_HOST) in site.endpoint.requests, site.endpoint.requests
    assert site.gateway.stat(f"{STATISTICS}.ssl.handshake") > 0


def test_a_certificate_for_another_name_is_refused(site):
    other = site.authority.issue("other", "DNS:public-keys.auth.elb.us-east-1.amazonaws.com")
    is_never_trusted(site, other, "ssl.fail_verify_san")


def test_a_certificate_of_an_unknown_authority_is_refused(site):
    unknown = Authority(site.folder / "unknown-ca", "unknown").issue("keys", f"DNS:{KEY_HOST}")
    is_never_trusted(site, unknown, "ssl.fail_verify_error")


def is_never_trusted(site, certificate, counter):
    """A key that the gateway doesn't have yet is not taken from a host that shows `certificate`."""
    key = Key.generate(site.folder / f"{counter}.key")
    site.serve_key(key)
    counter = f"{STATISTICS}.{counter}"
    failures = site.gateway.stat(counter)
    token = site.token(key=key)
    site.endpoint.show(*certificate)
    try:
        answer = site.to_gateway(token=token)
        assert (answer.status, answer.reason) == (503, "key_unavailable"), answer
        assert site.gateway.stat(counter) > failures
        assert not [path for path, _, _ in site.endpoint.requests if path == f"/{key.kid}"]
    finally:
        site.endpoint.show(*site.key_certificate)
    eventually(
        "the key is taken from the right host",
        lambda: site.to_gateway(token=token).arrived("kubeflow-userid") == "alice@example.com",
    )


def test_an_application_gets_the_access_token_as_a_bearer_token(site):
    def arrived(host):
        headers = [("x-amzn-oidc-accesstoken", "of-alice")]
        return site.to_gateway(headers=headers, token=site.token(), host=host).arrived("authorization")

    try:
        site.api.apply(site.plugin(forwardToken=True))
        with site.applied(WITH_ACCESS_TOKEN):
            eventually("the application gets it", lambda: arrived(APP) == "Bearer of-alice")
            assert arrived("kubeflow.example.com") is None
    finally:
        site.restore()
