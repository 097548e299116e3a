# The manifests below deploy/. kustomize is built here by Go, at the version that deploy/tools pins.

KUSTOMIZE := .cache/tools/kustomize

$(KUSTOMIZE): deploy/tools/go.mod deploy/tools/go.sum
	@command -v go >/dev/null || { echo "Go 1.26 or newer is needed to build kustomize: https://go.dev/doc/install" >&2; exit 1; }
	@echo "Building kustomize (about 1 minute)"
	cd deploy/tools && go build -trimpath -o ../../$@ sigs.k8s.io/kustomize/kustomize/v5

OVERLAY ?= deploy/overlays/kubeflow-cognito

.PHONY: check-deploy
check-deploy: tools $(KUSTOMIZE) ## Use: Check your params.env before you apply it (needs Go; OVERLAY=deploy/overlays/NAME)
	@deploy/check-params $(OVERLAY)
	@$(KUSTOMIZE) build $(OVERLAY) | deploy/check-rendering $(ALB_TOKEN)

.PHONY: test-deploy
test-deploy: tools $(KUSTOMIZE) ## Test with more: Render and check every overlay and option, with bad params.env files too (needs Go)
	KUSTOMIZE=$(CURDIR)/$(KUSTOMIZE) ALB_TOKEN=$(abspath $(ALB_TOKEN)) cargo test --locked --package alb-authn --test deploy -- --include-ignored
