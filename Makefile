# Two commands do all: `make demo` and `make test`. Both make the environment they need in .venv.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   ?= build/demo
JOBS   ?= 3

.PHONY: help demo test lint format deep reports install clean

help:            ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

install: $(VENV)/installed  ## the environment in .venv, with pinned versions

$(VENV)/installed: pyproject.toml setup.py constraints.txt
	@echo "== environment in $(VENV): this downloads torch once and takes a minute or two"
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "gmbench needs Python 3.11 or later; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[dev]'
	@touch $@

demo: install    ## verify, time, run a leaderboard on digits, write the report: a few minutes
	@mkdir -p $(DEMO)
	@echo "== 1/4 verify: is gm/eager right?"
	$(BIN)/gmbench verify gm/eager --store $(DEMO)
	@echo "== 2/4 time: how fast is it, against the floor?"
	$(BIN)/gmbench time gm --size 784-100 --size 784-100-10 --batch 64 --allocator default --rounds 20 --store $(DEMO)
	@echo "== 3/4 run: three arms of the KUMAR experiment on the digits data set; eager, for compiling takes longer here"
	$(BIN)/gmbench run kumar --arms fc,bl,kumar --data digits --budget quick --implementation eager --store $(DEMO)
	@echo "== 4/4 report"
	$(BIN)/gmbench report --store $(DEMO) --output $(DEMO)/report

# three workers on two cores: some tests wait for children more than they work. Of the suites a part, which
# `pytest suites` and `make deep` do whole
test: lint       ## the whole test run
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests suites --short --profile smoke -n $(JOBS) --dist loadgroup -q -p no:cacheprovider --durations=12

lint: install    ## ruff, mypy, and the law of the arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: install  ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

deep: install    ## the nightly run: 10,000 fresh examples a check, and what tests the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -m night -n $(JOBS) --dist loadgroup -q -p no:cacheprovider
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest suites --profile deep -n $(JOBS) --dist loadgroup -q -p no:cacheprovider --durations=12

reports: install ## the committed pages, from the committed data
	rm -rf reports/figures reports/html
	$(BIN)/gmbench report --store reports/data --output reports

clean:           ## everything that was made here
	rm -rf $(VENV) build .asv *.egg-info
