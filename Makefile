# Every target sets up what it needs: a virtual environment in .venv, made once and again when pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
SQUAD_DIR ?= ../shared/data/squad
ENGINE ?= docker
DISTILBERT_DIR ?= ../shared/data/distilbert

.DEFAULT_GOAL := help
.PHONY: help demo serve check test test-fast test-wire test-local test-slow test-sdk image image-test lock sbom embedded reference notebook bench bench-image bench-peers soak clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/serve.stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Mooring needs Python 3.11 or newer; {sys.executable} is {v.major}.{v.minor}. Say which to use: make PYTHON=python3.12 …")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/serve.stamp local/pyproject.toml
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev,build]' -e './local[dev]'
	@touch $@

demo: $(VENV)/serve.stamp ## Start the server, ask it a question over HTTP, stop it
	@$(PY) scripts/demo.py

serve: $(VENV)/serve.stamp ## Serve the embedded model on 127.0.0.1:8080
	@$(VENV)/bin/moor serve

check: $(VENV)/dev.stamp ## Lint, types, layers, generated pages, of both packages
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) scripts/make_reference.py --check
	$(PY) -m local.scripts.make_reference --check

test: test-fast test-wire ## The tests of Mooring that need nothing but this checkout

test-fast: $(VENV)/dev.stamp ## In process, no model, no network, no sleeps (seconds)
	$(PY) -m pytest -n 2 --dist loadfile

test-wire: $(VENV)/dev.stamp ## Real sockets, processes and the real engine (minutes)
	$(PY) -m pytest -m wire -n 2 --dist loadfile

test-local: $(VENV)/dev.stamp ## The tests of mooring-local that need nothing but this checkout (minutes)
	$(PY) -m pytest local/tests -n 2 --dist loadfile
	$(PY) -m pytest local/tests -m wire -n 2 --dist loadfile

test-slow: $(VENV)/dev.stamp ## All of SQuAD and PyTorch as reference; SQUAD_DIR names the data
	$(PY) -c 'import torch' 2>/dev/null || $(PY) -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[torch]'
	$(PY) scripts/environments.py transformers4 transformers5
	SQUAD_DIR=$(SQUAD_DIR) $(PY) -m pytest -m slow -rs

test-sdk: $(VENV)/dev.stamp ## Other people's clients against moor local; writes local/docs/reference/clients.md
	$(PY) scripts/environments.py sdk2 sdk3 awscli mooring hfjs
	@rm -f .work/clients.json
	$(PY) -m pytest -m sdk tests/web local/tests/fidelity -rs
	$(PY) local/scripts/clients_page.py

image: ## Build the image, as `mooring` (ENGINE names the client)
	DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 BUILDAH_FORMAT=docker $(ENGINE) build --network host --target serve -t mooring .

image-test: $(VENV)/dev.stamp ## Build the image and test it on a Docker or Podman engine
	$(PY) -m pytest -m 'container and not sdk' tests local/tests -rs

sbom: image ## Write the image's bill of materials to .work/sbom.json (CycloneDX)
	@mkdir -p .work
	$(PYTHON) scripts/sbom.py mooring > .work/sbom.json

lock: ## Resolve what the image installs again, with hashes (needs uv)
	$(PYTHON) scripts/lock.py

embedded: $(VENV)/dev.stamp ## Build the int8 artefact that ships in the package, from models/minilm-squad
	@mkdir -p src/mooring/_embedded
	$(VENV)/bin/moor build models/minilm-squad -o src/mooring/_embedded/minilm-squad --force \
	  --calibration $(SQUAD_DIR)/train-44-articles.json --judge $(SQUAD_DIR)/dev-v1.1.json --questions all

reference: $(VENV)/dev.stamp ## Write docs/reference and local/docs/reference again from the code
	$(PY) scripts/make_reference.py
	$(PY) -m local.scripts.make_reference

notebook: $(VENV)/dev.stamp ## Run the notebook and write its outputs into it
	$(PY) scripts/run_notebook.py notebooks/deploy_question_answering.ipynb

bench: $(VENV)/dev.stamp ## Measure the tables of docs/benchmarks.md (an hour; PARTS names some)
	$(PY) -m bench.measure --squad $(SQUAD_DIR) --distilbert $(DISTILBERT_DIR) $(PARTS)

bench-image: $(VENV)/dev.stamp image ## Measure the image beside the stock stack's
	$(PY) -m bench.measure --squad $(SQUAD_DIR) --distilbert $(DISTILBERT_DIR) image image-starts image-memory

bench-peers: $(VENV)/dev.stamp ## Measure Mooring beside other servers, installed below .work/peers (PEERS=--quick: 15 min)
	$(PY) -m bench.peers --squad $(SQUAD_DIR) --distilbert $(DISTILBERT_DIR) $(PEERS)

soak: $(VENV)/dev.stamp image ## Kill workers and stop the image under load (minutes; writes to docs/benchmarks.md)
	$(PY) -m bench.soak --squad $(SQUAD_DIR) $(PARTS)

clean: ## Remove what the targets made
	rm -rf $(VENV) .work .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
