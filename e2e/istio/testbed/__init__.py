"""Istio's real control plane on one machine, without containers: see e2e/istio/README.md."""
