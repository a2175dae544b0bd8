# Each target does everything: virtual environment, installation, run.
#   CPU=1     PyTorch without GPU libraries: 4 GB less
#   LOCKED=1  the very releases with which the committed figures were drawn (locked.txt)
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(LOCKED),-c locked.txt)
ARGS ?=

# For make compact; the defaults repeat the run that made the shipped network.
PICTURES ?= $(REPLICATE_IMAGES)
TEACHER ?= $(REPLICATE_WEIGHTS)/vgg19-caffe.safetensors
STEPS ?= 4938
RUN ?= compact-run

# For make space: where to, and what a Hugging Face Space is made of.
SPACE ?= build/space
SPACE_FILES := README.md LICENSE app.py requirements.txt demo replicate paper_configs figures/evidence/rows.jsonl \
	figures/gallery

.DEFAULT_GOAL := help
.PHONY: help install figures notebook demo test lint bench compact space clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

# The package by itself, with what a target needs beside it, or with all (dev).
PACKAGE := $(VENV)/.package
EXTRAS := $(VENV)/.demo $(VENV)/.notebook
$(PACKAGE) $(EXTRAS) $(VENV)/.dev: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (torch is large: some minutes the first time) ..."
	$(if $(CPU),@$(PIP) torch torchvision --index-url https://download.pytorch.org/whl/cpu)
	@$(PIP) -e '.$(if $(filter-out $(PACKAGE),$@),[$(subst .,,$(@F))])'
	@touch $@ $(PACKAGE) $(if $(filter %/.dev,$@),$(EXTRAS))

install: $(VENV)/.dev ## virtual environment with everything in it

figures: $(PACKAGE) ## every figure, with a verdict under each claim, into figures/
	$(BIN)/replicate figures $(ARGS)

notebook: $(VENV)/.notebook ## the analysis notebook, run, as figures/analysis.html
	$(BIN)/python -m nbconvert --execute --to html --output-dir figures \
		replicate/notebooks/analysis.ipynb

demo: $(VENV)/.demo ## the web demo on this machine
	$(BIN)/python -m demo $(ARGS)

test: install ## all tests; no network
	$(BIN)/python -m pytest $(ARGS)

lint: install ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(PACKAGE) ## speed against this machine's own limit
	$(BIN)/python -m benchmarks.engine $(ARGS)

compact: $(PACKAGE) ## train the bundled network anew (over an hour); goes on where it was stopped
	@test -d "$(PICTURES)" || { echo "Say where the pictures are: make compact PICTURES=/folder"; exit 2; }
	@test -f "$(TEACHER)" || { echo "Say where VGG-19 is: make compact TEACHER=/folder/vgg19-caffe.safetensors"; exit 2; }
	$(BIN)/python -m replicate.compact.train --pictures "$(PICTURES)" --teacher "$(TEACHER)" \
		--run $(RUN) --out $(RUN)/vgg19-compact.safetensors --steps $(STEPS) --resume $(ARGS)
	@echo "To put it into the package: $(BIN)/python -m replicate.compact.ship $(RUN)/vgg19-compact.safetensors"

space: ## what a Hugging Face Space is made of, in build/space
	@rm -rf $(SPACE) && mkdir -p $(SPACE)
	@git ls-files -z -- $(SPACE_FILES) | tar --null -T - -cf - | tar -xf - -C $(SPACE)
	@cp .github/space.gitattributes $(SPACE)/.gitattributes

clean: ## remove the virtual environment and caches of tools; drawn figures stay
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
