# The last step of the module's build: Binaryen's optimiser makes it faster and smaller (docs/decisions/0016).
#
# npm has Binaryen compiled to JavaScript and WebAssembly, PyPI has the Node.js that runs it: only Python is needed, and every
# machine writes the same bytes.

$(MODULE): $(TRIMMED) tools/mk/wasm-opt.mk $(WASM_OPT_PACKAGES)
	mkdir -p dist
	$(WASM_OPT) $(TRIMMED) --output $@
	cd dist && sha256sum alb_authn.wasm > alb_authn.wasm.sha256

$(WASM_OPT_PACKAGES): $(wildcard tools/wasm-opt/*)
	@echo "Installing Binaryen and Node.js (an 80 MB download) into $(WASM_OPT_DIR)"
	mkdir -p $(WASM_OPT_DIR)
	cp tools/wasm-opt/package.json tools/wasm-opt/package-lock.json $(WASM_OPT_DIR)
	python3 -m venv $(WASM_OPT_DIR)/venv
	$(WASM_OPT_DIR)/venv/bin/pip install --quiet --disable-pip-version-check --requirement tools/wasm-opt/requirements.txt
	cd $(WASM_OPT_DIR) && PATH="$$PWD/venv/bin:$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@
