# The task list. Every target sets up what it needs on a bare machine with Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test campaign lint format benchmark docs package papers constraints template picture clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'headwater needs Python 3.11 or newer')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs]'
	touch $@

demo: $(STAMP)  ## simulate two responses on another head, localise them, write a report
	$(BIN)/headwater demo --out headwater-demo --overwrite

# One thread each: threads of two processes that wait for each other on two cores are many times slower.
test: $(STAMP)  ## run all tests, within ten minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

campaign: $(STAMP)  ## attack the command line with 1,850 seeded faults, about two hours on two cores
	cd tests && OMP_NUM_THREADS=1 ../$(BIN)/python -m campaign --out ../benchmarks/results/campaign.md

lint: $(STAMP)  ## format check, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP)  ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: $(STAMP)  ## print every figure the README and the docs quote
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

docs: $(STAMP)  ## build the documentation with its examples into docs/_build/html, offline, some minutes
	MPLBACKEND=agg $(BIN)/python -m sphinx -E -W --keep-going -q -b html docs docs/_build/html

package: $(STAMP)  ## build the package and use it in an empty environment, a few minutes
	$(BIN)/python benchmarks/bench_package.py

papers: $(STAMP)  ## write the tables and pages of the documentation from the committed results
	$(BIN)/python benchmarks/network_table.py > benchmarks/results/networks.md
	$(BIN)/python benchmarks/papers_page.py > docs/papers.md
	$(BIN)/python benchmarks/docs_tables.py
	$(BIN)/python benchmarks/recordings_figure.py

constraints: $(STAMP)  ## write down the versions installed now
	$(BIN)/python -m pip freeze --exclude-editable | sed -E 's/\+cpu//' > constraints.txt

template: $(STAMP)  ## rebuild the shipped template head from its ingredients
	$(BIN)/python tools/build_template.py

picture: $(STAMP)  ## redraw the picture of the README
	$(BIN)/python tools/build_picture.py

clean:  ## remove the environment and caches of this checkout
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache
