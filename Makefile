# Everything sets itself up: `make demo` and `make test` work in a fresh clone, and do again only what changed.
# Needed: python3 >= 3.10 with its headers and venv module, make and a C compiler.

PYTHON ?= python3
VENV ?= .venv
EVENTS ?= 10000000
PROFILE ?= 'fd.name contains resolv'

BIN := $(VENV)/bin
BUILD_REQUIREMENTS := "setuptools>=77" "cython>=3.1"
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
export SCAPPY_BUILD_JOBS ?= $(shell nproc 2>/dev/null || echo 1)

NATIVE := $(shell find src/scapcore -name '*.pyx' -o -name '*.pxd' ! -path '*/schema/types.pxd' \
	-o -name '*.h' ! -name '_tables.h' ! -name '_numbers.h' -o -name '*.bpf.c' -o -path '*/schema/*.json' -o -name generate.py)

SANITIZED := build/sanitize
SANITIZED_TESTS ?= tests/scapcore

.DELETE_ON_ERROR:
.PHONY: help build demo test lint docs wheel bench side-by-side scaling profile sanitize clean

help:
	@echo "make demo          build, write the walkthrough's capture and run its commands on it"
	@echo "make test          build, then ruff, mypy and all tests"
	@echo "make docs          the documentation as a site, in build/site"
	@echo "make wheel         a source archive and a wheel for this Python, repaired and stripped, in dist/"
	@echo "make build         the package in $(VENV), with its native modules up to date"
	@echo "make bench         time the native core"
	@echo "make side-by-side  time scapdig beside sysdig on a capture of EVENTS=$(EVENTS) events"
	@echo "make scaling       time and memory of a filter on captures of 0.1 to 30 million events"
	@echo "make profile       flame graph of scapdig with PROFILE=$(PROFILE) as arguments"
	@echo "make sanitize      run the native tests under the address and undefined-behaviour sanitizers"
	@echo "make clean         remove everything that was made"

# A file is made for each step that is done, so that a second run finds nothing to do.
$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "scappy needs Python 3.10 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@missing=; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	test -e "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" \
		|| missing="$$missing python3-dev"; \
	command -v "$${CC:-cc}" >/dev/null || missing="$$missing gcc libc6-dev"; \
	test -z "$$missing" || { echo "missing; on Debian: apt-get install$$missing" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install $(BUILD_REQUIREMENTS)
	@touch $@

# Both ways to build keep what they compiled in one place, so that neither compiles what the other has done.
$(VENV)/build.cfg: | $(VENV)/created
	@printf '[build_ext]\nbuild_lib = build/editable\n' > $@

# Editable: Python finds the packages under src/, and the native modules are put beside their sources.
$(VENV)/installed: pyproject.toml setup.py | $(VENV)/build.cfg
	DIST_EXTRA_CONFIG=$(VENV)/build.cfg $(PIP) install --no-build-isolation --editable .
	@touch $@ $(VENV)/built

$(VENV)/built: $(NATIVE) | $(VENV)/installed
	DIST_EXTRA_CONFIG=$(VENV)/build.cfg $(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

# The list of the `test` extra comes from the installed package: installing the extra itself would compile again.
$(VENV)/test-tools: pyproject.toml | $(VENV)/installed
	@$(BIN)/python -c 'import importlib.metadata as m; print(*(r.split(";")[0] for r in m.requires("scappy") \
		if "extra == \"test\"" in r), sep="\n")' > $(VENV)/test-requirements.txt
	$(PIP) install --requirement $(VENV)/test-requirements.txt
	@touch $@

$(VENV)/benchmark-tools: $(VENV)/test-tools
	$(PIP) install 'polars>=1' 'py-spy>=0.4'
	@touch $@

build: $(VENV)/installed $(VENV)/built

demo: build
	@$(BIN)/python -m scappy.demo

docs: build $(VENV)/test-tools
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict
	@echo "the pages are in build/site: open build/site/index.html (the search needs a server: python3 -m http.server -d build/site)"

# The wheel is built from the archive, in an environment of its own. auditwheel makes it one for all newer systems.
wheel: $(VENV)/test-tools
	rm -rf build/wheel
	$(BIN)/python -m build --outdir build/wheel .
	@mkdir -p dist
	cp build/wheel/*.tar.gz dist/
	if [ "$$(uname -s)" = Linux ]; \
		then PATH="$(abspath $(BIN)):$$PATH" $(BIN)/auditwheel repair --strip --wheel-dir dist build/wheel/*.whl; \
		else cp build/wheel/*.whl dist/; fi

lint: build $(VENV)/test-tools
	$(BIN)/ruff check .
	$(BIN)/mypy

# The tests come last: their closing line is the verdict.
test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

bench: build $(VENV)/test-tools
	$(BIN)/python -m pytest benchmarks $(PYTEST_ARGUMENTS)

# As in a package that was installed, nothing is left to be compiled to bytecode.
side-by-side: build $(VENV)/benchmark-tools
	$(BIN)/python -m compileall -q src
	$(BIN)/python benchmarks/side_by_side.py --events $(EVENTS) --tool $(BIN)/scapdig --keep build/benchmarks

scaling: build
	$(BIN)/python benchmarks/scaling.py

# A flame graph of one command line, native frames included.
profile: build $(VENV)/benchmark-tools
	@mkdir -p build/benchmarks
	test -e build/benchmarks/long.scap || $(BIN)/python benchmarks/make_capture.py --events $(EVENTS) build/benchmarks/long.scap
	$(BIN)/py-spy record --native --rate 500 --output build/profile.svg -- \
		$(BIN)/python -m scappy.cli.scapdig -r build/benchmarks/long.scap $(PROFILE) > build/profile.txt
	@echo "the flame graph is in build/profile.svg"

# A build of its own, so that the usual one stays as it is. The interpreter is not instrumented and leaks at exit
# on purpose, so leaks are not looked for; its allocator would hide overruns, so the system's is used. Freed memory
# is kept back less long than usual, as tests measure how much there is.
sanitize: build $(VENV)/test-tools
	SCAPPY_SANITIZE=1 $(BIN)/python setup.py --quiet build --build-base $(SANITIZED) --build-lib $(SANITIZED)/lib
	LD_PRELOAD="$$($${CC:-cc} -print-file-name=libasan.so) $$($${CC:-cc} -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=8 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	PYTHONMALLOC=malloc PYTHONPATH=$(SANITIZED)/lib \
	$(BIN)/python -m pytest $(SANITIZED_TESTS) -p no:cacheprovider $(PYTEST_ARGUMENTS)

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks src/*.egg-info
	find src -name '*.so' -delete -o -name '*.bpf.o' -delete -o -name '*.c' ! -name '*.bpf.c' -delete
	rm -f src/scapcore/schema/_tables.h src/scapcore/probe/_numbers.h src/scapcore/schema/types.pxd
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
