# The dependency tree: licences, bans, sources, advisories, and exactly which packages are in the module.

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .cache/tools/bin/cargo-deny
MODULE_PACKAGES := cargo tree --locked --package alb-authn --target wasm32-wasip1 --edges normal,no-proc-macro --prefix none

.PHONY: deny
deny: $(CARGO_DENY) ## Test here: Check licences, bans and sources of all packages, and the list of those in the module
	$(CARGO_DENY) --locked --all-features check bans licenses sources
	$(CARGO_DENY) --locked --manifest-path fuzz/Cargo.toml --config .deny.toml check bans licenses sources
	$(MODULE_PACKAGES) | awk '{ print $$1 }' | sort --unique | diff docs/module-packages.txt - \
		|| { echo "the module's packages are not those of docs/module-packages.txt" >&2; exit 1; }

.PHONY: check-advisories
check-advisories: $(CARGO_DENY) ## Test with more: Check all packages against the RustSec database (needs GitHub)
	$(CARGO_DENY) --locked --all-features check advisories
	$(CARGO_DENY) --locked --manifest-path fuzz/Cargo.toml --config .deny.toml check advisories

$(CARGO_DENY):
	cargo install --locked --quiet --version $(CARGO_DENY_VERSION) --root .cache/tools cargo-deny
