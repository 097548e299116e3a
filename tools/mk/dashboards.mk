# Prometheus is Debian's package, unpacked into .cache. Nothing is installed, no service starts.
PROMETHEUS_DIR := .cache/prometheus/usr/bin

.PHONY: test-dashboards
test-dashboards: wasm $(ENVOY) $(PROMETHEUS_DIR)/prometheus ## Test with more: Test dashboard and alerts with Prometheus on a running Envoy (needs apt-get)
	PROMETHEUS_DIR=$(CURDIR)/$(PROMETHEUS_DIR) cargo test --locked --package prometheus-tests -- --include-ignored

$(PROMETHEUS_DIR)/prometheus:
	@command -v apt-get >/dev/null || { echo "make test-dashboards: needs Debian or Ubuntu, whose Prometheus it uses" >&2; exit 1; }
	mkdir -p .cache/prometheus
	cd .cache/prometheus && rm -f prometheus_*.deb && { apt-get download prometheus || { apt-get update && apt-get download prometheus; }; }
	dpkg-deb --extract .cache/prometheus/prometheus_*.deb .cache/prometheus
	@touch $@
