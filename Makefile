# Every target sets up what it needs by itself; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test test-tree test-wheel wheel fast check bench bench-docs bench-check compare conformance fuzz coverage clean

PY := .venv/bin/python
# All that the installed tree is made of: a change in any of these installs and builds again.
READY := .venv/ready
INPUTS := pyproject.toml setup.py constraints.txt infra/venv.sh $(wildcard native/*.pyx hikcore/native/*.pxd)

# Half of the suite waits for servers and processes; more workers than this start too many servers.
SPREAD := -n auto --maxprocesses 4 --dist loadfile

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

$(READY): $(INPUTS)
	@PYTHON="$(PYTHON)" sh infra/venv.sh

demo: $(READY) ## Run the whole job against simulated devices, into ./demo
	@.venv/bin/hikcore demo

test: $(READY) ## Run every test, with a real MinIO and a real Prefect server
	@$(PY) -m pytest $(SPREAD) $(ARGS)

test-tree: $(READY) ## Run the tests of the source tree itself: style, types, arrows, set-up
	@$(PY) -m pytest tests/test_source.py tests/test_setup.py $(ARGS)

wheel: $(READY) ## Build an sdist, and a wheel out of it, into dist/
	@rm -rf dist && mkdir -p build
	@$(PY) -m build --no-isolation >build/wheel.log 2>&1 || { cat build/wheel.log >&2; exit 1; }
	@ls dist

test-wheel: wheel ## Run all other tests on the installed wheel, away from the sources
	@PY=$(PY) sh infra/test-wheel.sh $(SPREAD) $(ARGS)

fast: $(READY) ## Run the tests that need no server and take no time
	@$(PY) -m pytest -m "not slow and not minio and not prefect" $(ARGS)

check: $(READY) ## Style, types and the arrows between the parts, without the tests
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

# The newest ffmpeg as a peer: not there, it is named as not compared.
bench-peers: $(READY)
	@$(PY) -c 'import imageio_ffmpeg' 2>/dev/null || $(PY) -m pip -q install -c constraints.txt imageio-ffmpeg || true

bench: bench-peers ## Measure speed and memory beside ffmpeg and PyAV; ARGS="--size full" for 1 GB
	@$(PY) -m pytest -o addopts= -q benchmarks --benchmark-only --benchmark-columns=median $(ARGS)

bench-docs: ## Measure the full size and write docs/benchmarks.md anew (15 minutes, nothing else running)
	@$(MAKE) bench ARGS="--size full"
	@$(PY) -m benchmarks.document benchmarks/results/full.json

bench-check: bench-peers ## Fail where the small benchmark is slower than benchmarks/baseline.json
	@$(PY) -m pytest -o addopts= -q benchmarks --benchmark-only --benchmark-columns=median
	@$(PY) -m benchmarks.check benchmarks/results/small.json $(ARGS)

compare: $(READY) ## Cut the same 10 s with ffmpeg, PyAV and hikcore, and say what each shows
	@$(PY) -m benchmarks.compare

conformance: $(READY) ## Try every source under every condition and fault, and print the table; SEED=2
	@$(PY) -m tests.conformance --seed $(SEED) -n auto --maxprocesses 4 $(ARGS)

MINUTES ?= 1
SEED ?= 1
fuzz: $(READY) ## Fuzz every parser, or TARGET="ps avi", for MINUTES=30 each, from SEED=1
	@$(PY) -c 'import atheris' 2>/dev/null || $(PY) -m pip -q install -c constraints.txt atheris || true
	@$(PY) -m tests.fuzz $(TARGET) --minutes $(MINUTES) --seed $(SEED) $(ARGS)

coverage: $(READY) ## Which lines of the parsers the tests run, the Cython ones too; ARGS="--missing"
	@$(PY) -m tests.lines $(ARGS)

clean: ## Remove what was built and installed; the archive in ./demo stays
	rm -rf .venv build dist hikcore.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f hikcore/native/*.so
