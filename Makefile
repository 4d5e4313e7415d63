# Every target makes its own .venv first. Only python3 (3.11 or newer), pip and make are needed.
PY ?= python3
V := .venv
# One command in all cases: uv where it is installed (seconds), else pip (about half a minute, once).
INSTALL = $(if $(shell command -v uv 2>/dev/null),uv pip install -q --python $(V)/bin/python,$(V)/bin/python -m pip install -q --disable-pip-version-check)

.PHONY: demo test check bench venv lock clean

$(V)/.ok: pyproject.toml requirements.lock
	@echo "Setting up $(V) (once) ..."
	@$(PY) -m venv $(V)
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps -e .
	@touch $@

venv: $(V)/.ok                  ## the environment with every extra but spark

demo: $(V)/.ok                  ## a demonstration school, about a minute; make demo ARGS=--stay keeps it up
	@$(V)/bin/filterwatch demo $(ARGS)

test: $(V)/.ok                  ## all tests that need no real daemon
	$(V)/bin/python -m pytest -q -n 2 -m "not e2e" $(ARGS)

check: $(V)/.ok                 ## what CI runs
	$(V)/bin/ruff format --check .
	$(V)/bin/ruff check .
	$(V)/bin/mypy
	$(V)/bin/lint-imports
	$(V)/bin/filterwatch check
	$(V)/bin/python -m pytest -q -n 2 -m "not e2e" $(ARGS)
	$(V)/bin/python -m pytest -q -m e2e $(ARGS)

bench: $(V)/.ok                 ## one benchmark per budget; figures of this machine
	$(V)/bin/python -m benchmarks $(ARGS)

lock:                           ## after a change of dependencies in pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
	  --extra console --extra demo --extra postgres --extra reports --extra sigma --extra test pyproject.toml -o requirements.lock

clean:
	rm -rf $(V) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
