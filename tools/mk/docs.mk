.PHONY: test-docs
test-docs: wasm tools $(ENVOY) ## Run the terminal sessions in the documents, and compare what they print (needs curl)
	tools/scripts/check-sessions README.md $(shell grep --recursive --files-with-matches '^```console' docs envoy-config --include='*.md')
