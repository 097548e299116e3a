"""The roll-out as docs/install-kubeflow-aws.md describes it."""

from testbed.load import Load
from testbed.processes import eventually
from testbed.site import PLUGIN, SYSTEM


def test_observe_then_counters_then_enforce_then_back(site):
    observe(site)
    names = ("requests.ok", "observed.missing_token", "observed.untrusted_signer")
    counters = {name: site.metric(name) for name in names}
    foreign = site.token(load_balancer=site.load_balancer.of_another_account())
    assert site.as_user("alice").arrived("kubeflow-userid") == "alice@example.com"
    assert site.to_gateway().arrived("kubeflow-userid") is None
    assert site.to_gateway(token=foreign).arrived("kubeflow-userid") is None
    for name, before in counters.items():
        assert site.metric(name) == before + 1, name
    enforce(site)
    assert site.as_user("alice").arrived("kubeflow-userid") == "alice@example.com"
    observe(site)
    enforce(site)


def test_the_roll_out_and_the_way_back_fail_no_users_request(site):
    remove(site)
    try:
        with Load(site) as load:
            for step in (observe, enforce, observe, remove):
                step(site)
        assert not load.failed(), f"{len(load.failed())} of {len(load.answers)}: {load.failed()[:3]}"
    finally:
        site.restore()


def remove(site):
    site.api.kubectl("delete", "wasmplugin", PLUGIN, "-n", SYSTEM)
    eventually("the filter is gone", lambda: not any("alb-authn" in name for name in site.gateway.http_filters()))


def observe(site):
    site.api.apply_folder(site.overlay(components=["observe"]))
    spoofed = [("kubeflow-userid", "mallory@example.com")]

    def is_observing():
        return site.to_gateway(headers=spoofed).arrived("kubeflow-userid") is None

    eventually("nobody is refused, and nothing spoofed gets through", is_observing)


def enforce(site):
    site.api.apply_folder(site.overlay())
    eventually("who has no token is refused", lambda: site.to_gateway().reason == "missing_token")
