# `make demo` and `make test` do everything on a machine that has only Python 3.10-3.13 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Written last: an installation that was interrupted is made again from nothing.
INSTALLED := $(VENV)/.installed
# One thread per process, and one process more than cores: tests often wait, for a kernel to start or a limit to pass.
export OMP_NUM_THREADS := 1
PROCESSES := $(shell echo $$(($$(nproc) + 1)))

.PHONY: install demo test sample bench fidelity build lint clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else f"Python 3.10 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.11 …")'
	test -e $(INSTALLED) || rm -rf $(VENV)
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/autograder build
	$(BIN)/python -m autograder.demo

test: $(INSTALLED)
	$(BIN)/autograder build --check
	$(BIN)/autograder verify --quick
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup -m 'not fidelity and not every_topic'

bench: $(INSTALLED)
	$(BIN)/autograder build
	$(BIN)/python -m autograder.bench

sample: $(INSTALLED)
	$(BIN)/autograder verify --quick --mutants --sample 40
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup -m 'every_topic and not fidelity'

fidelity: $(INSTALLED)
	$(BIN)/autograder verify --mutants
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup -m 'fidelity or every_topic'

build: $(INSTALLED)
	$(BIN)/autograder build

lint: $(INSTALLED)
	$(BIN)/ruff check .

clean:
	rm -rf $(VENV) dist demo build
