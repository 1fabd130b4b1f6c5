# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TOOLS  := $(VENV)/.installed-for-development
# A file's tests share a PBX, a browser, a database. They wait for calls and pages more than they compute: three on two cores.
SPREAD := -n 3 --dist loadfile

.PHONY: help install run test test-full test-tools faults lint bench clean

help:               ## what can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(STAMP)   ## make .venv and install Ringback

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(TOOLS): $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,sip]'
	@touch $@

run: install        ## the demo on http://127.0.0.1:8080: calls ring on the screen by themselves
	@$(BIN)/ringback demo

test-tools: $(TOOLS) ## what the tests need beside Python: Chromium, SIPp, PostgreSQL, Asterisk, Odoo (as root on Debian)
	@$(BIN)/python -m tests.tools

test: $(TOOLS)      ## lint, types and all tests; six stories run live on a real Asterisk
	@$(MAKE) --no-print-directory --jobs 2 lint test-tools
	$(BIN)/python -m pytest $(SPREAD) -m "not full"

test-full: test-tools ## everything: all stories live on Asterisk 22 and 16
	$(BIN)/python -m tests.tools --all
	$(BIN)/python -m pytest $(SPREAD) --timeout 3600

faults: test-tools  ## at most 20 minutes: the server killed, the lines cut at every step of a callback, many times
	RINGBACK_FAULT_SEEDS=40 RINGBACK_FAULT_MINUTES=8 $(BIN)/python -m pytest tests/faults $(SPREAD) --timeout 3600

lint: $(TOOLS)      ## ruff, mypy strict, the import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(TOOLS)     ## figures beside peers in the same run, also in bench/results.json
	$(BIN)/python -m bench

clean:              ## remove what was made here (not the cached Asterisk and Odoo)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
