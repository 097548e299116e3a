# Fuzzing: crates/invariants/ says what is tried, fuzz/ drives it. What is found is put into fuzz/corpus/TARGET, and
# `make test` tries it ever after.

TIME ?= 60
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
# The sanitizer needs a nightly compiler; nothing that is shipped is built with it.
FUZZ_TOOLCHAIN ?= nightly
CARGO_FUZZ := .cache/tools/bin/cargo-fuzz

.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## Test here: Fuzz each target for TIME seconds (default 60; FUZZ_TARGETS="token pem" limits them)
	@rustup run $(FUZZ_TOOLCHAIN) rustc --version >/dev/null 2>&1 \
		|| rustup --quiet toolchain install $(FUZZ_TOOLCHAIN) --profile minimal
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p .cache/fuzz/$$target; \
		echo "== $$target for $(TIME) s"; \
		PATH="$(CURDIR)/.cache/tools/bin:$$PATH" cargo +$(FUZZ_TOOLCHAIN) fuzz run $$target \
			.cache/fuzz/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(TIME) -timeout=10 -print_final_stats=1 || exit 1; \
	done

$(CARGO_FUZZ):
	cargo install --locked --quiet --version 0.13.2 --root .cache/tools cargo-fuzz
