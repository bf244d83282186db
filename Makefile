# Each target does its own set-up: system packages where missing, .venv, requirements. Running again is quick.
# PYTHON=python3.12 chooses another interpreter; without make, see README.

VENV := .venv
RUN := $(VENV)/bin/python
SETUP := tools/setup.sh tools/setup_missing.py tools/setup_check.py $(wildcard packaging/*.py packaging/*/*)
# Many tests wait for servers, cameras and clocks: twice as many at a time as there are cores.
WORKERS = $(shell expr 2 \* `getconf _NPROCESSORS_ONLN`)
export PYTHON
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-fast test-slow test-faults lint style types bench bench-trackers engines deep clean

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 22

demo: $(VENV)/.core-ready ## make the demo video, from nothing, in under two minutes
	$(RUN) run.py demo
	@echo "make demo: done; the video and its results are in out/ (the lines above name them)"

test: lint test-fast test-slow test-faults ## all checks: ruff, mypy, the fast tests, the slow ones, the faults
	@echo "make test: ruff, mypy, fast tests, slow tests and faults passed; what was skipped, and why, stands above"

test-fast: $(VENV)/.test-ready ## the fast tests only
	$(RUN) -m pytest -n $(WORKERS) -m "not slow"

test-slow: $(VENV)/.test-ready ## the slow tests only
	$(RUN) -m pytest -n auto -m "slow and not faults"

test-faults: $(VENV)/.test-ready ## break cameras, disks, brokers and stages, and print what that costs
	$(RUN) -m tests.faults

lint: style types ## style and types

style: $(VENV)/.test-ready ## ruff: rules and format
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check

types: $(VENV)/.test-ready ## mypy
	$(RUN) -m mypy

bench: $(VENV)/.bench-ready ## measure this project beside others on this machine
	$(RUN) -m benchmarks
	@echo "make bench: the table above is also in docs/benchmarks.md"

bench-trackers: $(VENV)/.bench-ready ## measure the trackers beside others, on public ground truth
	$(RUN) -m benchmarks.trackers
	@echo "make bench-trackers: the tables above are also in docs/trackers.md"

engines: $(VENV)/.engines-ready ## add ONNX Runtime and OpenVINO: networks on a CPU run two to three times as fast
	@echo "make engines: ONNX Runtime and OpenVINO are installed in $(VENV); try them with engine: auto"

deep: $(VENV)/.deep-ready ## add torch and ultralytics (2 GB)
	@echo "make deep: torch and ultralytics are installed in $(VENV)"

clean: ## remove the virtual environment and the tools' caches; out/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than its requirements when they are installed.
$(VENV)/.test-ready $(VENV)/.bench-ready $(VENV)/.engines-ready $(VENV)/.deep-ready: $(VENV)/.core-ready
$(VENV)/.test-ready: requirements/eval.txt requirements/engines.txt
$(VENV)/.%-ready: requirements/%.txt $(SETUP)
	@tools/setup.sh $*
	@touch $@
