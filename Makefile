# Each line is a command one can type. On a machine with CPython 3.11 and make, `make report`
# and `make test` do all their own set-up; uv installs where it can be had, pip where it cannot.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export UV_PYTHON_DOWNLOADS := never

.PHONY: report run test lab verify nbval machines accessible mutants lint bench lock clean

report: $(STAMP)
	$(BIN)/python -m pepstats run

# One report by its name: make run REPORT=autumn-2018-revised, autumn-2025, autumn-2025-revised
run: $(STAMP)
	$(BIN)/python -m pepstats run $(REPORT)

# Workers take whole files, in the order that tests/conftest.py gives; what pytest makes of the tests
# is kept from one time to the next.
test: $(STAMP)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(or $(WORKERS),auto) \
	   --dist loadfile --no-loadscope-reorder

lab: $(STAMP)
	$(BIN)/python -m jupyterlab --ServerApp.root_dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB)

# Runs the last report again in a clean place and compares every cell with it.
verify: $(STAMP)
	$(BIN)/python -m pepstats verify outputs/working/$(or $(REPORT),autumn-2018)

# Executes the executed copies of that report's run again, and the source notebooks, under nbval.
nbval: $(STAMP)
	$(BIN)/python benchmarks/reexecute.py outputs/working/$(or $(REPORT),autumn-2018)

# Runs the default reports on emulated machines and compares each with this one.
machines: $(STAMP)
	$(BIN)/python benchmarks/machines.py

# axe-core on every page of the runs and releases that are there, in the machine's own Chromium.
accessible: $(STAMP)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-browser.lock
	$(BIN)/python benchmarks/accessibility.py $(if $(REPORT),outputs/working/$(REPORT))

# Small changes to one part of the package, tried on its own tests: make mutants PART=matching
mutants: $(STAMP)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-mutants.lock
	$(BIN)/python benchmarks/mutants.py $(or $(PART),matching) $(if $(AGAIN),--again)

lint: $(STAMP)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

# What has a target of its own, or takes most of an hour.
APART := $(addprefix benchmarks/,$(addsuffix .py,\
	accessibility faults machines mutants reexecute reuse sample_paper tamper))
bench: $(STAMP)
	for script in $(filter-out $(APART),$(wildcard benchmarks/*.py)); do $(BIN)/python $$script || exit 1; done

# Bytecode is compiled at install: without it every kernel compiles its imports again.
$(STAMP): requirements.lock pyproject.toml
	@$(BIN)/python -c "import sys, pip; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || \
	   { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@if $(BIN)/python -m pip install -q --disable-pip-version-check "uv>=0.9" && \
	    $(BIN)/uv pip sync -q --python $(BIN)/python --compile-bytecode --require-hashes requirements.lock; then :; \
	else echo "uv is not to be had here; pip does the same work more slowly"; \
	    $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock; fi
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation \
	   --config-settings editable_mode=compat -e .
	$(BIN)/python -c "import pepstats"
	rm -f $(VENV)/.stamp-*; touch $@

lock:
	$(BIN)/uv pip compile -q pyproject.toml --group dev --universal --python-version 3.11 \
	   --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o requirements.lock
	$(BIN)/uv pip compile -q --group browser --universal --python-version 3.11 \
	   --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	   -o requirements-browser.lock
	$(BIN)/uv pip compile -q --group mutants --universal --python-version 3.11 -c requirements.lock \
	   --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	   -o requirements-mutants.lock
	! grep -n '://' requirements.lock requirements-browser.lock requirements-mutants.lock

clean:
	rm -rf $(VENV)
