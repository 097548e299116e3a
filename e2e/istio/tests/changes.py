"""Changes while the gateway runs, and images that can't be pulled."""

from testbed import programs
from testbed.load import Load
from testbed.processes import eventually
from testbed.site import PLUGIN, SYSTEM

UNKNOWN_DIGEST = "sha256:" + "0" * 64


def test_a_changed_configuration_arrives_under_load_with_no_failed_request(site):
    mapped = [{"header": "kubeflow-userid", "claim": "email"}, {"header": "x-user-id", "claim": "sub"}]
    with Load(site) as load:
        for mappings, expected in [(mapped, "sub-of-alice@example.com"), (mapped[:1], None)] * 2:
            site.api.apply(site.plugin(outputClaimToHeaders=mappings))
            eventually("the change arrives", lambda: load.answers[-1].arrived("x-user-id") == expected)
    assert not load.failed(), f"{len(load.failed())} of {len(load.answers)}: {load.failed()[:3]}"
    site.restore()


def test_an_invalid_configuration_is_refused_and_the_old_one_keeps_working(site):
    before = refused_configurations(site)
    with Load(site) as load:
        site.api.apply(site.plugin(clockSkew="a while"))
        eventually("Envoy refuses the configuration", lambda: refused_configurations(site) > before)
        assert "clockSkew: " in site.processes.log_text(site.gateway.name)
        assert site.to_gateway().reason == "missing_token"
    assert not load.failed(), load.failed()[:3]
    site.restore()


def refused_configurations(site):
    filter_name = site.pair.filter_name(SYSTEM, PLUGIN)
    return site.gateway.stat(f"extension_config_discovery.http_filter.{filter_name}.config_fail")


def test_a_gateway_that_starts_with_an_invalid_configuration_lets_nobody_in(site):
    site.api.apply(site.plugin(clockSkew="a while"))
    try:
        site.gateway.restart()
        eventually("Envoy refuses the configuration", lambda: refused_configurations(site) > 0)
        # The listener is there, and Envoy answers in place of the filter that it lacks.
        eventually("the gateway answers 500", lambda: site.as_user("alice").status == 500)
        assert site.to_gateway().status == 500
    finally:
        site.restore()


def test_an_image_that_cannot_be_had_denies_all(site):
    registry, _, digest = site.image.partition("/alb-authn@")
    mirror = site.registry.push(programs.IMAGE, "mirror/alb-authn")
    try:
        denies_all(site, "a repository that is not there", f"{registry}/no-such-image@{digest}")
        site.restore()
        denies_all(site, "a digest that is not there", f"{registry}/alb-authn@{UNKNOWN_DIGEST}")
        site.restore()
        site.registry.stop()
        denies_all(site, "a registry that is down", mirror)
    finally:
        site.registry.start()
        site.restore()


def denies_all(site, what, url):
    site.api.apply(site.plugin({"url": url}))
    eventually(f"{what}: alice is refused", lambda: site.as_user("alice").is_rbac)
    assert site.to_gateway().is_rbac, what
    assert site.to_gateway(headers=[("kubeflow-userid", "alice@example.com")]).is_rbac, what


def test_a_gateway_that_restarts_while_the_registry_is_down_denies_all(site):
    site.registry.stop()
    try:
        assert site.identity_arrives(), "a gateway that runs has the module"
        site.gateway.restart()
        site.gateway.await_ready()
        eventually("alice is refused", lambda: site.as_user("alice").is_rbac)
        assert site.to_gateway().is_rbac
    finally:
        site.registry.start()
    # The agent doesn't try again by itself: a changed plugin or a restart makes it.
    site.gateway.restart()
    site.gateway.await_ready()
    site.await_identity()
