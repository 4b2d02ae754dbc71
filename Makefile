# make demo   set everything up, run the bundled network on moving scenes, show or write the video
# make test   set everything up, run the tests
# Needs Python 3.10+, a C++17 compiler and make; all else comes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := pyproject.toml constraints.txt CMakeLists.txt README.md \
  $(shell find edgeskip plugins calibration demos -type f -not -name '*.pyc' -not -name '*.so' -not -name '.*')

.PHONY: demo test test-networks test-native test-arm test-cuda lint bench picture clean

demo: $(VENV)/.installed
	$(BIN)/edgeskip demo $(DEMO)

test: $(VENV)/.installed-dev
	$(BIN)/pytest $(TESTS)

# what needs torch (large), so `make test` leaves it out where torch is not installed: HRNet and EfficientDet, gates, training
test-networks: $(VENV)/.installed-networks
	EDGESKIP_REQUIRE_NETWORKS=1 $(BIN)/pytest tests/networks tests/demos/networks tests/nn tests/training

# the native kernels and the engine on their own, under the address, undefined and thread sanitizers
test-native: $(VENV)/.installed-dev
	plugins/cpu/test_native.sh --sanitize

# the NEON kernels, cross-compiled and run under emulation (Debian: g++-aarch64-linux-gnu, qemu-user)
test-arm:
	plugins/cpu/test_arm.sh

# the CUDA kernels and their programs compiled for every architecture; minutes, and no GPU is needed
test-cuda: $(VENV)/.installed-dev
	EDGESKIP_COMPILE_CUDA=1 $(BIN)/pytest tests/plugins/cuda/test_build.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mkdir -p build && cd build && ../$(BIN)/lint-imports --no-cache --config ../pyproject.toml

bench: $(VENV)/.installed-dev
	benchmarks/run.sh $(BENCH)

picture: $(VENV)/.installed
	$(BIN)/python -m edgeskip.demos.picture docs/images/demo.png

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python $(SOURCES)
	$(PIP) install --quiet --constraint constraints.txt .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt ".[dev,bench]"
	@touch $@

$(VENV)/.installed-networks: $(VENV)/.installed-dev
	$(PIP) install --quiet --constraint constraints.txt ".[dev,bench,networks]"
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache
