# The commands of the project. Each does the set-up it needs and says what it installs; see .ci/setup.

CARGO ?= cargo
# Handed on: make test ARGS='-E "test(matching)"', make demo ARGS='--once --scenario all'
ARGS ?=

.PHONY: help demo test lint fmt
.DEFAULT_GOAL := help

help:
	@echo 'make demo   build, start the daemon with a demo bank and shop, and show a payment reconciled'
	@echo 'make test   every test: unit, both databases, a real browser'
	@echo 'make lint   formatting, clippy, dependencies (where cargo-deny is installed)'
	@echo 'make fmt    format the code'

# `cargo run` finds the binary wherever CARGO_TARGET_DIR or cargo's own settings put it, and becomes it.
demo:
	@.ci/setup demo
	$(CARGO) run --release --locked -- demo $(ARGS)

test:
	@.ci/setup test
	@if $(CARGO) nextest --version >/dev/null 2>&1; then runner='nextest run'; else runner=test; fi; \
	set -x; .ci/with-postgres $(CARGO) $$runner --locked $(ARGS)

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then set -x; $(CARGO) deny --locked check; fi

fmt:
	$(CARGO) fmt
