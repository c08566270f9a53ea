# Everything runs in .venv, made with nothing but Python and pip; a second call installs nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := faiss-cpu,twin,judge,dev

.PHONY: setup demo study-quick figures test check format clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[$(EXTRAS)]'
	touch $@

demo: setup  ## the whole story: data -> generator -> views -> two recognisers -> report
	$(BIN)/pifr chain configs/demo.yaml --out runs/demo

study-quick: setup  ## the pose gap study, small: every step of it on a few rendered people
	$(BIN)/python benchmarks/pose_gap.py --quick --out runs/pose-gap-quick

figures: setup  ## tables and plots of README.md and docs/, anew from docs/results/*.json
	$(BIN)/python benchmarks/readme_tables.py

test: setup  ## the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile

check: setup  ## style, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
