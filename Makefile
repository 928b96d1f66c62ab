# `make demo` and `make test` set everything up by themselves, in .venv inside the checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1

# Two workers of pytest, whatever the machine: many tests start processes of their own. A file stays with one worker, so
# that what its tests share is made once.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: demo test quick check accuracy bench hostile install clean

demo: install
	$(BIN)/grade fixtures/cohort --out reports/demo --seed 1

test: check
	$(PYTEST)

# For the way between two edits: less than a minute on two cores.
quick: install
	$(BIN)/ruff check .
	$(PYTEST) -m "not slow"

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Mutants, equivalents, diagnosis, repeatability and seeds; make accuracy ACCURACY=--quick for the short form.
accuracy: install
	$(BIN)/python -m accuracy $(ACCURACY)

# An hour on two quiet cores; BENCH=--quick takes some minutes. The second command doubles hostile files four times.
bench: install
	$(BIN)/python -m bench $(BENCH)
	$(BIN)/python -m bench.linear $(BENCH)
	$(BIN)/python -m bench.linear --pace

# Submissions that forge, take, steal and damage; the test-suite grades most of them too.
hostile: install
	$(BIN)/python -m tests.adversarial

install: $(VENV)/installed

# Without pip in the virtual environment (Debian without python3-venv), the system package is asked for.
$(VENV)/installed: pyproject.toml constraints.txt tools/setup.sh
	PYTHON="$(PYTHON)" VENV="$(VENV)" sh tools/setup.sh
	touch $@

clean:
	rm -rf $(VENV) reports build dist .pytest_cache .mypy_cache .ruff_cache
