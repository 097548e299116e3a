# The module as an OCI image. Nothing here needs a container engine.

IMAGE_VERSION := $(shell sed -n '/^\[workspace.package\]/,/^$$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
IMAGE := dist/alb_authn-image
ARTIFACT := dist/alb_authn-oci-artifact
CRANE := .cache/tools/crane
REGISTRY_DIR := .cache/registry/usr/bin

# Writes the image into the directory $(1) and $(1).tar, in the form $(2), and its digest into $(1).digest.
write-image = rm -rf $(1) && cargo run --locked --quiet --profile tools --package wasm-image -- \
	$(2) $(MODULE) $(IMAGE_VERSION) $(1) > $(1).digest && echo "$(1).tar: $$(cat $(1).digest)"

.PHONY: image
image: wasm ## Release: Build the image that Istio pulls: dist/alb_authn-image.tar (an OCI layout) and its digest
	@$(call write-image,$(IMAGE),image)

.PHONY: image-oci-artifact
image-oci-artifact: wasm ## Release: Build the same as an artifact of two layers: dist/alb_authn-oci-artifact.tar
	@$(call write-image,$(ARTIFACT),artifact)

.PHONY: push
push: ## Release: Push both images: REGISTRY=HOST/PATH (needs Go; uses the credentials of `docker login`)
	@test -n "$(REGISTRY)" || { echo 'REGISTRY is missing: make push REGISTRY=ghcr.io/OWNER' >&2; exit 1; }
	$(MAKE) image image-oci-artifact $(CRANE)
	$(CRANE) push $(IMAGE) $(REGISTRY)/alb-authn:$(IMAGE_VERSION)
	$(CRANE) push $(ARTIFACT) $(REGISTRY)/alb-authn:$(IMAGE_VERSION)-artifact
	@echo "For params.env: image=$(REGISTRY)/alb-authn@$$(cat $(IMAGE).digest)"

.PHONY: test-image
test-image: $(CRANE) $(REGISTRY_DIR)/docker-registry ## Test with more: Push both images to a real registry and pull them again (needs Go, apt-get)
	CRANE=$(CURDIR)/$(CRANE) PATH="$(CURDIR)/$(REGISTRY_DIR):$$PATH" cargo test --locked --package wasm-image -- --include-ignored

# Unpacked, not installed: no service starts.
$(REGISTRY_DIR)/docker-registry:
	@command -v apt-get >/dev/null || { echo "make test-image: needs Debian or Ubuntu, whose docker-registry it uses" >&2; exit 1; }
	mkdir -p .cache/registry
	cd .cache/registry && rm -f *.deb && { apt-get download docker-registry || { apt-get update && apt-get download docker-registry; }; }
	dpkg-deb --extract .cache/registry/docker-registry_*.deb .cache/registry
	@touch $@

$(CRANE): deploy/tools/go.mod deploy/tools/go.sum
	@command -v go >/dev/null || { echo "Go 1.26 or newer is needed to build crane: https://go.dev/doc/install" >&2; exit 1; }
	@echo "Building crane (about 1 minute)"
	cd deploy/tools && go build -trimpath -o ../../$@ github.com/google/go-containerregistry/cmd/crane
