"""The shipped deploy/envoy-gateway: in an API server with Envoy Gateway's CRDs, and in Envoy Gateway itself.

Envoy Gateway runs here without a cluster: it reads objects from files and starts Envoy as a process of this machine.
"""

import base64
import json
import os
import shutil
import sys
from pathlib import Path

from . import client, programs
from .base import Testbed
from .certificates import Authority
from .key_endpoint import KEY_HOST, KeyEndpoint
from .kubernetes import ApiServer
from .processes import eventually, free_port, is_open, run
from .registry import Registry
from .tokens import Key, LoadBalancer

NAMESPACE = "gateways"
ENVOY = programs.PAIRS[-1]
# Compiled into Envoy Gateway: health, xDS, modules.
OWN_PORTS = (8081, 18000, 18002)


class EnvoyGateway(Testbed):
    """One Gateway with the shipped objects, an application behind it, and the key endpoint."""

    def __init__(self, logs: Path):
        super().__init__(logs)
        self.ports = {name: free_port() for name in ("gateway", "upstream")}

    def start(self):
        taken = [str(port) for port in OWN_PORTS if is_open(port)]
        if taken:
            sys.exit(f"Envoy Gateway needs the port {', '.join(taken)}, which something listens on")
        self.start_api_server()
        self.registry = Registry(self.processes, self.folder / "registry")
        self.image = self.registry.push(programs.IMAGE).removeprefix("oci://")
        self.start_key_endpoint()
        listen = f"127.0.0.1:{self.ports['upstream']}"
        self.processes.start("upstream", [programs.ALB_TOKEN, "upstream", "--listen", listen])
        self.start_envoy_gateway()

    def start_api_server(self):
        self.api = ApiServer(self.processes, self.folder / "kubernetes")
        self.api.kubectl("apply", "--server-side", "-f", programs.ENVOY_GATEWAY_CRDS)
        self.api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        self.api.create_namespace(NAMESPACE)
        self.api.kubectl("apply", "-f", programs.ENVOY_GATEWAY_MANIFEST)
        policy = self.api.get("envoyextensionpolicy", "alb-authn", NAMESPACE)
        self.load_balancer = LoadBalancer.trusted_by(policy["spec"]["wasm"][0]["config"])

    def start_key_endpoint(self):
        self.authority = Authority(self.folder / "keys-ca")
        self.key = Key.generate(self.folder / "alb.key")
        self.key_certificate = self.authority.issue("keys", f"DNS:{KEY_HOST}")
        self.endpoint = KeyEndpoint(*self.key_certificate)
        self.endpoint.keys[self.key.kid] = self.key.public_pem

    def start_envoy_gateway(self):
        self.objects = self.folder / "objects"
        self.objects.mkdir()
        settings = self.folder / "envoy-gateway.json"
        settings.write_text(json.dumps(self.settings()))
        run([programs.ENVOY_GATEWAY, "certgen", "--local", "--config-home", self.folder])
        # Where Envoy Gateway looks for an Envoy before it downloads one.
        binary = self.folder / "envoy-versions" / ENVOY.envoy_version / "bin" / "envoy"
        binary.parent.mkdir(parents=True)
        binary.symlink_to(ENVOY.envoy)
        self.show()
        self.processes.start(
            "envoy-gateway",
            [programs.ENVOY_GATEWAY, "server", "--config-path", settings],
            env={"HOME": str(self.folder)},  # Modules are kept there.
        )
        self.processes.await_ready("envoy-gateway", lambda: is_open(self.ports["gateway"]))
        self.await_identity()

    def settings(self):
        host = {name: str(self.folder) for name in ("configHome", "dataHome", "stateHome")}
        host["runtimeDir"] = str(self.folder / "run")
        return {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyGateway",
            "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
            "provider": {
                "type": "Custom",
                "custom": {
                    "resource": {"type": "File", "file": {"paths": [str(self.objects)]}},
                    "infrastructure": {"type": "Host", "host": host},
                },
            },
            "extensionApis": {"enableBackend": True, "enableEnvoyPatchPolicy": True},
        }

    def show(self, *patches):
        """Gives Envoy Gateway the shipped objects, with what this machine differs in and `patches`: pairs of a kind and
        JSON patch operations."""
        folder = self.folder / "kustomization"
        folder.mkdir(exist_ok=True)
        shutil.copy(programs.ENVOY_GATEWAY_MANIFEST, folder / "alb-authn.yaml")
        items = {"apiVersion": "v1", "kind": "List", "items": self.objects_of_this_machine()}
        (folder / "machine.yaml").write_text(json.dumps(items))
        kustomization = {
            "resources": ["alb-authn.yaml", "machine.yaml"],
            "patches": [
                {"target": {"kind": kind, "name": name}, "patch": json.dumps(operations)}
                for kind, name, operations in [*self.patches(), *patches]
            ],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
        rendered = folder / "rendered"
        rendered.write_text(run([programs.KUSTOMIZE, "build", folder]).stdout)
        os.replace(rendered, self.objects / "objects.yaml")

    def restore(self):
        self.show()
        self.await_identity()

    def patches(self):
        """Where the image, the keys and their certificate authority are."""
        address = {"ip": {"address": "127.0.0.1", "port": self.endpoint.port}}
        authority = [{"group": "", "kind": "ConfigMap", "name": "keys-ca"}]
        return [
            image_patch(self.image),
            ("Backend", "alb-public-keys", [{"op": "replace", "path": "/spec/endpoints/0", "value": address}]),
            (
                "BackendTLSPolicy",
                "alb-public-keys",
                [
                    {"op": "remove", "path": "/spec/validation/wellKnownCACertificates"},
                    {"op": "add", "path": "/spec/validation/caCertificateRefs", "value": authority},
                ],
            ),
        ]

    def objects_of_this_machine(self):
        gateway_class = {
            "controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
            "parametersRef": {
                "group": "gateway.envoyproxy.io",
                "kind": "EnvoyProxy",
                "name": "envoy",
                "namespace": NAMESPACE,
            },
        }
        proxy = {"provider": {"type": "Host", "host": {"envoyVersion": ENVOY.envoy_version}}}
        listener = {"name": "http", "protocol": "HTTP", "port": self.ports["gateway"]}
        application = {"ip": {"address": "127.0.0.1", "port": self.ports["upstream"]}}
        reference = {"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "application"}
        route = {"parentRefs": [{"name": "alb"}], "rules": [{"backendRefs": [reference]}]}
        return [
            named("gateway.networking.k8s.io/v1", "GatewayClass", "envoy", spec=gateway_class),
            named("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", "envoy", spec=proxy),
            named("gateway.networking.k8s.io/v1", "Gateway", "alb", spec={"gatewayClassName": "envoy", "listeners": [listener]}),
            named("gateway.envoyproxy.io/v1alpha1", "Backend", "application", spec={"endpoints": [application]}),
            named("gateway.networking.k8s.io/v1", "HTTPRoute", "application", spec=route),
            named("v1", "ConfigMap", "keys-ca", data={"ca.crt": self.authority.certificate.read_text()}),
            *self.objects_for_modules(),
        ]

    def objects_for_modules(self):
        """Envoy fetches the module from Envoy Gateway, over TLS with certificates on both sides. In a cluster they and
        the Service's name are there; from files Envoy Gateway takes these."""
        certificates = self.folder / "certs" / "envoy"
        files = {name: (certificates / name).read_bytes() for name in ("ca.crt", "tls.crt", "tls.key")}
        secret = named("v1", "Secret", "envoy", namespace="envoy-gateway-system", type="kubernetes.io/tls")
        secret["data"] = {name: base64.b64encode(content).decode() for name, content in files.items()}
        address = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address"
        authority = "/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename"
        replaced = {address: "127.0.0.1", authority: str(certificates / "ca.crt")}
        patch = {
            "targetRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "alb"},
            "type": "JSONPatch",
            "jsonPatches": [
                {
                    "type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                    "name": "wasm_cluster",
                    "operation": {"op": "replace", "path": path, "value": value},
                }
                for path, value in replaced.items()
            ],
        }
        return [secret, named("gateway.envoyproxy.io/v1alpha1", "EnvoyPatchPolicy", "modules", spec=patch)]

    def await_identity(self):
        token = self.token()
        eventually("alice's identity reaches the application", lambda: self.user_of(self.send(token=token)))

    def user_of(self, answer):
        return answer.arrived("kubeflow-userid")

    def send(self, path="/", headers=(), token=None):
        """A request at the gateway."""
        if token:
            headers = [*headers, ("x-amzn-oidc-data", token)]
        return client.send(self.ports["gateway"], path, headers)

    def token(self, user="alice", key=None, load_balancer=None, **more):
        load_balancer = load_balancer or self.load_balancer
        return load_balancer.token(key or self.key, f"{user}@example.com", **more)


def image_patch(url):
    operations = [{"op": "replace", "path": "/spec/wasm/0/code/image/url", "value": url}]
    return ("EnvoyExtensionPolicy", "alb-authn", operations)


def named(version, kind, name, namespace=NAMESPACE, **more):
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}
