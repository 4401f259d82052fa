# make setup   .venv with everything in it (uv where it is installed, else pip)
# make demo    Westmarsh, a council that does not exist: made, run, and shown
# make quick   the tests that take seconds        make test   all tests
# make lint    ruff, types, the import rule       make bench  ratios to the raw engine
.PHONY: setup servers demo quick test lint bench reference clean

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Modules are compiled once and not by each of the processes that tests begin.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
DONE := .venv/.vestry-setup

setup: $(DONE)

$(DONE): pyproject.toml uv.lock requirements.txt
	@if command -v uv >/dev/null 2>&1; then uv sync --quiet --locked; \
	else test -d .venv || $(PYTHON) -m venv .venv; \
	  .venv/bin/python -m pip install --quiet --requirement requirements.txt; \
	  .venv/bin/python -m pip install --quiet --no-deps --editable .; fi
	@touch $(DONE)

demo: setup
	@vestry demo westmarsh

quick: setup
	pytest -q -p no:schemathesis -m "not slow" -n auto --dist worksteal

servers:
	@tests/servers/install

test: setup servers
	pytest -q -n auto --dist worksteal

lint: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports

bench: setup
	@if command -v uv >/dev/null 2>&1; then uv sync --quiet --locked --group bench; \
	else .venv/bin/python -m pip install --quiet --requirement requirements-bench.txt; fi
	python -m bench $(ONLY)

reference: setup
	python -m docs.reference

clean:
	rm -rf .venv westmarsh bench/work
