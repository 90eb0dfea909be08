# Meterline: every task of the project. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := protocol edge hub simulators
WORKERS ?= 2
# The tests whose parts have to be reached in every branch.
COVERED := tests/protocol tests/edge/metering tests/edge/test_profiles.py tests/edge/test_poll.py tests/edge/test_journal.py \
  tests/hub/rules tests/hub/fleet tests/hub/charts tests/hub/alerting tests/hub/services
# Optional input: a measured series of AC power; the tests and the replay use it where it exists.
export METERLINE_PV_CSV ?= $(wildcard $(CURDIR)/../shared/data/pv_ac_power_15min.csv)

.DEFAULT_GOAL := help
.PHONY: help env demo judges test check check-static coverage covered format lock simulate year rules-page screenshots bench-custody bench-edge bench-month bench-replay bench-web clean

help:  ## List the tasks
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/:.*  ## /\t/' | expand -t 14

env: $(STAMP)  ## Make the environment in .venv (pinned and hashed; nothing else on the machine is touched)

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Meterline needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Making the environment in $(VENV) (once; a few minutes on a slow line) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: env  ## Run simulated meters, broker, edge and a hub with a fleet here; prints its address; Ctrl-C ends it
	@$(BIN)/meter-sim demo

judges:  ## Install the Modbus server from npm that the tests judge the edge by (optional; needs npm)
	@cd tests/judges && npm ci --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error

test: env  ## Run the tests, two files at a time (one that needs a missing part is skipped and names it)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: check-static coverage test  ## Run what CI runs: format, lint, types, architecture, tests

check-static: env
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy

coverage: env  ## Run the tests of the pure parts and demand that they reach every branch
	@$(BIN)/coverage run -m pytest -q -p no:cacheprovider $(COVERED)
	@$(BIN)/coverage report

covered:
	@echo $(COVERED)

format: env  ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench-web: env  ## Measure the pages of a hub with 100,000 devices: first byte, bytes on the wire, live pages
	@$(BIN)/python -m benchmarks.web

bench-replay: env  ## Replay a measured CSV through the whole line: make bench-replay METERLINE_PV_CSV=file.csv
	@test -n "$(METERLINE_PV_CSV)" || { echo "Name the measured series: make bench-replay METERLINE_PV_CSV=file.csv" >&2; exit 2; }
	@$(BIN)/meter-sim replay --pv "$(METERLINE_PV_CSV)" --json

bench-custody: env  ## Measure what custody costs: bytes on the wire, each step, and the hub beside its own parts
	@$(BIN)/python -m benchmarks.custody

bench-edge: env  ## Measure what the agent costs its machine: memory, processor, start, bytes written, and the bus
	@$(BIN)/python -m benchmarks.edge

bench-month: env  ## Measure the closing of a month for 30,000 to 120,000 systems: time, memory, growth
	@$(BIN)/python -m benchmarks.months

lock: env  ## Pin the dependencies anew in requirements/ (hashed, without index addresses)
	@for extra in edge pulse hub dev; do \
	  $(BIN)/uv pip compile pyproject.toml --extra $$extra --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --no-header --quiet --output-file requirements/$$extra.txt || exit 1; \
	done

simulate: env  ## Try to lose or double a reading in 250 simulated worlds: every fault, virtual time
	@$(BIN)/meter-sim custody --seeds 250 --json

year: env  ## Read eight meters through a year of every fault in virtual time, and judge what the journal holds
	@$(BIN)/meter-sim year --seed 1 --json

screenshots: env  ## Take a picture of every page, in light and dark, on a desk and on a phone: make screenshots TO=folder
	@$(BIN)/python -m tests.hub.screenshots $(or $(TO),screenshots)

rules-page: env  ## Draw docs/rules.md anew from the rules, their clauses and their cases
	@$(BIN)/python -m tests.hub.rules.rules_page

clean:  ## Remove the environment and everything made by tools
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage build dist
	@find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
