# tercet: everything a newcomer needs. `make` lists the targets.
#
# Needs: Python >= 3.11 with venv and pip, a Rust toolchain (cargo) and make.
# Everything is made inside this clone: .venv and .venv-peers (Python packages), target/ (Rust),
# .cache/ (pip, matplotlib, Jupyter). Outside it only cargo's own registry cache is filled
# (CARGO_HOME, ~/.cargo by default). `make clean` removes all of it from the clone.
#
#   make PYTHON=/path/to/python3.12 test      another interpreter than the first fitting one (if .venv
#                                             is there already, `make clean` first)
#   make PYTEST='-k bg_nbd -x' test-python    further arguments for pytest
#   make BENCH='--quick' bench                further arguments for the comparison with other libraries

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTEST ?=
BENCH ?=

# The virtual environment's own programs, by relative path: a clone whose path has spaces works too.
VENV := .venv
STAMPS := $(VENV)/stamps
PY := $(VENV)/bin/python
PEERS := .venv-peers
STUB := python/tercet/_tercet.pyi

# Whatever the tools below would otherwise write to the home directory goes to .cache.
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export XDG_CACHE_HOME := $(CURDIR)/.cache
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
export IPYTHONDIR := $(CURDIR)/.cache/ipython
export JUPYTER_CONFIG_DIR := $(CURDIR)/.cache/jupyter/config
export JUPYTER_DATA_DIR := $(CURDIR)/.cache/jupyter/data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.cache/jupyter/runtime
export NO_MKDOCS_2_WARNING := 1
# Cargo and maturin must agree on the interpreter, or each rebuilds what the other built.
export PYO3_PYTHON := $(CURDIR)/$(PY)
# A virtual environment that happens to be active, or PYTHONPATH, must not leak into this one.
unexport PYTHONPATH PYTHONHOME CONDA_PREFIX
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

say = @printf '\n\033[1m==> %s\033[0m\n' '$(1)'

.PHONY: help
help:  ## list the targets (default)
	@printf 'tercet: customer segmentation and customer value\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@printf '\nThe first run of demo, test or check sets everything up inside this clone (a few minutes).\n'

# --- setting up ------------------------------------------------------------------------------------

.PHONY: setup
setup: $(STAMPS)/extension  ## Python environment and compiled extension

# The first of these that is new enough; PYTHON=... overrules it.
$(STAMPS)/venv:
	$(call say,Python environment in $(VENV))
	@python=''; \
	for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11 python); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'tercet needs Python 3.11 or newer, and none was found$(if $(PYTHON), at PYTHON=$(PYTHON)).' >&2; \
	  echo 'Install one, or name it: make PYTHON=/path/to/python3.12 demo' >&2; exit 1; \
	fi; \
	command -v cargo >/dev/null || { echo 'tercet needs a Rust toolchain, and no cargo is on the PATH.' >&2; exit 1; }; \
	"$$python" --version; cargo --version; \
	"$$python" -m venv --clear $(VENV) || { \
	  echo "$$python cannot make a virtual environment; on Debian and Ubuntu install python3-venv." >&2; exit 1; }
	@mkdir -p $(STAMPS)
	@touch $@

$(STAMPS)/packages: requirements/dev.txt $(STAMPS)/venv
	$(call say,Python packages (requirements/dev.txt))
	$(PY) -m pip install --progress-bar on --requirement requirements/dev.txt
	@touch $@

# Directories are listed too: their times change when a file is added or removed.
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates -name '*.rs' -o -name Cargo.toml -o -type d \( -name src -o -path '*/src/*' \))

$(STAMPS)/extension: $(STAMPS)/packages pyproject.toml $(RUST_SOURCES)
	$(call say,Compiled extension (release profile))
	PIP_QUIET=1 $(VENV)/bin/maturin develop --release --locked
	@touch $@

# --- the main job ----------------------------------------------------------------------------------

.PHONY: demo
demo: $(STAMPS)/extension  ## simulate a purchase log and value every customer in it (into demo/)
	$(call say,tercet demo: from a simulated purchase log to a value for every customer)
	$(VENV)/bin/tercet demo --out demo

# --- tests -----------------------------------------------------------------------------------------

.PHONY: test test-rust test-python
test: test-rust test-python  ## all tests: Rust, Python, doctests, README, notebooks
	$(call say,make test: all tests passed)

test-rust: $(STAMPS)/venv  ## Rust tests, doctests and examples, with and without the default features
	$(call say,Rust tests and doctests: default features)
	cargo test --locked -p tercet
	$(call say,Rust tests and doctests: no default features)
	cargo test --locked -p tercet --no-default-features

