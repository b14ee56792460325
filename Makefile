# Every target does its own set-up; from a bare clone only Python 3.11 or newer, pip and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup train test test-browser coverage test-slow bench bench-serve clean

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[train,trl,dev]'
	touch $@

train: setup
	$(BIN)/srlr train role=sentiment tier=gold seed=7 --run main

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/srlr assets fetch vader-ground-truth smollm2-135m-instruct all-minilm-l6-v2
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-browser: setup
	tests/install-chromium
	$(BIN)/python -m pytest -m browser

coverage: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=90

test-slow: setup
	$(BIN)/python -m pytest -m slow

bench: setup
	$(BIN)/srlr assets fetch vader-ground-truth smollm2-135m-instruct all-minilm-l6-v2
	$(BIN)/python -m benchmarks.similarity
	$(BIN)/python -m benchmarks.teacher
	$(BIN)/python -m benchmarks.redaction
	$(BIN)/python -m benchmarks.verifier
	$(BIN)/python -m benchmarks.duplicates
	$(BIN)/python -m benchmarks.rollout
	$(BIN)/python -m benchmarks.imitation_step
	$(BIN)/python -m benchmarks.grpo_step
	$(BIN)/python -m benchmarks.stepwise_step
	$(BIN)/python -m benchmarks.retrieval
	$(BIN)/python -m benchmarks.sandbox

bench-serve: setup
	$(BIN)/python -m benchmarks.serve_faults

bench-serve: setup
	$(BIN)/srlr assets fetch smollm2-135m-instruct
	$(BIN)/python -m benchmarks.gateway_hop
	$(BIN)/python -m benchmarks.serve_faults

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .coverage*
