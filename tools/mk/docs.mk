.PHONY: test-docs
test-docs: wasm tools $(ENVOY) ## Test with more: Run the terminal sessions in the documents and compare their output (needs curl)
	ENVOY=$(abspath $(ENVOY)) ALB_TOKEN=$(abspath $(ALB_TOKEN)) \
		tools/scripts/check-sessions README.md $(shell grep --recursive --files-with-matches '^```console' docs envoy-config --include='*.md')
