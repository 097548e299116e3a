# Tests in headless Chromium. Needs node 20 or later, npm and Chromium (Debian's packages).

CHROMIUM ?= /usr/bin/chromium
BROWSER_MODULES := e2e/node_modules/.package-lock.json

.PHONY: test-browser
test-browser: wasm tools $(ENVOY) browser-tools ## Test with more: Test the demo's and the rejection page in headless Chromium (needs npm, Chromium)
	cd e2e/browser && ALB_TOKEN=$(abspath $(ALB_TOKEN)) ENVOY=$(abspath $(ENVOY)) node --test page/*.test.mjs

# What every test in a browser needs. As root it installs Chromium, otherwise it says what to install.
.PHONY: browser-tools
browser-tools: $(CHROMIUM) $(BROWSER_MODULES)

$(CHROMIUM):
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "$(CHROMIUM) is missing: install the package chromium (Debian: apt-get install chromium)" >&2; exit 1; fi
	apt-get update -qq
	apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends chromium

$(BROWSER_MODULES): e2e/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install node 20 or later with npm" >&2; exit 1; }
	cd e2e && npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: screenshots-demo
screenshots-demo: wasm tools $(ENVOY) browser-tools ## Develop: Take the picture of the demo's page for the README (needs Chromium)
	cd e2e/browser && ALB_TOKEN=$(abspath $(ALB_TOKEN)) ENVOY=$(abspath $(ENVOY)) node page/screenshot.mjs
