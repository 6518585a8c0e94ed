# Everything runs from .venv, which `setup` makes; a target that needs it makes it first.
PYTHON ?= python3

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
BUILD  := build
PYTEST := $(BIN)/python -m pytest
KIENG  := $(BIN)/kieng
BUF    := $(BIN)/buf
IMAGE  := $(BUILD)/protos.binpb

# Processes keep what they compile, whatever the shell says: or each of hundreds compiles everything anew.
export PYTHONDONTWRITEBYTECODE :=

# More than two cores have, because tests also wait; each imports everything and starts a broker and a database.
# WORKERS=0 runs in this process.
WORKERS ?= 4
TIMES   := --durations=20

MONGO_SUITE := tests/contract tests/integration/kernel/test_mongo.py tests/integration/kernel/test_mongo_features.py tests/integration/kpi/store \
	tests/integration/kpi/projection tests/integration/submissions/test_store.py tests/integration/partners tests/integration/notifications/test_ledger.py

BASELINE := protos/baseline.binpb

# One line for ten packages of pip's several for each; what goes wrong pip says on stderr, and ends the target.
PIP_PROGRESS = awk -v total="$$(grep -c '^[a-zA-Z].*==' requirements.lock)" \
	'/^Collecting/ && ++n % 10 == 0 { print "  " n " of at most " total " packages"; fflush() } \
	/^Installing collected/ { print "  unpacking " n " packages"; fflush() } /^FAILED/ { bad = 1 } END { exit bad }'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo test test-slow test-integration test-kafka test-mongo test-simulation test-chaos test-hostile fuzz bench bench-sizing check check-deploy check-contracts client lint proto proto-check \
	proto-image proto-baseline lock fmt clean screenshots

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with the locked dependencies (first time: PYTHON=python3.12 chooses)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "kieng needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is %d.%d: try make PYTHON=python3.12" % v)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing the locked packages into $(VENV), once; this takes a minute or two"
	@{ $(BIN)/python -u -m pip install --disable-pip-version-check --require-hashes -r requirements.lock || echo FAILED; } | $(PIP_PROGRESS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Run the whole system on made-up universities (ONCE=1 ends after the first round, ALL=1 shows every number)
	$(KIENG) demo $(if $(ONCE),--once) $(if $(ALL),--all)

test: setup ## Run every test but the slow ones (ARGS="-k fold -x" goes to pytest; docs/testing.md)
	$(PYTEST) -n $(WORKERS) $(TIMES) -m "not slow and not kafka and not hunt and not hostile" $(ARGS)

test-slow: setup ## Run what takes long by its nature, and properties and simulation with more examples
	DEEP=1 $(PYTEST) -n 2 $(TIMES) -m "(slow or deep) and not hostile" $(ARGS)

test-integration: setup ## Run the tests that start a broker and a database, slow ones included
	$(PYTEST) -n $(WORKERS) $(TIMES) -m "not kafka" tests/integration tests/e2e $(ARGS)

test-kafka: setup ## Run what depends on the broker on Apache Kafka, and two rounds of chaos (Java 17, Maven)
	ROUNDS=$(or $(ROUNDS),2) $(PYTEST) -n 2 $(TIMES) -m "log or kafka" --broker kafka $(ARGS)

test-mongo: setup ## Hold a MongoDB server against what the product asks (MONGO=URI; empties its databases kieng_kpi and test_...)
	@test -n "$(MONGO)" || { echo "which database? make test-mongo MONGO='mongodb://HOST/?replicaSet=NAME'"; exit 2; }
	$(PYTEST) $(TIMES) --mongo '$(MONGO)' $(MONGO_SUITE) $(ARGS)

test-simulation: setup ## Simulate SEEDS=10000 schedules of the KPI core against the oracle, and its mutants
	SEEDS=$(or $(SEEDS),10000) $(PYTEST) -s --timeout 0 tests/simulation $(ARGS)

test-chaos: setup ## Kill and freeze owners of partitions on Apache Kafka, ROUNDS=20 times, against the oracle
	ROUNDS=$(or $(ROUNDS),20) $(PYTEST) -s tests/chaos --broker kafka $(ARGS)

test-hostile: setup ## Let one university attack a running stack, and measure what the others notice
	$(PYTEST) -s --timeout 900 tests/hostile $(ARGS)

fuzz: setup ## Call every RPC with spoilt bytes, odd messages and bad tokens, SECONDS=600, SEED printed
	SECONDS=$(or $(SECONDS),600) SEED=$(SEED) $(PYTEST) -s tests/fuzz $(ARGS)

screenshots: setup ## Take a picture of every page of the portal into docs/portal (Chromium)
	$(BIN)/python -W ignore -m tests.e2e.screenshots

bench-sizing: setup ## Measure memory, CPU and disk at 20 and 200 submissions a second; build/sizing.json
	$(BIN)/python -W ignore -m tests.benchmark.sizing $(ARGS)

bench: setup ## Measure what every number costs: EVENTS=100000; writes build/bench.json
	$(BIN)/python -W ignore -m tests.benchmark $(or $(EVENTS),100000) $(ARGS)

check: lint proto-check test ## Run what has to pass before a commit: format, lint, types, spelling, contracts, tests

check-deploy: setup ## Check image, Compose file and chart with every tool (npm and checkov are fetched into build/)
	CHECK_DEPLOY=1 $(PYTEST) -s --timeout 900 tests/deploy $(ARGS)

check-contracts: setup ## Compile the contracts for Python, Go, Java, TypeScript and C#, and dial (tools are fetched into build/)
	CHECK_CONTRACTS=1 $(PYTEST) --timeout 900 tests/contracts $(ARGS)

client: setup ## Build the wheel of the Python stubs alone, for integrators, into dist/
	$(BIN)/python protos/generate.py --client dist

lint: setup ## Check format, style, types and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell

proto: setup ## Generate protos/gen from protos/
	$(BIN)/python protos/generate.py

proto-check: proto-image ## Check the contracts: style, compatibility with the baseline, generated code
	$(BUF) lint $(IMAGE) --config protos/buf.yaml
	@test -f $(BASELINE) || { echo "$(BASELINE) is missing: make it with 'make proto-baseline' and commit it" >&2; exit 1; }
	$(BUF) breaking $(IMAGE) --against $(BASELINE) --config protos/buf.yaml
	$(BIN)/python protos/generate.py --check

proto-image: setup
	$(BIN)/python protos/generate.py --image $(IMAGE)

proto-baseline: proto-image ## Take the contracts as they stand as what later changes may not break
	$(if $(wildcard $(BASELINE)),$(BUF) breaking $(IMAGE) --against $(BASELINE) --config protos/buf.yaml)
	$(BIN)/python protos/generate.py --baseline $(BASELINE)

lock: setup ## Solve requirements.lock again (UPGRADE=1 takes the newest versions)
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras \
		--generate-hashes --no-annotate --no-header --quiet $(if $(UPGRADE),--upgrade) \
		--output-file requirements.lock
	$(call lock_image,pyproject.toml --extra oracle,deploy/image.lock)
	$(call lock_image,deploy/image-build.in,deploy/image-build.lock)

# What the image holds, and what builds its wheel: parts of requirements.lock, so versions and hashes are those that were tested.
define lock_image
$(BIN)/uv pip compile $(1) --constraint requirements.lock --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --quiet --output-file $(2)
endef

fmt: setup ## Format the code and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove everything that make can make again
	rm -rf $(VENV) $(BUILD) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find services tests protos -name __pycache__ -type d -prune -exec rm -rf {} +
