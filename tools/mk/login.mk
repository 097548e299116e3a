# The whole path with a login: docs/login-path.md. The OpenID provider is Dex if Go is installed, otherwise npm's
# oidc-provider. The tests need Go, and what tools/mk/browser.mk installs.

STANDIN_ALB := $(TARGET_DIR)/tools/standin-alb
DEX := .cache/dex
OIDC_PROVIDER := e2e/login/oidc-provider/node_modules/.package-lock.json
PROVIDER ?= $(if $(shell command -v go),dex,oidc-provider)
LOGIN_PROGRAMS = ENVOY=$(abspath $(ENVOY)) ALB_TOKEN=$(abspath $(ALB_TOKEN)) \
	STANDIN_ALB=$(abspath $(STANDIN_ALB)) DEX=$(abspath $(DEX))

.PHONY: run-login
run-login: login-programs $(if $(filter dex,$(PROVIDER)),$(DEX),$(OIDC_PROVIDER)) ## Use: Run the path with a login: OpenID provider, gateway, notebooks (needs Go or npm)
	$(LOGIN_PROGRAMS) PROVIDER=$(PROVIDER) e2e/login/run

.PHONY: test-login
test-login: login-programs $(DEX) $(OIDC_PROVIDER) browser-tools ## Test with more: Test the path with a login, in Chromium too (needs Go, npm, Chromium)
	DEX=$(abspath $(DEX)) cargo test --locked --package standin-alb -- --include-ignored
	cd e2e/login && $(LOGIN_PROGRAMS) node --test --test-concurrency=1 tests/*.test.mjs

.PHONY: screenshots-login
screenshots-login: login-programs $(DEX) browser-tools ## Develop: Take the pictures of docs/login-path.md (needs Go, Chromium)
	cd e2e/login && SCREENSHOTS=$(abspath docs/images) $(LOGIN_PROGRAMS) node --test tests/login.test.mjs

.PHONY: login-programs
login-programs: wasm $(ENVOY) standin

.PHONY: standin
standin:
	cargo build --locked --profile tools --package alb-token --package standin-alb

.PHONY: provider
provider: $(DEX)

$(DEX): e2e/login/dex/go.mod e2e/login/dex/go.sum
	@command -v go >/dev/null || { echo "go is missing: install Go 1.26 or later to build Dex, the OpenID provider" >&2; exit 1; }
	@echo "Building Dex (a minute or two the first time)"
	@mkdir -p $(@D)
	cd e2e/login/dex && go build -o $(abspath $@) github.com/dexidp/dex/cmd/dex

$(OIDC_PROVIDER): e2e/login/oidc-provider/package-lock.json
	@command -v npm >/dev/null || { echo "Go and npm are missing: install one of them for the OpenID provider" >&2; exit 1; }
	cd e2e/login/oidc-provider && npm ci --silent --no-audit --no-fund
	@touch $@
