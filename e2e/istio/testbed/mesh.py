"""istiod, and the proxies that it configures: pilot-agent with its Envoy."""

import json
import re
import shutil
import sys
import tempfile
import urllib.parse
from pathlib import Path

from .kubernetes import ApiServer, get
from .processes import Processes, free_port
from .programs import Pair

AGENT_DATA = Path("/var/lib/istio/data")  # Compiled into pilot-agent.


class Istiod:
    """istiod on the objects of an API server."""

    def __init__(self, pair: Pair, processes: Processes, api: ApiServer, folder: Path, name="istiod", settings=()):
        self.pair, self.processes, self.api, self.folder = pair, processes, api, folder
        folder.mkdir(parents=True)
        self.xds_port, self.http_port = free_port(), free_port()
        self.mesh = folder / "mesh.yaml"
        self.mesh.write_text(json.dumps(self.mesh_config()))
        networks = folder / "networks.yaml"
        networks.write_text("networks: {}\n")
        api.kubectl("apply", "--server-side", "-f", pair.istio("crd-all.gen.yaml"))
        api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        processes.start(
            name,
            [pair.istio("pilot-discovery"), "discovery", f"--kubeconfig={api.kubeconfig}"]
            + [f"--meshConfig={self.mesh}", f"--networksConfig={networks}", "--namespace=istio-system"]
            + [f"--grpcAddr=127.0.0.1:{self.xds_port}", f"--httpAddr=127.0.0.1:{self.http_port}"]
            + ["--secureGRPCAddr=", "--httpsAddr=", f"--monitoringAddr=127.0.0.1:{free_port()}"]
            + [f"--ctrlz_port={free_port()}", "--domain=cluster.local"],
            env={**ISTIOD_ENVIRONMENT, **dict(settings)},
            cwd=folder,
        )
        processes.await_ready(name, lambda: get(f"http://127.0.0.1:{self.http_port}/ready") == b"")

    def mesh_config(self):
        return {
            "enableTracing": False,
            "accessLogFile": "/dev/stdout",
            "rootNamespace": "istio-system",
            "defaultConfig": self.proxy_config(),
        }

    def proxy_config(self):
        return {
            "discoveryAddress": f"127.0.0.1:{self.xds_port}",
            "controlPlaneAuthPolicy": "NONE",
            # Left out by Istio unless asked for; the filter's own are always there.
            "proxyStatsMatcher": {"inclusionPrefixes": ["cluster.outbound", "extension_config_discovery"]},
        }


class Proxy:
    """pilot-agent and the Envoy that it starts, for one workload."""

    def __init__(self, istiod: Istiod, kind, name, namespace, service_account, labels):
        self.istiod, self.kind, self.name = istiod, kind, name
        self.namespace, self.service_account, self.labels = namespace, service_account, labels
        self.processes = istiod.processes
        # The agent's socket for Envoy lies there: a path of a socket has at most 107 bytes.
        self.folder = istiod.folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.admin_port = free_port()
        self.status_port = free_port()
        self.start()

    def start(self):
        pair = self.istiod.pair
        bootstrap = self.folder / "bootstrap.json"
        template = pair.istio("envoy_bootstrap.json").read_text()
        bootstrap.write_text(template.replace("{{ .wildcard }}", "127.0.0.1"))
        config = {
            **self.istiod.proxy_config(),
            "binaryPath": str(pair.envoy),
            "configPath": str(self.folder),
            "proxyBootstrapTemplatePath": str(bootstrap),
            "statusPort": self.status_port,
            "proxyAdminPort": self.admin_port,
            "concurrency": 1,
        }
        self.processes.start(
            self.name,
            [pair.istio("pilot-agent"), "proxy", self.kind, "--domain", f"{self.namespace}.svc.cluster.local"]
            + ["--proxyLogLevel=warning,wasm:info", f"--meshConfig={self.istiod.mesh}"],
            env={
                "POD_NAME": self.name,
                "POD_NAMESPACE": self.namespace,
                "SERVICE_ACCOUNT": self.service_account,
                "INSTANCE_IP": "127.0.0.1",
                "ISTIO_META_CLUSTER_ID": "Kubernetes",
                "ISTIO_META_WORKLOAD_NAME": self.name,
                "ISTIO_META_INTERCEPTION_MODE": "NONE",
                "ISTIO_METAJSON_LABELS": json.dumps(self.labels),
                "PROXY_CONFIG": json.dumps(config),
                # Certificates come from files: istiod's own authority doesn't run here.
                "FILE_MOUNTED_CERTS": "true",
                "ENVOY_STATUS_PORT": str(free_port()),
                "ENVOY_PROMETHEUS_PORT": str(free_port()),
            },
            cwd=self.folder,
        )

    def end(self):
        self.processes.end(self.name)
        shutil.rmtree(self.folder)

    def restart(self):
        """As Kubernetes replaces a pod: nothing that the old one knew is left."""
        self.processes.end(self.name)
        self.start()

    def await_ready(self):
        address = f"http://127.0.0.1:{self.status_port}/healthz/ready"
        self.processes.await_ready(self.name, lambda: get(address) is not None)

    def admin(self, path):
        return get(f"http://127.0.0.1:{self.admin_port}{path}").decode()

    def stat(self, name):
        """A counter or gauge; 0 where Envoy has none of this name."""
        pattern = urllib.parse.quote(re.escape(name))
        for line in self.admin(f"/stats?filter={pattern}").splitlines():
            found, _, value = line.rpartition(": ")
            if found == name:
                return int(value)
        return 0

    def http_filters(self):
        """The names of the HTTP filters of the first listener that has routes, in their order."""
        dump = json.loads(self.admin("/config_dump?resource=dynamic_listeners"))
        for listener in dump["configs"]:
            for chain in listener["active_state"]["listener"]["filter_chains"]:
                for network_filter in chain["filters"]:
                    filters = network_filter["typed_config"].get("http_filters")
                    if filters:
                        return [one["name"] for one in filters]
        return []


def require_agent_data():
    """Ends the program where pilot-agent could not store a module: it would then deny all, as for a missing image."""
    try:
        AGENT_DATA.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=AGENT_DATA):
            pass
    except PermissionError:
        sys.exit(f"pilot-agent keeps modules in {AGENT_DATA} and nowhere else: make that folder yours, or be root")


ISTIOD_ENVIRONMENT = {
    "POD_NAME": "istiod-0",
    "POD_NAMESPACE": "istio-system",
    "SERVICE_ACCOUNT": "istiod",
    "PILOT_CERT_PROVIDER": "none",
    "ENABLE_CA_SERVER": "false",
    "INJECTION_WEBHOOK_CONFIG_NAME": "",
    "VALIDATION_WEBHOOK_CONFIG_NAME": "",
    # Filters that only Istio's own build of Envoy has.
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
}
