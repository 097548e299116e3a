# Tests beyond `make test`: other Envoys, load, and what the module is made of.

# Every Envoy that the filter is tested with; the last one is the one of `make test`. PyPI's 1.38.3 is built without V8.
ENVOY_VERSIONS := 1.36.4 1.37.0 1.38.2 1.39.3 $(DEFAULT_ENVOY_VERSION)
# What runs on each of them, with both signature backends.
BREADTH := breadth bursts happy_path single_flight stripping vm chaos_hosts chaos_updates
# How many requests wait concurrently in tests of bursts: the most that a configuration allows. They use HTTP/2, which needs
# fewer file descriptors.
BREADTH_WAITERS := 16384
# Seconds of load.
SOAK_SECONDS ?= 600

VECTORS_MODULE := dist/verify_vectors.wasm
VECTORS_DIR := $(TARGET_DIR)/vectors
NAMED_DIR := $(TARGET_DIR)/named

E2E = ENVOY=$(abspath $(ENVOY)) cargo test --locked --package wasm-tests

.PHONY: test-envoy
test-envoy: wasm vectors-module $(ENVOY) ## Test here: Run the end-to-end tests on ENVOY_VERSION, with BACKEND (auto, host, wasm) over HTTP (1, 2)
	ALB_AUTHN_BACKEND=$(BACKEND) ALB_AUTHN_HTTP=$(HTTP) ALB_AUTHN_WAITERS=$(WAITERS) $(E2E) $(foreach name,$(TESTS),--test $(name))

.PHONY: test-breadth
test-breadth: wasm vectors-module ## Test here: Run a set of end-to-end tests on five Envoys, each with both signature backends
	for version in $(ENVOY_VERSIONS); do \
		for backend in host wasm; do \
			echo "Envoy $$version, $$backend"; \
			$(MAKE) --no-print-directory test-envoy ENVOY_VERSION=$$version BACKEND=$$backend TESTS="$(BREADTH)" \
				WAITERS=$(BREADTH_WAITERS); \
		done; \
	done

.PHONY: test-slow
test-slow: wasm $(ENVOY) ## Test here: Run the end-to-end tests that take over a minute each
	$(E2E) -- --ignored

# Built and optimised as the module is, so that the vectors test the same arithmetic. In a target directory of its own: a
# package's library has one file name there, for every set of features.
.PHONY: vectors-module
vectors-module: toolchain $(WASM_OPT_PACKAGES)
	CARGO_ENCODED_RUSTFLAGS="$(WASM_RUSTFLAGS)" cargo build --locked --release --target wasm32-wasip1 \
		--target-dir $(VECTORS_DIR) --package verify-vectors
	@$(MAKE) --no-print-directory $(VECTORS_MODULE)

$(VECTORS_MODULE): $(VECTORS_DIR)/wasm32-wasip1/release/verify_vectors.wasm tools/mk/wasm-opt.mk
	mkdir -p dist
	$(WASM_OPT) $< --output $@

.PHONY: soak
soak: wasm $(ENVOY) ## Test here: Load two workers for SOAK_SECONDS (600), check each response, then send two floods
	ENVOY=$(abspath $(ENVOY)) cargo run --locked --profile tools --package wasm-tests --bin soak -- $(SOAK_SECONDS)

# This build has the names of functions and less inlining than the module, so that most panics are found in the function that
# has them. A panic that can happen is in every build of the same code: an optimiser removes only what never happens.
.PHONY: panic-paths
panic-paths: toolchain ## Test here: Check that each function of the module that may panic has a reason why it does not
	CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_OPT_LEVEL=s CARGO_ENCODED_RUSTFLAGS="$(WASM_RUSTFLAGS)" \
		cargo build --locked --release --target wasm32-wasip1 --target-dir $(NAMED_DIR) --package alb-authn
	cargo run --locked --quiet --package panic-paths -- $(NAMED_DIR)/wasm32-wasip1/release/alb_authn.wasm

.PHONY: test-reproducible
test-reproducible: ## Test here: Check that two clones in different directories build the same bytes
	tools/scripts/reproducible
