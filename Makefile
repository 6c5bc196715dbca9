# Everything a newcomer needs is `make app`; everything a contributor needs is `make test`.
# Each target sees to the environment it needs: `.venv`, made once, renewed when the requirements change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCHMARKS := $(basename $(notdir $(wildcard benchmarks/[a-z]*.py)))
# Where well-known corpora already lie, if they do; without it their tests are skipped.
EXPLORER_DATA ?= $(abspath $(wildcard ../shared/data))
export EXPLORER_DATA

# Processes that share the tests; a file's tests stay together, so that a browser is started once for each.
WORKERS ?= 2
# Streamlit opens a browser where there is a screen to open one on; it prints the address in any case.
SCREENLESS = [ -n "$$CI" ] || { [ "$$(uname)" = Linux ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; }
HEADLESS ?= $(shell if $(SCREENLESS); then echo true; else echo false; fi)

.DEFAULT_GOAL := help
.PHONY: help app test check format bench bench-smoke setup

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

app: $(VENV)/app.stamp ## open the explorer in the browser
	$(BIN)/streamlit run app.py --server.headless $(HEADLESS) --server.showEmailPrompt false

test: check ## check the code, then run every test (in a real browser too, where Chromium is)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --doctest-modules -m "not browser" tests explorer
	$(BIN)/python -m pytest -m browser tests/browser # one at a time: a browser and a server need both cores

check: $(VENV)/dev.stamp ## ruff and mypy: names, style, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp ## measure speed and print the ratios (some minutes)
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name; done

bench-smoke: $(VENV)/dev.stamp ## run every benchmark in its short form, to see that it still runs
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name --smoke; done

setup: $(VENV)/dev.stamp ## make the environment for development, without running anything

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, but $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>/dev/null || echo missing);" \
	    "name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/app.stamp: requirements.txt $(VENV)/python.stamp
	$(BIN)/python -m pip install -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt $(VENV)/python.stamp
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@ $(VENV)/app.stamp
