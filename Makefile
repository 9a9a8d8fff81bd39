# Everything runs from .venv, which is made from requirements.lock; no virtualenv needs to be active.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3 python3.13 python3.12; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
BIN := .venv/bin
STAMP := .venv/installed
PACKAGES := policies workflows activities worker cli
# The tests of the pure packages. What the others happen to reach does not count as tested.
PURE_TESTS := $(wildcard $(addprefix tests/,unit/policies unit/expressions unit/contracts unit/language unit/engine properties scenarios))

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help .venv demo test check format generate cover bench chaos screenshots lock

help: ## show this list
	@sed -n 's/^\([a-z.]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.venv: $(STAMP) ## make or refresh the virtual environment

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo 'detent needs Python 3.11 or newer on PATH: none was found' >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) has no venv module: on Debian, install it with `apt-get install python3-venv`' >&2; exit 1; }
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## run the example graph on a real local server
	@$(BIN)/detent demo

test: $(STAMP) ## run every test
	$(BIN)/python -m pytest tests --numprocesses auto --maxprocesses 4 --dist loadfile

check: $(STAMP) ## run every check that is not a test; it rewrites nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(if $(wildcard docs/generate.py),$(BIN)/python -m docs.generate --check)
	@$(MAKE) --no-print-directory cover

format: $(STAMP) ## format, and fix what can be fixed without thinking
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

cover: $(STAMP) ## require every branch of the pure packages to be reached by their own tests
	$(BIN)/coverage run -m pytest -q $(PURE_TESTS)
	$(BIN)/coverage report

generate: $(STAMP) ## write the generated files again (schemas, the command reference)
	$(call script,docs/generate.py)

bench: $(STAMP) ## measure; prints tables and writes JSON
	$(call script,benchmarks/run.py)

chaos: $(STAMP) ## kill workers and servers in mid-run, and see that nothing is lost
	$(call script,tests/chaos/run.py)
	$(call script,tests/chaos/budget.py)
	$(call script,tests/chaos/approvals.py)
	$(call script,tests/chaos/agents.py)

screenshots: $(STAMP) ## photograph the demo in the Temporal UI with headless Chromium
	$(call script,docs/screenshots.py)

# Nothing in the environment may leak into the lock: no mirror, no local wheels.
lock: $(STAMP) ## pin the dependencies of pyproject.toml again
	env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND='make lock' \
		$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --extra dev --no-emit-index-url \
		--no-emit-trusted-host --no-emit-find-links --no-emit-options --output-file requirements.lock pyproject.toml

define script
@test -f $(1) || { echo '$(1) is not there yet' >&2; exit 1; }
$(BIN)/python -m $(subst /,.,$(basename $(1)))
endef
