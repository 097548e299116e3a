"""A Kubernetes API server with its etcd. No controllers: objects are stored and judged, nothing runs them."""

import json
import secrets
import ssl
import urllib.request
from pathlib import Path

from . import programs
from .processes import Processes, free_port, run


class ApiServer:
    """`kube-apiserver`, and `kubectl` to talk to it."""

    def __init__(self, processes: Processes, folder: Path):
        self.processes = processes
        self.folder = folder
        self.port = free_port()
        self.kubeconfig = folder / "kubeconfig"
        folder.mkdir(parents=True, exist_ok=True)
        self._start_etcd()
        self._start_api_server()

    def _start_etcd(self):
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.etcd = client
        self.processes.start(
            "etcd",
            [programs.ETCD, "--name=test", f"--data-dir={self.folder}/etcd"]
            + [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
            + [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
            + [f"--initial-cluster=test={peer}", "--unsafe-no-fsync"],
        )
        self.processes.await_ready("etcd", lambda: b"true" in get(f"{client}/health"))

    def _start_api_server(self):
        token = secrets.token_hex(16)
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f"{token},admin,admin,system:masters\n")
        key = self.folder / "service-account.key"
        run(["openssl", "genrsa", "-out", key, "2048"])
        self.processes.start(
            "kube-apiserver",
            [programs.KUBE_APISERVER, f"--etcd-servers={self.etcd}", f"--secure-port={self.port}"]
            + ["--bind-address=127.0.0.1", f"--cert-dir={self.folder}/apiserver", f"--token-auth-file={tokens}"]
            + ["--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/24"]
            + ["--service-account-issuer=https://kubernetes.default.svc"]
            + [f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"]
            + ["--endpoint-reconciler-type=none"],
        )
        address = f"https://127.0.0.1:{self.port}"
        self.processes.await_ready("kube-apiserver", lambda: get(f"{address}/readyz", token) == b"ok")
        self.kubeconfig.write_text(KUBECONFIG % (address, token))
        self.kubeconfig.chmod(0o600)

    def kubectl(self, *arguments, stdin=None, check=True):
        return run(
            [programs.KUBECTL, f"--kubeconfig={self.kubeconfig}", *arguments], stdin=stdin, check=check
        )

    def apply(self, *objects):
        """Applies objects that are given as dicts."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(items))

    def apply_folder(self, folder, *arguments, check=True):
        return self.kubectl("apply", "-k", folder, *arguments, check=check)

    def get(self, kind, name, namespace):
        return json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json").stdout)

    def create_namespace(self, name):
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def get(url, token=None):
    """The body of a GET, with a certificate that anyone may have signed."""
    request = urllib.request.Request(url)
    if token:
        request.add_header("authorization", f"Bearer {token}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return urllib.request.urlopen(request, timeout=10, context=context).read()


KUBECONFIG = """apiVersion: v1
kind: Config
current-context: test
clusters:
- {name: test, cluster: {server: "%s", insecure-skip-tls-verify: true}}
contexts:
- {name: test, context: {cluster: test, user: admin}}
users:
- {name: admin, user: {token: "%s"}}
"""
