# Each target does everything: virtual environment, installation, run.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

# For make compact; the defaults repeat the run that made the shipped network.
PICTURES ?= $(REPLICATE_IMAGES)
TEACHER ?= $(REPLICATE_WEIGHTS)/vgg19-caffe.safetensors
STEPS ?= 4938
RUN ?= compact-run

.DEFAULT_GOAL := help
.PHONY: help install figures notebook demo test lint bench compact clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed; say which with: make PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (torch is large: some minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(VENV)/.installed ## virtual environment with everything in it

figures: install ## every figure, with a verdict under each claim, into figures/
	$(BIN)/replicate figures $(ARGS)

notebook: install ## the analysis notebook, run, as figures/analysis.html
	$(BIN)/python -m nbconvert --execute --to html --output-dir figures \
		replicate/notebooks/analysis.ipynb

demo: install ## the web demo on this machine
	$(BIN)/python -m demo $(ARGS)

test: install ## all tests; no network
	$(BIN)/python -m pytest $(ARGS)

lint: install ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: install ## speed against this machine's own limit
	$(BIN)/python -m benchmarks.engine $(ARGS)

compact: install ## train the bundled network anew (over an hour); goes on where it was stopped
	@test -d "$(PICTURES)" || { echo "Say where the pictures are: make compact PICTURES=/folder"; exit 2; }
	@test -f "$(TEACHER)" || { echo "Say where VGG-19 is: make compact TEACHER=/folder/vgg19-caffe.safetensors"; exit 2; }
	$(BIN)/python -m replicate.compact.train --pictures "$(PICTURES)" --teacher "$(TEACHER)" \
		--run $(RUN) --out $(RUN)/vgg19-compact.safetensors --steps $(STEPS) --resume $(ARGS)
	@echo "To put it into the package: $(BIN)/python -m replicate.compact.ship $(RUN)/vgg19-compact.safetensors"

clean: ## remove the virtual environment and caches of tools; drawn figures stay
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
