# make demo    an audit of measured trajectories, from a fresh clone
# make test    every check: lint, types, layers, docs, tests
# make bench   benchmarks against peers (never part of the tests)
#
# Python: python3, or `make PYTHON=python3.12 ...`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# Not compiling what is never imported halves the time of an installation.
PIP_INSTALL := $(BIN)/pip install --quiet --no-compile --disable-pip-version-check --no-build-isolation -c constraints.txt
# One thread per process: the tests already run side by side.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo install test lint types layers docs pytest bench clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

# What is installed is remembered by empty files, so that a second call starts at once.
$(VENV)/.base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) hatchling editables
	$(PIP_INSTALL) -e '.[fast]'
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP_INSTALL) -e '.[dev,fast]'
	@touch $@

install: $(VENV)/.dev

demo: $(VENV)/.base
	$(BIN)/headstart demo

test: lint types layers docs pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/pyright

layers: $(VENV)/.dev
	$(BIN)/lint-imports

# The tutorial shows what the commands print, so they must be found.
docs: $(VENV)/.dev
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/sphinx-build -W --keep-going -n -q -b html docs docs/_build/html

pytest: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope

bench: $(VENV)/.dev
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build dist docs/_build .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -exec rm -rf {} +
