"""Everything together: what a cluster on AWS has, on one machine."""

import copy
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

from . import client, programs
from .base import Testbed
from .certificates import Authority
from .key_endpoint import KEY_HOST, KeyEndpoint
from .kubernetes import ApiServer
from .login import Login
from .mesh import Istiod, Proxy, require_agent_data
from .processes import eventually, free_port, is_open
from .programs import Pair
from .registry import Registry
from .tokens import Key, LoadBalancer

SYSTEM = "istio-system"
PLUGIN = "alb-authn"
OVERLAY = "kubeflow-cognito"
GATEWAY_ACCOUNT = "istio-ingressgateway-service-account"
USERS = ("alice", "bob")


class Site(Testbed):
    """The gateway of one pair behind a load balancer that logs users in, with all that it needs."""

    def __init__(self, pair: Pair, logs: Path):
        self.pair = pair
        super().__init__(logs)
        self.ports = {name: free_port() for name in ("gateway", "partner_gateway", "upstream", *USERS)}
        self.login = Login(self.processes, self.folder / "login", self.ports["gateway"])

    def start(self):
        require_agent_data()
        self.api = ApiServer(self.processes, self.folder / "kubernetes")
        self.registry = Registry(self.processes, self.folder / "registry")
        self.image = self.registry.push(programs.IMAGE)
        self.start_key_endpoint()
        self.istiod = Istiod(self.pair, self.processes, self.api, self.folder / "istio")
        for name in (SYSTEM, "kubeflow", *USERS):
            self.api.create_namespace(name)
        self.copy_manifests()
        self.api.apply_folder(self.overlay())
        self.api.apply_folder(self.manifests / "site")
        self.shipped_plugin = self.api.get("wasmplugin", PLUGIN, SYSTEM)
        self.load_balancer = LoadBalancer.trusted_by(self.shipped_plugin["spec"]["pluginConfig"])
        self.start_workloads()

    def start_key_endpoint(self):
        self.authority = Authority(self.folder / "keys-ca")
        self.key = Key.generate(self.folder / "alb.key")
        self.key_certificate = self.authority.issue("keys", f"DNS:{KEY_HOST}")
        self.endpoint = KeyEndpoint(*self.key_certificate, self.login.public_key)
        self.serve_key(self.key)
        self.machine_key = Key.generate(self.folder / "machines.key")

    def serve_key(self, key: Key):
        self.endpoint.keys[key.kid] = key.public_pem

    def copy_manifests(self):
        """The shipped manifests, and beside them what this machine differs in: `kubectl apply -k` reads both."""
        shutil.copytree(programs.DEPLOY, self.folder / "deploy")
        self.manifests = self.folder / "e2e" / "istio" / "overlays"
        shutil.copytree(programs.ROOT / "e2e" / "istio" / "overlays", self.manifests)
        self.write_machine_env(self.login.issuer)
        write_env(
            self.manifests / "site" / "site.env",
            UPSTREAM=f"127.0.0.1:{self.ports['upstream']}",
            **{f"{name.upper()}_PORT": port for name, port in self.ports.items() if name in USERS},
            GATEWAY_PORT=self.ports["gateway"],
            PARTNER_GATEWAY_PORT=self.ports["partner_gateway"],
            UPSTREAM_PORT=self.ports["upstream"],
        )

    def write_machine_env(self, issuer):
        write_env(
            self.manifests / "machine" / "machine.env",
            IMAGE=self.image,
            KEYS_PORT=self.endpoint.port,
            CA_FILE=self.authority.certificate,
            ISSUER=issuer,
        )

    @contextmanager
    def issuer(self, issuer):
        """Overlays that are written meanwhile trust the tokens of this issuer in place of Dex's."""
        self.write_machine_env(issuer)
        try:
            yield
        finally:
            self.write_machine_env(self.login.issuer)

    def overlay(self, name=OVERLAY, components=(), patches=()):
        """A kustomization of one's own, as in deploy/clusters/example: an overlay of deploy/ with components of
        deploy/ and patches (KIND or KIND/NAME, and operations), and what this machine differs in. Returns the folder
        to apply."""
        folder = self.manifests / "here" / "-".join([name, *components])
        folder.mkdir(parents=True, exist_ok=True)
        here = "../../machine"
        deploy = "../../../../../deploy"
        kustomization = {
            "resources": [f"{deploy}/overlays/{name}"],
            "components": [here, *(f"{deploy}/components/{component}" for component in components)],
            "patches": [
                {"target": dict(zip(("kind", "name"), target.split("/"))), "patch": json.dumps(operations)}
                for target, operations in patches
            ],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
        return folder

    def start_workloads(self):
        self.mesh_authority = Authority(self.folder / "mesh-ca", "mesh")
        self.start_upstream()
        self.gateway = self.start_proxy(
            "router", "ingressgateway", SYSTEM, GATEWAY_ACCOUNT,
            {"istio": "ingressgateway", "app": "istio-ingressgateway"},
        )
        sidecars = [
            self.start_proxy("sidecar", f"workbench-{user}", user, "default-editor", {"app": "workbench"})
            for user in USERS
        ]
        self.login.start()
        for proxy in (self.gateway, *sidecars):
            proxy.await_ready()
        self.await_identity()

    def start_proxy(self, kind, name, namespace, account, labels, istiod=None):
        istiod = istiod or self.istiod
        identity = f"URI:spiffe://cluster.local/ns/{namespace}/sa/{account}"
        certificate, key = self.mesh_authority.issue(name, identity)
        certificates = istiod.folder / name / "etc" / "certs"
        certificates.mkdir(parents=True)
        # Where the agent looks for a workload's certificates, relative to where it runs.
        shutil.copy(certificate, certificates / "cert-chain.pem")
        shutil.copy(key, certificates / "key.pem")
        shutil.copy(self.mesh_authority.certificate, certificates / "root-cert.pem")
        return Proxy(istiod, kind, name, namespace, account, labels)

    def workload_certificates(self, name):
        """The certificate, the key and the authority's certificate of a proxy."""
        folder = self.istiod.folder / name / "etc" / "certs"
        return folder / "cert-chain.pem", folder / "key.pem", folder / "root-cert.pem"

    def start_upstream(self, *options):
        listen = f"127.0.0.1:{self.ports['upstream']}"
        self.processes.start("upstream", [programs.ALB_TOKEN, "upstream", "--listen", listen, *options])
        self.processes.await_ready("upstream", lambda: is_open(self.ports["upstream"]))

    def open_to_users(self, **config):
        """The profiles' policies, and a logout at this load balancer."""
        self.api.apply_folder(self.folder / "deploy" / "examples" / "profile-rbac")
        logout = {"path": "/logout", "location": f"{self.login.url}/signed-out"}
        self.api.apply(self.plugin(logout=logout, **config))

        def leads_there():
            return self.to_gateway("/logout").headers["location"] == logout["location"]

        eventually("the logout is this load balancer's", leads_there)
        for name in USERS:
            eventually("the policies are in force", lambda: self.as_user("mallory", f"/notebook/{name}/").is_rbac)

    def close_to_users(self):
        for name in USERS:
            self.api.kubectl("delete", "authorizationpolicy", "--all", "-n", name)
        self.restore()

    def await_identity(self):
        eventually("alice's identity reaches the dashboard", self.identity_arrives)

    def identity_arrives(self):
        return self.as_user("alice").arrived("kubeflow-userid") == "alice@example.com"

    def as_user(self, user, path="/", headers=(), **more):
        """A request through the load balancer, of a user who is logged in."""
        return self.login.send(user, path, headers, **more)

    def to_gateway(self, path="/", headers=(), token=None, **more):
        """A request past the load balancer."""
        if token:
            headers = [*headers, ("x-amzn-oidc-data", token)]
        return client.send(self.ports["gateway"], path, headers, **more)

    def token(self, user="alice", key=None, load_balancer=None, **more):
        load_balancer = load_balancer or self.load_balancer
        return load_balancer.token(key or self.key, f"{user}@example.com", **more)

    def plugin(self, spec=(), **config):
        """The shipped WasmPlugin, here, with these members of its `spec` and `pluginConfig` in place of its own."""
        shipped = copy.deepcopy(self.shipped_plugin)
        shipped["metadata"] = {"name": PLUGIN, "namespace": SYSTEM}
        shipped["spec"].update(spec)
        shipped["spec"]["pluginConfig"].update(config)
        return shipped

    def restore(self):
        """The shipped overlay again, by itself."""
        self.api.apply_folder(self.overlay())
        self.await_identity()

    @contextmanager
    def applied(self, *objects):
        """Objects that are there for a while."""
        self.api.apply(*objects)
        try:
            yield
        finally:
            items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
            self.api.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=json.dumps(items))

    def metric(self, name):
        """The filter's counter or gauge at the gateway."""
        return self.gateway.stat(f"wasmcustom.alb_authn.{name}")


def write_env(file, **values):
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
