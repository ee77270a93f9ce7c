# Everything a fresh machine needs is Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What uv has fetched stays beside what it installed: the tests of the Action install from it, offline.
export UV_CACHE_DIR := $(abspath $(VENV))/uv-cache

WORKFLOWS := $(wildcard .github/workflows/*.yml .github/examples/*.yml)
LOCK := $(BIN)/uv --no-config pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-header

COMPILE_PACKS := $(BIN)/python -c 'from gatekeeper.policy.load import compiled_packs; print(compiled_packs(), end="")'
SIZES ?= quick

.PHONY: help demo test lint catalogue examples check bench lock clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/'

$(VENV)/.installed: requirements-dev.lock requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Gatekeeper needs Python 3.11 or newer; say which: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	    { echo "Python cannot make virtual environments; on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip install --quiet --system-certs --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock
	$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps -e . && $(BIN)/python -m compileall -q gatekeeper
	@# Packages that an older installation had are not in the cache yet.
	@$(BIN)/uv venv --quiet --clear --no-project --python $(BIN)/python $(VENV)/gate && \
	    $(BIN)/uv pip install --quiet --system-certs --python $(VENV)/gate --require-hashes --only-binary :all: -r requirements.lock && \
	    rm -rf $(VENV)/gate
	@touch $@

# What the oldest projects have, for tests/sources/test_versions.py; SQLAlchemy 1.4 has no wheels for Python 3.13.
$(VENV)/old/.installed: tests/sources/old.lock $(VENV)/.installed
	@$(BIN)/uv venv --quiet --clear --no-project --python $(BIN)/python $(VENV)/old
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then \
	    $(BIN)/uv pip install --quiet --system-certs --compile-bytecode --python $(VENV)/old --require-hashes \
	        --only-binary :all: -r tests/sources/old.lock; \
	else rm -r $(VENV)/old/bin; fi
	@touch $@

demo: $(VENV)/.installed  ## review a bad pull request of a small shop
	@$(BIN)/gatekeeper demo

test: $(VENV)/.installed $(VENV)/old/.installed  ## run the tests
	$(BIN)/python -m pytest --numprocesses=auto

lint: $(VENV)/.installed  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict .github/action/contain.py
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(BIN)/actionlint -no-color $(WORKFLOWS)
	$(BIN)/zizmor --offline --quiet --persona=pedantic action.yml $(WORKFLOWS)
	@$(COMPILE_PACKS) | diff -q - gatekeeper/policy/compiled.json >/dev/null || \
	    { echo "gatekeeper/policy/compiled.json is not what the packs compile to; make catalogue"; exit 1; }
	@$(BIN)/gatekeeper policy catalogue | diff -q - policies/README.md >/dev/null || \
	    { echo "policies/README.md is not what the packs say; make catalogue"; exit 1; }

catalogue: $(VENV)/.installed  ## write policies/README.md from the packs, and what they compile to
	$(COMPILE_PACKS) > .compiled && mv .compiled gatekeeper/policy/compiled.json
	$(BIN)/gatekeeper policy catalogue --output policies/README.md

examples: $(VENV)/.installed  ## run the examples of all shipped policies on a real server
	$(BIN)/gatekeeper policy test

check: lint examples test  ## all that CI runs

bench: $(VENV)/.installed  ## measure speed; make bench SIZES=full for the long run
	$(BIN)/python -m tests.benchmarks --sizes $(SIZES)

lock: $(VENV)/.installed  ## resolve the dependencies anew
	$(LOCK) pyproject.toml --group dev -o requirements-dev.lock
	$(LOCK) pyproject.toml --constraints requirements-dev.lock --no-annotate -o requirements.lock
	$(LOCK) tests/sources/old.in --no-annotate -o tests/sources/old.lock

clean:  ## forget the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
