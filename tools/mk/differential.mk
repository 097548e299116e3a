# The filter's results compared with those of other verifiers: npm's aws-jwt-verify and jose, and Python's PyJWT.

OTHER_VERIFIERS := e2e/other-verifiers
DIFFERENTIAL := .cache/differential
NODE_JUDGES := $(notdir $(wildcard $(OTHER_VERIFIERS)/*.mjs))

.PHONY: test-differential
test-differential: $(DIFFERENTIAL)/installed ## Test with more: Compare with aws-jwt-verify, jose and PyJWT on the same tokens (needs npm)
	cargo run --locked --quiet --package other-verifiers > $(DIFFERENTIAL)/cases.json
	cd $(DIFFERENTIAL)/npm && node aws_jwt_verify.mjs ../cases.json > ../aws-jwt-verify.json
	$(DIFFERENTIAL)/venv/bin/python $(OTHER_VERIFIERS)/pyjwt_judge.py $(DIFFERENTIAL)/cases.json > $(DIFFERENTIAL)/PyJWT.json
	python3 $(OTHER_VERIFIERS)/compare.py $(DIFFERENTIAL)/cases.json $(OTHER_VERIFIERS)/differences.json \
		aws-jwt-verify=$(DIFFERENTIAL)/aws-jwt-verify.json PyJWT=$(DIFFERENTIAL)/PyJWT.json
	cargo run --locked --quiet --package other-verifiers --bin access-tokens > $(DIFFERENTIAL)/access-tokens.json
	cd $(DIFFERENTIAL)/npm && node cognito_jwt_verify.mjs ../access-tokens.json > ../CognitoJwtVerifier.json
	cd $(DIFFERENTIAL)/npm && node jose_verify.mjs ../access-tokens.json > ../jose.json
	python3 $(OTHER_VERIFIERS)/compare.py $(DIFFERENTIAL)/access-tokens.json $(OTHER_VERIFIERS)/access-token-differences.json \
		CognitoJwtVerifier=$(DIFFERENTIAL)/CognitoJwtVerifier.json jose=$(DIFFERENTIAL)/jose.json

# Node looks for packages next to the scripts, so the scripts are copied to them.
$(DIFFERENTIAL)/installed: $(addprefix $(OTHER_VERIFIERS)/,package.json package-lock.json requirements.txt $(NODE_JUDGES))
	@command -v npm >/dev/null || { echo "make test-differential needs Node.js 20 with npm" >&2; exit 1; }
	mkdir -p $(DIFFERENTIAL)/npm
	cp $(addprefix $(OTHER_VERIFIERS)/,package.json package-lock.json $(NODE_JUDGES)) $(DIFFERENTIAL)/npm/
	cd $(DIFFERENTIAL)/npm && npm ci --silent --ignore-scripts --no-audit --no-fund
	python3 -m venv $(DIFFERENTIAL)/venv
	$(DIFFERENTIAL)/venv/bin/pip install --quiet --disable-pip-version-check --requirement $(OTHER_VERIFIERS)/requirements.txt
	@touch $@
