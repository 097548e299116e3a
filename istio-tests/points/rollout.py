"""Point 7: the roll-out as docs/install-kubeflow-aws.md tells it."""

from testbed.processes import eventually


def test_7_observe_then_counters_then_enforce_then_back(site):
    observe(site)
    names = ("requests.ok", "observed.missing_token", "observed.untrusted_signer")
    counters = {name: site.metric(name) for name in names}
    foreign = site.token(load_balancer=site.load_balancer.of_another_account())
    assert site.as_user("alice").arrived("kubeflow-userid") == "alice@example.com"
    assert site.as_user("anonymous").arrived("kubeflow-userid") is None
    assert site.to_gateway(token=foreign).arrived("kubeflow-userid") is None
    for name, before in counters.items():
        assert site.metric(name) == before + 1, name
    enforce(site)
    assert site.as_user("alice").arrived("kubeflow-userid") == "alice@example.com"
    observe(site)
    enforce(site)


def observe(site):
    site.api.apply_folder(site.overlay(components=["observe"]))
    eventually("nobody is refused", lambda: site.as_user("anonymous").status == 200)


def enforce(site):
    site.api.apply_folder(site.overlay())
    eventually("who has no token is refused", lambda: site.as_user("anonymous").reason == "missing_token")
