# The whole path with a login: docs/login-path.md. Needs Go for the OpenID provider; its tests need what
# mk/browser.mk installs.

STANDIN_ALB := $(TARGET_DIR)/tools/standin-alb
DEX := .cache/dex
LOGIN_PROGRAMS = ENVOY=$(abspath $(ENVOY)) ALB_TOKEN=$(abspath $(ALB_TOKEN)) \
	STANDIN_ALB=$(abspath $(STANDIN_ALB)) DEX=$(abspath $(DEX))

.PHONY: run-login
run-login: login-programs ## Run the whole path here: OpenID provider, load balancer with login, gateway, notebooks
	$(LOGIN_PROGRAMS) login/run

.PHONY: test-login
test-login: login-programs browser-tools ## Test the whole path: the stand-in against a real OpenID provider, then in Chromium
	DEX=$(abspath $(DEX)) cargo test --locked --package standin-alb -- --include-ignored
	cd browser-tests && $(LOGIN_PROGRAMS) node --test --test-concurrency=1 login/*.test.mjs

.PHONY: screenshots-login
screenshots-login: login-programs browser-tools ## Take the pictures of docs/login-path.md
	cd browser-tests && SCREENSHOTS=$(abspath docs/images) $(LOGIN_PROGRAMS) node --test login/login.test.mjs

.PHONY: login-programs
login-programs: wasm $(ENVOY) $(DEX)
	cargo build --locked --profile tools --package alb-token --package standin-alb

$(DEX): login/dex/go.mod login/dex/go.sum
	@command -v go >/dev/null || { echo "go is missing: install Go 1.26 or later to build Dex, the OpenID provider" >&2; exit 1; }
	@echo "Building Dex (a minute or two the first time)"
	@mkdir -p $(@D)
	cd login/dex && go build -o $(abspath $@) github.com/dexidp/dex/cmd/dex
