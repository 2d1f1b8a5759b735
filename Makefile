# `make serve` and `make test` need only Python 3.11 or newer and access to the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Many tests wait for servers and calls, so the default is two more processes than processors. A complete run has heavier
# tests and uses only one more.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + (1 if "RINGBACK_TEST_WHOLE" in os.environ else 2))')
# CI sets RINGBACK_TEST_WHOLE, runs everything and measures coverage, which takes a third of the time.
ifdef RINGBACK_TEST_WHOLE
SELECTION := --cov
LEFT_TO_CI := running the complete suite, with branch coverage
else
SELECTION := -m "not slow and not repeated and not docker"
LEFT_TO_CI := left to CI: tests marked slow, repeated or docker (pytest --markers), full-size load tests and fuzzers, and coverage
endif
# The tests start hundreds of Python processes, which would each compile all modules again without bytecode files.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help serve test crash check format bench docs structure pictures clean

help:
	@echo "make serve   set up and run ringback on http://127.0.0.1:8010 (SQLite in ringback.db)"
	@echo "make test    set up and run the tests; says what it leaves to CI"
	@echo "make crash   kill servers under load a hundred times (ROUNDS=100) and count lost calls"
	@echo "make check   format, lint, types, import contracts, then make test"
	@echo "make format  format the code and apply lint fixes"
	@echo "make bench   measure the request rates against a bare uvicorn (needs wrk)"
	@echo "make pictures  take the docs' pictures of the phone page (needs Chromium)"
	@echo "make PYTHON=python3.12 TARGET  use this interpreter: ringback needs Python 3.11 or newer"
	@echo "make docs    generate docs/call-states.md, docs/fidelity.md, the phone page's numbering plan and the file of place names"
	@echo "make structure  count imports, long modules, and the functions that a request and a callback pass through"

# Report an interpreter that is too old before pip fails with it.
define CHECK_PYTHON
import sys
found = sys.version_info
if found < (3, 11):
    sys.exit("ringback needs Python 3.11 or newer; $(PYTHON) is %d.%d.%d.\nChoose another interpreter, for example: make PYTHON=python3.12 $(MAKECMDGOALS)" % found[:3])
endef
export CHECK_PYTHON

# The dependencies of the server. An environment whose interpreter is too old or missing is recreated.
$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed. ringback needs Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) -c "$$CHECK_PYTHON"
	@if [ -d $(VENV) ] && ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then rm -rf $(VENV); fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

# The dependencies of tests and checks.
$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Old versions of Python's helper library, each in its own folder. If an installation fails, here and below, its tests are
# skipped; .ci/run treats that as an error.
OLD_CLIENTS := $(wildcard tests/system/old/*.txt)
$(VENV)/.installed-old: $(VENV)/.installed-dev $(OLD_CLIENTS)
	@rm -rf $(VENV)/old-clients
	@for pins in $(OLD_CLIENTS); do \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --target $(VENV)/old-clients/$$(basename $$pins .txt) --requirement $$pins && continue; \
	  rm -rf $(VENV)/old-clients; \
	  echo "pip could not install the packages of $$pins: the tests with old versions of Python's helper library will be skipped"; \
	  exit 0; \
	done; touch $@

# The lowest version of uvicorn that pyproject.toml allows, in its own folder.
$(VENV)/.installed-lowest: $(VENV)/.installed-dev
	@rm -rf $(VENV)/lowest-uvicorn
	@lowest=$$(sed -n 's/^  "uvicorn>=\([0-9.]*\)",$$/\1/p' pyproject.toml); \
	if $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --target $(VENV)/lowest-uvicorn "uvicorn==$$lowest"; then touch $@; else rm -rf $(VENV)/lowest-uvicorn; \
	echo "pip could not install uvicorn $$lowest: the test with the lowest version will be skipped"; fi

# Node's helper library, old versions of it, and axe-core.
tests/system/node/node_modules/.installed: tests/system/node/package.json
	@if ! command -v npm >/dev/null; then found="npm is not installed"; \
	elif npm install --prefix tests/system/node --no-audit --no-fund --no-package-lock --silent; then touch $@; exit; \
	else found="npm could not install the packages of $<"; fi; \
	echo "$$found: the tests with Node's helper library, and of the page's accessibility, will be skipped"

serve: $(VENV)/.installed
	$(BIN)/ringback serve

test: $(VENV)/.installed-old $(VENV)/.installed-lowest tests/system/node/node_modules/.installed
	rm -f .coverage .coverage.*
	@echo "$(LEFT_TO_CI)"
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(SELECTION)

ROUNDS ?= 100
crash: $(VENV)/.installed-dev
	RINGBACK_TEST_CRASH_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest -s -o faulthandler_timeout=0 tests/system/test_crash.py

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: $(VENV)/.installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.installed-dev
	PYTHONPATH=tests $(BIN)/python -m benchmarks $(OPTIONS)

docs: $(VENV)/.installed-dev
	PYTHONPATH=tests $(BIN)/python -m tests.support.generators.call_states > docs/call-states.md
	$(BIN)/python -m tests.support.generators.fidelity_page > docs/fidelity.md
	$(BIN)/python -m tests.support.generators.numbering_plan > src/ringback/phone_page/static/numbering-plan.json
	$(BIN)/python -m tests.support.generators.place_names > src/ringback/domain/place_names.txt

# The figures that tests/unit/test_structure.py limits, and the paths of a request and of a callback through the code.
structure: $(VENV)/.installed-dev
	PYTHONPATH=tests $(BIN)/python -m tests.support.generators.structure

# Pictures of the phone page for the docs.
pictures: $(VENV)/.installed-dev
	RINGBACK_TEST_PICTURES=1 $(BIN)/python -m pytest tests/system/test_phone_page_pictures.py

clean:
	rm -rf $(VENV) dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/system/node/node_modules
