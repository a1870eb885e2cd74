# `make app` reads with the last build, which travels with the repository; `make` sets up all that building needs and
# brings the registry up to date. `make help` lists the targets.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 5001
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := repro

.PHONY: repro
repro: .venv/build .git ## set up all, rebuild what changed, and bring the registry up to date
	# Where nothing changed, what the committed build was made of need not be there.
	if dvc repro --allow-missing --dry | grep "Running stage" | grep -qv "'register'"; \
		then dvc repro; else dvc repro --allow-missing; fi

.PHONY: rebuild
rebuild: .venv/build .git ## build everything anew from the MNIST CSVs: about an hour on 2 cores
	dvc repro --force

# The hashes in the lock files are checked, so that everybody runs the same code. Not compiling what is never imported
# saves a third of the time.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes --requirement requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

.venv/build: .venv/ready requirements-build.lock
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 14) and "TensorFlow needs Python 3.11 to 3.13, this is " + sys.version)'
	$(INSTALL) --require-hashes --requirement requirements-build.lock
	touch $@

.git:
	@echo "DVC needs Git to build. In a copy without history, first run: git init && git add . && git commit -m Start"
	@exit 1

# Registers what is committed if it is not registered yet: seconds, without data.
.PHONY: registered
registered: .venv/ready
	python -m pipeline.register

.PHONY: app
app: registered ## open the app in the browser
	streamlit run app/server.py

.PHONY: test
test: .venv/build ## run the tests; those in a browser where there is a Chromium
	pytest

.PHONY: lint
lint: .venv/build ## check style and types
	ruff check
	ruff format --check
	mypy

# One that finds a promise broken must not keep the next from measuring.
.PHONY: bench
bench: .venv/build ## compare with other projects, and speed with what is promised
	status=0; for what in bench bench.bench_mnist_csv bench.bench_reader bench.bench_app; do python -m tests.$$what || status=1; done; exit $$status

.PHONY: screenshots
screenshots: .venv/build ## take README's pictures of the app anew, with the reader in use
	SCREENSHOTS=app/screenshots pytest tests/browser -k fit

.PHONY: ui
ui: .venv/ready ## browse runs and versions on port 5000
	mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}"

.PHONY: serve
serve: registered ## serve the champion over HTTP on port 5001
	mlflow models serve --model-uri models:/digit-reader@champion --env-manager local \
		--host $(HOST) --port $(PORT) --workers $$(python -c 'import os; print(os.cpu_count())')

.PHONY: monitor
monitor: .venv/ready ## what has been read, and whether retraining is due
	python -m pipeline.evaluation.monitor $(or $(DIGITS_LOG),readings.db)

.PHONY: lock
lock: .venv/ready ## choose the newest versions that pyproject.toml allows
	python -m venv .venv/lock
	.venv/lock/bin/pip install --quiet uv
	.venv/lock/bin/uv pip compile pyproject.toml --universal --generate-hashes \
		--python-version 3.11 --no-header --quiet --upgrade --output-file requirements.lock
	.venv/lock/bin/uv pip compile pyproject.toml --extra build --extra dev --universal --generate-hashes \
		--python-version 3.11 --no-header --quiet --upgrade --constraint requirements.lock --output-file requirements-build.lock

.PHONY: clean
clean: ## remove what can be made again; your data, DVC's cache and MLflow's store stay
	rm -rf data/prepared .venv *.egg-info .mypy_cache .pytest_cache .ruff_cache

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/:/' | column -t -s:
