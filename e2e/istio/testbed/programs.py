"""Where the programs are, and which versions go together."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache" / "istio"
DEPLOY = ROOT / "deploy"
IMAGE = ROOT / "dist" / "alb_authn-image"
ARTIFACT = ROOT / "dist" / "alb_authn-oci-artifact"
ALB_TOKEN = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "tools" / "alb-token"
STANDIN_ALB = ALB_TOKEN.with_name("standin-alb")
DEX = ROOT / ".cache" / "dex"

ETCD = CACHE / "etcd" / "usr" / "bin" / "etcd"
KUBE_APISERVER = CACHE / "kubernetes" / "kube-apiserver"
KUBECTL = CACHE / "kubernetes" / "kubectl"
REGISTRY = ROOT / ".cache" / "registry" / "usr" / "bin" / "docker-registry"
ENVOY_GATEWAY = CACHE / "envoy-gateway" / "envoy-gateway"
ENVOY_GATEWAY_CRDS = CACHE / "envoy-gateway" / "crds.yaml"
ENVOY_GATEWAY_MANIFEST = DEPLOY / "envoy-gateway" / "alb-authn.yaml"
KUSTOMIZE = ROOT / ".cache" / "tools" / "kustomize"
CRANE = ROOT / ".cache" / "tools" / "crane"


@dataclass(frozen=True)
class Pair:
    """An Istio and the Envoy that runs under its agent."""

    name: str
    istio_folder: str
    envoy_version: str
    # From 1.30 istiod turns a WasmPlugin into a TrafficExtension and names the filter after it.
    has_traffic_extension: bool

    @property
    def short_name(self):
        return self.istio_folder.removeprefix("istio-")

    def istio(self, program: str) -> Path:
        return CACHE / self.istio_folder / program

    @property
    def envoy(self) -> Path:
        packages = CACHE / f"envoy-{self.envoy_version}" / "lib"
        return next(packages.glob("python*/site-packages/envoy/_bin/envoy"))

    def filter_name(self, namespace: str, plugin: str) -> str:
        """The name of a WasmPlugin's filter in Envoy's configuration."""
        if self.has_traffic_extension:
            return f"extensions.istio.io/trafficextension/{namespace}.{plugin}~istio-translated-wasmplugin"
        return f"extensions.istio.io/wasmplugin/{namespace}.{plugin}"


PAIRS = [
    Pair("Istio 1.29.1 with Envoy 1.37.0", "istio-1.29", "1.37.0", has_traffic_extension=False),
    Pair("Istio's newest module with Envoy 1.40.0", "istio-latest", "1.40.0", has_traffic_extension=True),
]


def chosen_pairs():
    """All pairs, or the one that ISTIO names: `1.29` or `latest`."""
    wanted = os.environ.get("ISTIO")
    pairs = [pair for pair in PAIRS if wanted in (None, pair.short_name)]
    if not pairs:
        sys.exit(f"ISTIO must be one of {', '.join(pair.short_name for pair in PAIRS)}, not {wanted!r}")
    return pairs


def shipped_overlays():
    """The folders of deploy/overlays, by name."""
    overlays = sorted(path.parent for path in (DEPLOY / "overlays").glob("*/kustomization.yaml"))
    assert overlays, f"no overlays in {DEPLOY}"
    return overlays
