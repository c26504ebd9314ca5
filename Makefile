# The commands of this repository; `make help` lists them.
#
# Everything runs in .venv, with the exact versions of requirements/locked.txt. It is made when first
# needed and again when those versions, pyproject.toml or the package's version change.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BENCH_ARGS ?=
ACCURACY_ARGS ?=
# Tests run in so many processes; each may take 5 GB.
TEST_WORKERS ?= 2

BIN := $(VENV)/bin
PINS := requirements/locked.txt
PYTEST := $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile
# On the test host. PySide6 6.12 gives away references of Python 3.11, which ends long runs: a process each.
HOST_TESTS := in_application slicer_host_tests scene gui
DEMO := output/demo
SAMPLE := Resources/SampleData
VERSION := RibFracDetector/RibFracDetectorLib/__init__.py
INSTALLED := $(VENV)/.installed
# Lowest share of RibFracDetectorLib, in percent, that `make test-all` must cover.
COVERAGE := 80

# Options of pytest -> everything, in workers, then each folder of HOST_TESTS; 5 is "nothing to run here".
define run_tests
	$(PYTEST) $(HOST_TESTS:%=--ignore=Testing/%) $(1) $(PYTEST_ARGS) || [ $$? -eq 5 ]
	for folder in $(HOST_TESTS); do \
	  $(PYTEST) Testing/$$folder $(1) $(PYTEST_ARGS) || [ $$? -eq 5 ] || exit 1; \
	done
endef

.DEFAULT_GOAL := help
.PHONY: help install detect bench accuracy test test-slow test-all lint format lock cmake-lists clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## make .venv with everything pinned; does nothing when done

$(INSTALLED): $(PINS) pyproject.toml $(VERSION) Testing/install_debian_packages.sh
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'The pinned versions need Python 3.11 or newer; try: make install PYTHON=python3.11' >&2; exit 1; }
	Testing/install_debian_packages.sh $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement $(PINS)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

detect: install ## find the simulated fractures of the sample case; picture and masks in output/demo
	$(BIN)/ribfrac detect $(SAMPLE)/simulated_chest_image.nii.gz --case simulated_chest \
	  --output $(DEMO) --overwrite
	@$(BIN)/python tools/beside_truth.py $(DEMO) $(SAMPLE)
	@echo 'Picture: $(DEMO)/simulated_chest_overview.png'

bench: install ## measure the speed of detection on an idle machine; two cores take more than half an hour
	PYTHONPATH=Testing $(BIN)/python Testing/Benchmarks/detection.py --output output/bench $(BENCH_ARGS)

accuracy: install ## measure a model on simulated fractures; takes hours, goes on where it was
	PYTHONPATH=Testing $(BIN)/python Testing/Campaigns/accuracy.py --output output/accuracy $(ACCURACY_ARGS)

test: install ## all tests but the slow ones
	$(call run_tests,-m 'not slow')

test-slow: install ## the slow tests alone
	$(call run_tests,-m slow)

test-all: install ## all tests, with the coverage of the library
	rm -f .coverage .coverage.*
	$(call run_tests,--cov --cov-append --cov-report=)
	$(BIN)/coverage report --fail-under=$(COVERAGE)

lint: install ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install ## mend style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install ## pin new dependencies of pyproject.toml
	$(BIN)/python tools/write_lock.py

cmake-lists: ## list the library's files in CMake
	$(PYTHON) tools/cmake_lists.py

clean: ## remove .venv, build folders and caches; results in output/ and work_dirs/ stay
	rm -rf $(VENV) build dist .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
