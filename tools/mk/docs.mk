AWS_CLI := .cache/aws-cli

.PHONY: test-docs
test-docs: wasm tools $(ENVOY) $(AWS_CLI)/installed ## Test with more: Run the documents' terminal sessions and AWS commands, and compare their output (needs curl)
	ENVOY=$(abspath $(ENVOY)) ALB_TOKEN=$(abspath $(ALB_TOKEN)) \
		tools/scripts/check-sessions README.md $(shell grep --recursive --files-with-matches '^```console' docs envoy-config --include='*.md')
	$(AWS_CLI)/venv/bin/python tools/scripts/check-aws-commands README.md \
		$(shell grep --recursive --files-with-matches '^```sh' docs deploy --include='*.md')

$(AWS_CLI)/installed: tools/aws-cli/requirements.txt
	@echo "Installing the AWS CLI (a 5 MB download) into $(AWS_CLI)"
	python3 -m venv $(AWS_CLI)/venv
	$(AWS_CLI)/venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
