# Two commands do all the set-up: `make up` and `make test`. Everything lands in .venv, node_modules and .build.
SHELL := /bin/bash
# The first Python for which every locked package has a ready wheel, else whatever python3 is
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$name && exit; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .build/stamps
export PATH := $(CURDIR)/$(BIN):$(PATH)
# a machine that keeps no bytecode compiles two thousand modules for each process the tests start: ten seconds instead of one
unexport PYTHONDONTWRITEBYTECODE
QUIETLY := --quiet --disable-pip-version-check
# $(1) environment, $(2) lock file. uv takes seconds where pip takes minutes; where uv does not run, pip does the same.
define install_locked
$(1)/bin/python -m pip install $(QUIETLY) --require-hashes --no-deps -r locks/uv.txt \
	&& $(1)/bin/uv pip install --quiet --python $(1)/bin/python --require-hashes --no-deps -r $(2) \
	|| $(1)/bin/python -m pip install $(QUIETLY) --require-hashes --no-deps -r $(2)
endef
.DEFAULT_GOAL := help
.PHONY: help up test check fast bench soak faults abi install dev browser contracts slither coverage clean test-clients

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

$(STAMPS)/prerequisites:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "missing: Python 3.11 or newer (set PYTHON=…)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "missing: Python's venv module (Debian: apt-get install python3-venv)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 14))' || command -v cc >/dev/null || { echo "missing: Python 3.11 to 3.13, or a C compiler for a newer one (set PYTHON=…)"; exit 1; }
	@command -v git >/dev/null || { echo "missing: git"; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python: locks/python.txt pyproject.toml | $(STAMPS)/prerequisites
	@echo "installing Python packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(call install_locked,$(VENV),locks/python.txt)
	@$(BIN)/python -m pip install $(QUIETLY) --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/node: package-lock.json .npmrc | $(STAMPS)/python
	@echo "installing Node packages (chain, compiler, contract libraries)"
	@$(BIN)/python scripts/npm.py ci --ignore-scripts --no-progress --loglevel=error
	@touch $@

install: $(STAMPS)/python $(STAMPS)/node ## install what is missing

up: install ## run the whole thing with the sample: chain, database, service, pages
	@$(BIN)/ledger up --sample

browser: | $(STAMPS)/python
	@$(BIN)/python scripts/find_browser.py

# The contracts' half first, two at a time: each compiles for minutes on one core of its own. Then
# all on SQLite, then on PostgreSQL what takes a database: counting lines doubles a test's time, and what only PostgreSQL reaches is a screenful
test: install browser ## everything that must pass
	@$(MAKE) --no-print-directory --jobs 2 coverage contracts check slither
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --database sqlite --cov --cov-report=term:skip-covered --cov-fail-under=95
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --database postgres -m database
	@$(BIN)/python scripts/measure_gas.py --check

check: install ## format, lint, types, floor plan; under a minute
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/node node_modules/solhint/solhint.js --max-warnings 0 --noPoster 'contracts/**/*.sol'
	@$(BIN)/python -m pytest -q tests/test_house.py
	@$(BIN)/python scripts/build_contracts.py --check

fast: install ## the tests to run all day: rules, and doors without the desk's photos
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" --database sqlite tests/unit tests/api/*.py

contracts: install ## Solidity tests
	@$(BIN)/python scripts/forge.py test

slither: install $(STAMPS)/slither ## static analysis of the contracts
	@$(BIN)/python scripts/check_slither.py

$(STAMPS)/slither: locks/slither.txt | $(STAMPS)/python
	@echo "installing the static analyser into $(VENV)-slither"
	@test -x $(VENV)-slither/bin/python || $(PYTHON) -m venv $(VENV)-slither
	@$(call install_locked,$(VENV)-slither,locks/slither.txt)
	@touch $@

coverage: install
	@$(BIN)/python scripts/check_coverage.py

abi: install ## compile the contracts and write ledger_api/abi
	@$(BIN)/python scripts/build_contracts.py

test-clients: install ## the main job, a fee bump and the audit on Anvil, Hardhat and go-ethereum; writes the README's table
	@$(BIN)/python scripts/test_clients.py

bench: install ## every figure of benchmarks/results.json and gas.json
	@$(BIN)/python scripts/measure_gas.py
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.table

SECONDS ?= 600
SEED ?=
soak: install ## ten minutes in which everything breaks at once (SECONDS=…, SEED=…); writes benchmarks/soak.json
	@$(BIN)/python -m scripts.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

faults: install ## tests/faults in their long form: the same scenes again and again, an hour or two
	@$(BIN)/python -m pytest -q tests/faults --faults long

clean: ## forget what was built (not the .ledger home)
	rm -rf .build $(VENV) $(VENV)-slither node_modules
