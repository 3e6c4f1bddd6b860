# The commands of the project. Each does the set-up it needs and says what it installs; see .ci/setup.

CARGO ?= cargo
# Handed on: make test ARGS='-E "test(matching)"', make demo ARGS='--once --scenario all'
ARGS ?=
# What `make soak` is drawn from; make soak SEED=42 plays a run again.
SEED ?=

.PHONY: help demo test soak lint fmt
.DEFAULT_GOAL := help

help:
	@echo 'make demo   build, start the daemon with a demo bank and shop, and show a payment reconciled'
	@echo 'make test   every test: unit, both databases, a real browser'
	@echo 'make soak   100 kills of the daemon on each database, and a check that nothing is lost; SEED=… repeats a run'
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

# The PostgreSQL is new and empty, unless RECONBANKER_TEST_POSTGRES_URL names one, which must be empty.
soak:
	@.ci/setup test
	@seed='$(SEED)'; [ -n "$$seed" ] || seed=$$(od -An -N3 -tu4 /dev/urandom | tr -d ' '); \
	echo "seed $$seed"; \
	unset RECONBANKER_DATABASE__URL; set -ex; \
	$(CARGO) run --release --locked -- demo --once --kill --kills 100 --seed "$$seed" $(ARGS); \
	.ci/with-postgres sh -c 'exec env RECONBANKER_DATABASE__URL="$$RECONBANKER_TEST_POSTGRES_URL" "$$@"' soak \
		$(CARGO) run --release --locked -- demo --once --kill --kills 100 --seed "$$seed" $(ARGS)

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then set -x; $(CARGO) deny --locked check; fi

fmt:
	$(CARGO) fmt
