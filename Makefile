# `make` sets everything up and builds the reader; the other targets are listed by `make help`.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 5001
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := repro

.PHONY: repro
repro: .venv/ready ## set up, then build the reader and register it
	dvc repro

# The lock file's hashes are checked, so that everybody runs the same code.
.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11 to 3.13 is needed, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.PHONY: app
app: .venv/ready ## open the app in the browser
	streamlit run app/server.py

.PHONY: test
test: .venv/ready ## run the tests; those in a browser where there is a Chromium
	pytest

.PHONY: lint
lint: .venv/ready ## check style and types
	ruff check
	ruff format --check
	mypy

# One that finds a promise broken must not keep the next from measuring.
.PHONY: bench
bench: .venv/ready ## compare with other projects, and speed with what is promised
	status=0; for what in bench bench.bench_mnist_csv bench.bench_reader bench.bench_app; do python -m tests.$$what || status=1; done; exit $$status

.PHONY: screenshots
screenshots: .venv/ready ## take README's pictures of the app anew, with the reader in use
	SCREENSHOTS=app/screenshots pytest tests/browser -k fit

.PHONY: ui
ui: .venv/ready ## browse runs and versions on port 5000
	mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}"

.PHONY: serve
serve: .venv/ready ## serve the champion over HTTP on port 5001
	mlflow models serve --model-uri models:/digit-reader@champion --env-manager local \
		--host $(HOST) --port $(PORT) --workers $$(python -c 'import os; print(os.cpu_count())')

.PHONY: monitor
monitor: .venv/ready ## what has been read, and whether retraining is due
	python -m pipeline.evaluation.monitor $(or $(DIGITS_LOG),readings.db)

.PHONY: lock
lock: .venv/ready ## choose the newest versions that pyproject.toml allows
	python -m venv .venv/lock
	.venv/lock/bin/pip install --quiet uv
	.venv/lock/bin/uv pip compile pyproject.toml --extra dev --universal --generate-hashes \
		--python-version 3.11 --no-header --quiet --upgrade --output-file requirements.lock

.PHONY: clean
clean: ## remove what can be made again; your data, DVC's cache and MLflow's store stay
	rm -rf models data/prepared .venv *.egg-info .mypy_cache .pytest_cache .ruff_cache

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/:/' | column -t -s:
