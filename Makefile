# Needs Python 3.11 or newer with venv, and make; everything else goes into .venv.
#
#   make demo          a distributed load test of a demo shop, from notebook to HTML report, in under a minute
#   make test          everything that has to hold: ruff, mypy and all tests
#   make test-cluster  the Kubernetes launcher against the cluster that KUBECONFIG leads to; tests/cluster/conftest.py
#                      says which variables choose the namespace and the image
#   make lint          ruff and mypy alone
#   make bench         the benchmarks, as a table
#   make lab           JupyterLab with the notebooks: it opens the first ten minutes, quickstart
#   make sample        record the run that ships with loadlab anew
#   make constraints   take the newest versions of all dependencies into constraints.txt
#   make clean         remove the environment, caches and builds; recorded runs stay

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP_OPTIONS := --quiet --disable-pip-version-check

.PHONY: install demo test test-cluster lint bench lab sample constraints clean system
.DEFAULT_GOAL := test

install: $(INSTALLED)

$(BIN)/uv: | constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "loadlab needs Python 3.11 or newer; name one with: make PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_OPTIONS) --constraint constraints.txt uv

$(INSTALLED): pyproject.toml constraints.txt $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode \
		--constraint constraints.txt --editable '.[test,dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/loadlab demo

test: lint system
	$(BIN)/python -m pytest --numprocesses 5 --dist loadfile --no-loadscope-reorder

test-cluster: $(INSTALLED)
	$(BIN)/python -m pytest tests/cluster --timeout 900 --verbose

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

lab: $(INSTALLED)
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/quickstart.ipynb

sample: $(INSTALLED)
	$(BIN)/python -m loadlab.sample

system:
	@.ci/system

constraints: $(BIN)/uv
	@echo '# Versions that are known to work together. Made by: make constraints' > constraints.new
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-annotate --no-header \
		pyproject.toml >> constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
