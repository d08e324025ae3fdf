# Two commands do everything: make demo, make test.  make help lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
CODE := provisioner sipstub tests bench
RUN_OPTIONS ?= --http :8080 --tftp :6969

.PHONY: help demo run test check bench fuzz format clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "venv is missing: apt install python3-venv" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV)" >&2
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.developer: pyproject.toml constraints.txt $(VENV)/.installed
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.installed ## serve the example fleet and boot every phone of it, once
	@$(BIN)/provisioner demo

run: $(VENV)/.installed ## serve devices/ until Ctrl-C, on unprivileged ports
	@$(BIN)/provisioner serve $(RUN_OPTIONS) || [ $$? = 130 ]

test: $(VENV)/.developer ## all tests; those that miss a program say which package has it
	@$(BIN)/python -m pytest

check: $(VENV)/.developer ## lint, format and types
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy

bench: $(VENV)/.developer ## ratios against nginx and tftpd-hpa in the same run
	@$(BIN)/python -m bench

fuzz: $(VENV)/.developer ## every fault of SIP messages, and a flood of strangers, at a running server
	@$(BIN)/python -m bench sip_fuzz sip_flood

format: $(VENV)/.developer ## put the code into its form
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

clean: ## remove what make made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
