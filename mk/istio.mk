# The filter on Istio's real control plane (istio-tests/README.md). Everything is built or unpacked into .cache/istio.

ISTIO_CACHE := .cache/istio
ISTIO_TOOLS := kubernetes crane istio-1.29 istio-latest
ISTIO_BUILT := $(ISTIO_TOOLS:%=$(ISTIO_CACHE)/%/.built)

.PHONY: test-istio
test-istio: istio-programs wasm tools ## Test in real Istio: API server, istiod, agent, registry, Envoy (needs Go)
	istio-tests/test $(TESTS)

.PHONY: run-istio
run-istio: istio-programs wasm tools ## Leave the same running, to be tried with a browser and kubectl (needs Go)
	istio-tests/run

.PHONY: istio-programs
istio-programs: $(ISTIO_BUILT) $(KUSTOMIZE)
	@istio-tests/fetch-programs

$(ISTIO_CACHE)/%/.built: istio-tests/tools/%/go.mod istio-tests/tools/%/go.sum istio-tests/build-tools
	@istio-tests/build-tools $*
