# The manifests below deploy/. kustomize is built here by Go, at the version that deploy/tools pins.

KUSTOMIZE := .cache/tools/kustomize

$(KUSTOMIZE): deploy/tools/go.mod deploy/tools/go.sum
	@command -v go >/dev/null || { echo "Go 1.26 or newer is needed to build kustomize: https://go.dev/doc/install" >&2; exit 1; }
	@echo "Building kustomize (about 1 minute)"
	cd deploy/tools && go build -trimpath -o ../../$@ sigs.k8s.io/kustomize/kustomize/v5
