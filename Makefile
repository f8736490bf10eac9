# One command each, from a fresh clone, with nothing but Python >= 3.11 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run install test check format bench fleet fleet-stop fleet-report clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

run: install ## Install, start the demo and print the address to open.
	$(BIN)/plimsoll demo

install: $(VENV)/.installed ## Make .venv with the plimsoll command in it.

test: $(VENV)/.installed-dev ## Install from nothing, then run the whole test-suite.
	$(BIN)/python -m pytest -n auto

check: $(VENV)/.installed-dev ## Format, lint, types, import layers and tests: the one gate.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto

bench: $(VENV)/.installed-dev ## Measure us and the peers found here: table, build/bench.md and .json.
	$(BIN)/python tests/benchmarks/run.py $(BENCH)

format: $(VENV)/.installed-dev ## Format the sources and mend what the linter can.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fleet: $(VENV)/.installed ## Build and start the seven servers of the comparison, as far as their toolchains are here.
	$(BIN)/python -m deploy.fleet.main start

fleet-stop: $(VENV)/.installed ## Stop the servers that `make fleet` has started.
	$(BIN)/python -m deploy.fleet.main stop

fleet-report: $(VENV)/.installed ## Load all of them four ways and compare: SECONDS=n a cell, JSON=file.
	$(BIN)/python -m deploy.fleet.report --seconds "$(or $(SECONDS),10)" --json "$(JSON)"

clean: ## Remove everything that the other commands made.
	rm -rf $(VENV) build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "got $$($(PYTHON) --version), want Python >= 3.11: set PYTHON to its path"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m compileall -q monitor alerts exporters dashboards
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
