# What a release is made of. .github/workflows/release.yml publishes it: it alone needs an identity on the network.
CYCLONEDX_VERSION := 0.5.9
ACTIONLINT_VERSION := 1.7.12
CYCLONEDX := .cache/tools/cyclonedx-$(CYCLONEDX_VERSION)/bin/cargo-cyclonedx
ACTIONLINT := .cache/tools/actionlint-$(ACTIONLINT_VERSION)/actionlint
VERSION ?= unreleased

.PHONY: release
release: wasm image image-oci-artifact sbom ## Release: Make a release's files in dist/: module, images, SBOM, notes, checksums (VERSION=X.Y.Z)
	tools/scripts/release-notes $(VERSION) > dist/release-notes.md
	cd dist && sha256sum alb_authn.wasm alb_authn.cdx.json > SHA256SUMS

.PHONY: check-release
check-release: ## Release: Check that a release's files in dist/ belong together
	python3 tools/scripts/check-release

.PHONY: release-dry-run
release-dry-run: check-workflows ## Release: Do everything of a release that needs no network identity (needs Go)
	$(MAKE) release
	$(MAKE) check-release

.PHONY: sbom
sbom: toolchain $(CYCLONEDX) ## Release: List what is in the module: dist/alb_authn.cdx.json (CycloneDX)
	tools/scripts/sbom $(CYCLONEDX) dist/alb_authn.cdx.json

.PHONY: check-workflows
check-workflows: $(ACTIONLINT) ## Test with more: Check the GitHub workflows (needs Go)
	$(ACTIONLINT) -color

$(CYCLONEDX):
	@echo "Building cargo-cyclonedx $(CYCLONEDX_VERSION) (about 2 minutes)"
	cargo install --quiet --locked --root .cache/tools/cyclonedx-$(CYCLONEDX_VERSION) \
		cargo-cyclonedx --version $(CYCLONEDX_VERSION)

$(ACTIONLINT):
	@command -v go >/dev/null || { echo "make check-workflows: needs Go, which builds actionlint: https://go.dev/doc/install" >&2; exit 1; }
	GOBIN=$(CURDIR)/$(dir $@) go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION)
