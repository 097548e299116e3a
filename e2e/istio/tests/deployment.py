"""The shipped manifests in a real API server, and what istiod and the agent make of them."""

import json
import shutil

from testbed import programs
from testbed.load import Load
from testbed.processes import eventually, run
from testbed.programs import DEPLOY, shipped_overlays
from testbed.site import OVERLAY, PLUGIN, SYSTEM


def test_the_api_server_accepts_each_overlay(site):
    for overlay in shipped_overlays():
        site.api.apply_folder(overlay, "--dry-run=server")


def test_the_api_server_refuses_a_broken_overlay(site):
    broken = {
        "an unknown phase": ("/spec/phase", "AUTHENTICATION", "spec.phase"),
        "an unknown fail strategy": ("/spec/failStrategy", "FAIL_SOMEHOW", "spec.failStrategy"),
        "an empty URL": ("/spec/url", "", "spec.url"),
        "a selector and targetRefs": (
            "/spec/targetRefs",
            [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "x"}],
            "only one of targetRefs or selector",
        ),
    }
    for name, (path, value, complaint) in broken.items():
        patch = [{"op": "add", "path": path, "value": value}]
        overlay = site.overlay("plain-istio", patches=[("WasmPlugin", patch)])
        answer = site.api.apply_folder(overlay, "--dry-run=server", check=False)
        assert answer.returncode != 0, f"{name} was accepted"
        assert complaint in answer.stderr, f"{name}: {answer.stderr}"


def test_the_api_server_knows_each_component_from_the_istio_that_has_it(site):
    components = sorted(path.parent.name for path in (DEPLOY / "components").glob("*/kustomization.yaml"))
    assert components, "no components in deploy/"
    for component in components:
        known = component != "traffic-extension" or site.pair.has_traffic_extension
        overlay = overlay_with(site, component)
        answer = site.api.apply_folder(overlay, "--dry-run=server", check=False)
        assert (answer.returncode == 0) == known, f"{component}: {answer.stdout}{answer.stderr}"


# What a component is listed after: it changes what the other one adds.
AFTER = {"filtered-issuer-cluster": ["groups"], "groups-policy": ["groups"]}


def overlay_with(site, component):
    if component != "govcloud":
        return site.overlay(components=[*AFTER.get(component, []), component])
    # That one is for load balancers of another partition.
    overlays = site.folder / "deploy" / "overlays"
    shutil.copytree(overlays / OVERLAY, overlays / component)
    params = overlays / component / "params.env"
    text = params.read_text().replace("arn:aws:", "arn:aws-us-gov:").replace("us-west-2", "us-gov-west-1")
    params.write_text(text)
    return site.overlay(component, components=[component])


def test_istioctl_validates_and_analyzes_each_overlay(site):
    for overlay in shipped_overlays():
        rendered = site.folder / f"{overlay.name}.yaml"
        rendered.write_text(run([programs.KUSTOMIZE, "build", overlay]).stdout)
        istioctl = site.pair.istio("istioctl")
        run([istioctl, "validate", "-f", rendered])
        run([istioctl, "analyze", "--use-kube=false", rendered])


def test_the_agent_pulls_the_image_by_digest_and_the_gateway_becomes_ready(site):
    assert site.registry.pulled(site.image) > 0
    site.gateway.await_ready()
    assert site.gateway.stat("wasm.envoy.wasm.runtime.v8.active") > 0


def test_the_agent_takes_the_artifact_form_too(site):
    url = site.registry.push(programs.ARTIFACT, "alb-authn-artifact")
    # A header that only this one sets tells it from the image that runs.
    mapped = [{"header": "kubeflow-userid", "claim": "email"}, {"header": "x-artifact", "claim": "sub"}]
    site.api.apply(site.plugin({"url": url}, outputClaimToHeaders=mapped))
    token = site.token()
    eventually("it runs", lambda: site.to_gateway(token=token).arrived("x-artifact"))
    assert site.registry.pulled(url) > 0
    site.restore()


def test_the_filter_stands_before_jwt_authn_and_rbac(site):
    namespaced = {"name": "order", "namespace": SYSTEM}
    selector = {"matchLabels": {"istio": "ingressgateway"}}
    jwks = json.dumps({"keys": [site.key.jwk()]})
    authentication = {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": namespaced,
        "spec": {"selector": selector, "jwtRules": [{"issuer": "https://machines.example.com", "jwks": jwks}]},
    }
    authorization = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": namespaced,
        "spec": {"selector": selector, "action": "ALLOW", "rules": [{}]},
    }
    expected = [site.pair.filter_name(SYSTEM, PLUGIN), "envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"]
    with site.applied(authentication, authorization):
        eventually(
            f"the gateway has {expected} in this order",
            lambda: [name for name in site.gateway.http_filters() if name in expected] == expected,
        )


def test_a_traffic_extension_takes_over_where_istio_has_it(site):
    if not site.pair.has_traffic_extension:
        answer = site.api.apply_folder(site.overlay(components=["traffic-extension"]), check=False)
        assert 'no matches for kind "TrafficExtension"' in answer.stderr, answer.stderr
        return
    plugin = site.pair.filter_name(SYSTEM, PLUGIN)
    extension = f"extensions.istio.io/trafficextension/{SYSTEM}.{PLUGIN}"
    try:
        # As docs/istio.md tells it: for a while the token passes from one to the other.
        with Load(site) as load:
            forward = {"op": "add", "path": "/spec/pluginConfig/forwardToken", "value": True}
            site.api.apply_folder(site.overlay(patches=[("WasmPlugin", [forward])]))
            eventually("the token is forwarded", lambda: site.as_user("alice").arrived("x-amzn-oidc-data"))
            forward["path"] = "/spec/wasm/pluginConfig/forwardToken"
            patches = [("TrafficExtension", [forward])]
            site.api.apply_folder(site.overlay(components=["traffic-extension"], patches=patches))
            eventually("there are both", lambda: set(our_filters(site)) == {plugin, extension})
            site.api.kubectl("delete", "wasmplugin", PLUGIN, "-n", SYSTEM)
            eventually("the extension is alone", lambda: our_filters(site) == [extension])
            site.api.apply_folder(site.overlay(components=["traffic-extension"]))
            eventually("the token is kept", lambda: not site.as_user("alice").arrived("x-amzn-oidc-data"))
        assert not load.failed(), f"{len(load.failed())} of {len(load.answers)}: {load.failed()[:3]}"
        assert site.to_gateway().reason == "missing_token"
    finally:
        site.api.kubectl("delete", "--ignore-not-found", "trafficextension", PLUGIN, "-n", SYSTEM)
        site.restore()
        eventually("the plugin is alone", lambda: our_filters(site) == [plugin])


def our_filters(site):
    return [name for name in site.gateway.http_filters() if name.startswith("extensions.istio.io/")]


def test_with_fail_reload_users_reach_their_applications(site):
    try:
        site.api.apply_folder(site.overlay(components=["fail-reload"]))
        eventually("Envoy knows", lambda: "FAIL_RELOAD" in site.gateway.admin("/config_dump"))
        site.await_identity()
    finally:
        site.restore()
    eventually("it is as before", lambda: "FAIL_RELOAD" not in site.gateway.admin("/config_dump"))


def test_the_load_balancers_controller_reads_the_oidc_clients_secret_alone(site):
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
