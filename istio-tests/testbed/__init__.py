"""Istio's real control plane on one machine, without containers: see istio-tests/README.md."""
