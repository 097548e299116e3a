"""Point 10: requests that carry no token and are meant to: probes and health checks. And an application that wants the
user's access token."""

from testbed.processes import eventually
from testbed.site import SYSTEM

# What knative.dev/networking/pkg/status sends to each gateway pod, for each new service under its name.
PROBE = [
    ("user-agent", "Knative-Ingress-Probe"),
    ("k-network-probe", "probe"),
    ("k-network-hash", "override"),
]
MODEL = "iris.team.models.example.com"
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


def test_10_knatives_probe_reaches_a_new_service_without_an_identity(site):
    spoofed = [*PROBE, ("kubeflow-userid", "alice@example.com")]
    answer = site.to_gateway("/healthz", spoofed, host=MODEL)
    assert answer.arrived("k-network-hash") == "override", answer
    assert answer.arrived("kubeflow-userid") is None, answer


def test_10_nothing_else_passes_as_a_probe(site):
    others = {
        "no probe": {"path": "/healthz"},
        "another path": {"path": "/healthz/", "headers": PROBE},
        "a path below": {"path": "/healthz/x", "headers": PROBE},
        "a path that servers read in two ways": {"path": "/pipeline/../healthz", "headers": PROBE},
        "another method": {"path": "/healthz", "headers": PROBE, "method": "POST"},
        "an empty header": {"path": "/healthz", "headers": [("k-network-probe", "")]},
        "two headers": {"path": "/healthz", "headers": [*PROBE, ("k-network-probe", "probe")]},
    }
    for name, request in others.items():
        answer = site.to_gateway(host=MODEL, **request)
        assert (answer.status, answer.reason) == (401, "missing_token"), f"{name}: {answer}"


def test_10_a_grpc_health_check_gets_status_16(site):
    # The path that a target group of version GRPC asks for, unless it is told another one.
    grpc = [("content-type", "application/grpc"), ("te", "trailers")]
    answer = site.to_gateway("/AWS.ALB/healthcheck", grpc, method="POST")
    assert (answer.status, answer.headers["grpc-status"]) == (200, "16"), f"{answer} {answer.headers}"


def test_10_an_application_gets_the_access_token_as_a_bearer_token(site):
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


def test_10_with_fail_reload_users_reach_their_applications(site):
    try:
        site.api.apply_folder(site.overlay(components=["fail-reload"]))
        eventually("Envoy knows", lambda: "FAIL_RELOAD" in site.gateway.admin("/config_dump"))
        site.await_identity()
    finally:
        site.restore()
    eventually("it is as before", lambda: "FAIL_RELOAD" not in site.gateway.admin("/config_dump"))


def test_10_the_load_balancers_controller_reads_the_oidc_clients_secret_alone(site):
    account = "--as=system:serviceaccount:kube-system:aws-load-balancer-controller"

    def may(verb, secret, who=account):
        answer = site.api.kubectl("auth", "can-i", verb, f"secrets/{secret}", "-n", SYSTEM, who, check=False)
        return answer.stdout.strip() == "yes"

    try:
        site.api.apply_folder(site.overlay("kubeflow-oidc"))
        eventually("it may", lambda: may("get", "alb-oidc-client"))
        assert may("watch", "alb-oidc-client")
        assert not may("get", "istio-ca-secret")
        assert not may("update", "alb-oidc-client")
        assert not may("get", "alb-oidc-client", "--as=system:serviceaccount:default:default")
    finally:
        for kind in "role", "rolebinding":
            site.api.kubectl("delete", "--ignore-not-found", kind, "alb-oidc-client-reader", "-n", SYSTEM)
        site.restore()
