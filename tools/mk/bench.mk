# The benchmark. Its own programs are a workspace apart: nothing of them is part of the filter.

BENCH_TARGET := $(TARGET_DIR)/bench
BENCH_SDK_HELPER := $(BENCH_TARGET)/wasm32-wasip1/release/bench_filters.wasm
BENCH_HELPER := $(BENCH_TARGET)/bench_filters.wasm
BENCH_CARGO := CARGO_TARGET_DIR=$(BENCH_TARGET) cargo
BENCH_MANIFEST := --locked --manifest-path bench/Cargo.toml
# A whole run renews the page; a quick one only shows that all of it works.
BENCH_OUTPUT := $(if $(QUICK),--quick --json dist/bench-quick.json,\
	--json docs/benchmarks.json --page docs/benchmarks.md --plot docs/benchmarks.svg)

.PHONY: bench
bench: wasm bench-programs $(ENVOY) ## Develop: Measure what a request costs, next to native filters (needs wrk; QUICK=1: two minutes)
	python3 bench/run.py --envoy $(ENVOY) --module $(MODULE) \
		--helper $(BENCH_HELPER) --helper-all-exports $(BENCH_SDK_HELPER) \
		--signer $(BENCH_TARGET)/tools/bench-tokens $(BENCH_OUTPUT) $(BENCH_ARGS)

.PHONY: bench-memory
bench-memory: ## Develop: Watch Envoy's memory over ten million new tokens (needs wrk; half an hour)
	$(MAKE) bench BENCH_OUTPUT= BENCH_ARGS="--only no-op --endurance 10000000"

.PHONY: bench-programs
bench-programs: toolchain wrk $(WASM_OPT_PACKAGES)
	$(BENCH_CARGO) build $(BENCH_MANIFEST) --profile tools --package bench-tokens
	$(BENCH_CARGO) build $(BENCH_MANIFEST) --release --target wasm32-wasip1 --package bench-filters
	cargo run --locked --quiet --package keep-exports -- $(BENCH_SDK_HELPER) $(BENCH_HELPER)
	$(WASM_OPT) $(BENCH_HELPER) --output $(BENCH_HELPER)

.PHONY: wrk
wrk:
	@command -v wrk >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; } \
		|| { echo "make bench needs wrk: apt-get install wrk"; exit 1; }
	@command -v wrk >/dev/null || apt-get install --yes --no-install-recommends wrk

.PHONY: check-bench
check-bench: toolchain ## Test here: Check formatting and lints of the benchmark's programs
	$(BENCH_CARGO) fmt --manifest-path bench/Cargo.toml --all --check
	$(BENCH_CARGO) clippy $(BENCH_MANIFEST) --package bench-tokens -- --deny warnings
	$(BENCH_CARGO) clippy $(BENCH_MANIFEST) --target wasm32-wasip1 --package bench-filters -- --deny warnings