test-python: $(STAMPS)/extension  ## Python tests, doctests, README and notebooks
	$(call say,Python: tests and doctests and README and notebooks)
	$(PY) -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(PYTEST)

# --- checks ----------------------------------------------------------------------------------------

.PHONY: check check-rust check-python check-stubs check-docs
check: check-rust check-python check-stubs check-docs  ## formatting, lints, types, stubs, licences, docs
	$(call say,make check: all checks passed)

check-rust: $(STAMPS)/packages
	$(call say,Rust: formatting)
	cargo fmt --all --check
	$(call say,Rust: clippy)
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked -p tercet --all-targets --no-default-features -- -D warnings
	$(call say,Rust: documentation)
	RUSTDOCFLAGS='-D warnings' cargo doc --locked -p tercet --no-deps
	$(call say,Rust: the core knows no Python and all licences are permissive)
	$(PY) tools/check_dependencies.py
	@if command -v cargo-deny >/dev/null; then cargo deny --all-features check; \
	 else echo 'cargo-deny is not installed: advisories were not looked up'; fi

check-python: $(STAMPS)/packages
	$(call say,Python: ruff)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(call say,Python: mypy)
	$(VENV)/bin/mypy

check-stubs: $(STAMPS)/extension target/stubs/$(notdir $(STUB))
	$(call say,Stubs of the extension: fresh and true)
	@diff -u $(STUB) target/stubs/$(notdir $(STUB)) || { \
	  echo '$(STUB) is not what the Rust code says; run: make stubs' >&2; exit 1; }
	$(PY) -m mypy.stubtest --concise tercet._tercet

check-docs: $(STAMPS)/packages
	$(call say,Documentation site)
	$(VENV)/bin/mkdocs build --strict --quiet --site-dir target/site-check

# --- made from the sources -------------------------------------------------------------------------

target/stubs/$(notdir $(STUB)): $(STAMPS)/extension
	$(call say,Stubs from the compiled extension)
	@rm -rf target/stubs
	$(VENV)/bin/maturin generate-stubs --profile release --locked --out target/stubs
	@mv target/stubs/tercet/$(@F) $@
	@rmdir target/stubs/tercet
	$(VENV)/bin/ruff format --quiet $@

.PHONY: stubs docs notebooks bench lock clean
stubs: target/stubs/$(notdir $(STUB))  ## rewrite the extension's type stubs
	cp target/stubs/$(notdir $(STUB)) $(STUB)

docs: $(STAMPS)/extension  ## documentation site (into site/) and the crate's documentation (target/doc)
	$(call say,Documentation site in site/)
	$(VENV)/bin/mkdocs build --strict
	$(call say,Documentation of the crate in target/doc/tercet)
	cargo doc --locked -p tercet --no-deps

notebooks: $(STAMPS)/extension  ## run notebooks/*.py and write the .ipynb files with their outputs
	$(call say,Notebooks)
	$(PY) notebooks/build.py

# --- comparison with other libraries ---------------------------------------------------------------

$(PEERS)/stamps/packages: benches/peers/requirements.txt $(STAMPS)/venv
	$(call say,Peers to compare with in $(PEERS))
	$(PY) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --progress-bar on --requirement benches/peers/requirements.txt
	@mkdir -p $(PEERS)/stamps
	@touch $@

bench: $(STAMPS)/extension $(PEERS)/stamps/packages  ## time tercet against other libraries (benches/peers/RESULTS.md)
	cargo build --release --locked --package tercet --example linfa_logistic
	$(call say,Side by side: CPU seconds and peak memory)
	$(PY) benches/peers/compare.py --tercet $(PY) --peers $(PEERS)/bin/python $(BENCH)

# --- keeping house ---------------------------------------------------------------------------------

lock: $(STAMPS)/venv  ## fix today's versions of the development packages in requirements/dev.txt
	$(call say,requirements/dev.txt from pyproject.toml)
	@rm -rf .cache/lock
	$(PY) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --quiet --upgrade pip
	.cache/lock/bin/python -m pip install --quiet --group all \
	  $$($(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"])')
	@{ echo '# Made by `make lock` from pyproject.toml (dependencies and the group `all`). Do not edit.'; \
	   .cache/lock/bin/python -m pip freeze --exclude pip --exclude setuptools; } > .cache/dev.txt
	@mv .cache/dev.txt requirements/dev.txt
	@rm -rf .cache/lock

clean:  ## remove everything that was made here
	$(call say,Removing environments and caches and build results)
	rm -rf $(VENV) $(PEERS) .cache target site demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find python crates -name '_tercet*.so' -delete -o -name '_tercet*.pyd' -delete
	find python tests benches notebooks tools -name __pycache__ -type d -prune -exec rm -rf {} +
