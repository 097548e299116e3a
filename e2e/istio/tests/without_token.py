"""Requests that are meant to carry no token: probes and health checks."""

# What knative.dev/networking/pkg/status sends to each gateway pod, for each new service under its name.
PROBE = [
    ("user-agent", "Knative-Ingress-Probe"),
    ("k-network-probe", "probe"),
    ("k-network-hash", "override"),
]
MODEL = "iris.team.models.example.com"


def test_knatives_probe_reaches_a_new_service_without_an_identity(site):
    spoofed = [*PROBE, ("kubeflow-userid", "alice@example.com")]
    answer = site.to_gateway("/healthz", spoofed, host=MODEL)
    assert answer.arrived("k-network-hash") == "override", answer
    assert answer.arrived("kubeflow-userid") is None, answer


def test_nothing_else_passes_as_a_probe(site):
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


def test_a_grpc_health_check_gets_status_16(site):
    # The path that a target group of version GRPC asks for, unless it is told another one.
    grpc = [("content-type", "application/grpc"), ("te", "trailers")]
    answer = site.to_gateway("/AWS.ALB/healthcheck", grpc, method="POST")
    assert (answer.status, answer.headers["grpc-status"]) == (200, "16"), f"{answer} {answer.headers}"
