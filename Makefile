# Everything runs in .venv, which `make` fills by itself: with uv where it is installed, else with venv and pip.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: demo test lint types audit check bench build clean

demo: .venv/.installed
	$(BIN)/projector demo $(ARGS)

test: .venv/.installed
	$(BIN)/python -m pytest $(ARGS)

bench: .venv/.installed
	$(BIN)/projector bench all $(ARGS)

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports

types: .venv/.installed
	$(BIN)/mypy

audit: .venv/.installed
	$(BIN)/python -m tools.audit

check: lint types audit test

# A source distribution, a wheel, and a bill of materials of what an installation of it consists of.
build: .venv/.installed
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/python -m tools.sbom dist

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.installed: pyproject.toml constraints.txt
	@if command -v uv >/dev/null 2>&1; then \
	    uv venv --quiet --allow-existing --python '>=3.11' .venv && \
	    uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'; \
	else \
	    $(PYTHON) -m venv .venv && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'; \
	fi
	@touch $@
