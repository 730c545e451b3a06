# Everything there is to do in a checkout; `make` alone lists it.
#
# Targets make .venv themselves and refresh it: from scratch when constraints.txt has changed, and only the project's
# own entry in it when pyproject.toml has. They need Python 3.11 or newer, with its venv module, and nothing else.
# All paths are relative, so a checkout may lie in a folder whose name has spaces.
#
#   make PYTHON=python3.12 test      another Python than the newest one found (after `make clean`)
#   make test ARGS="-k lease -x"     arguments for the program behind the target
#   make test JOBS=0                 tests one after the other
#   make soak SEED=7 MINUTES=60      the faults of this seed, for so long; ROUNDS=1 for one round of it

PYTHON ?=
ARGS ?=
JOBS ?= 4
BIN := .venv/bin
SCHEMA_TODAY := e011ab9dd223

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test containers soak soak-files check bench secrets docs pictures preview-sql lock clean lint types directions sql
MAKEFLAGS += --no-print-directory

# Shell code that sets $python, or ends with a sentence.
define FIND_PYTHON
for python in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3); do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	python=; \
done; \
if [ -z "$$python" ]; then \
	echo "error: $(if $(PYTHON),$(PYTHON) is not,no python3 on the PATH is) Python 3.11 or newer with its venv module." >&2; \
	echo "Install one (on Debian: python3 and python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
	exit 2; \
fi
endef

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: install
install: .venv/.installed ## make .venv with everything in it; every other target does so by itself

demo: .venv/.installed ## see the whole job on 200 000 rows, with servers of its own
	@$(BIN)/backfill demo $(ARGS)

test: .venv/.installed ## run the tests
	@$(BIN)/python -m pytest --numprocesses $(JOBS) $(ARGS)

containers: .venv/.installed ## build the image and run the compose file with podman, as root; minutes
	@CONTAINERS=1 $(BIN)/python -m pytest --reruns 0 --durations 8 tests/containers $(ARGS)

soak: .venv/.installed ## break everything under live traffic for MINUTES=20, and account for every row
	@$(BIN)/python -m tests.proof.campaign.soak $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

soak-files: .venv/.installed ## bring files over under traffic, kills and a full disk, and account for every byte
	@$(BIN)/python -m tests.proof.files $(if $(SEED),--seed $(SEED)) $(ARGS)

check: lint types directions sql ## run the linters and the type checker, as CI does

bench: .venv/.installed ## measure the backfill against a one-shot migration
	@$(BIN)/python -m benchmarks.throughput $(ARGS)

secrets: .venv/.installed ## make the passwords and tokens that docker-compose.yml wants, in ./secrets
	@$(BIN)/python scripts/compose_secrets.py $(ARGS)

docs: .venv/.installed ## write the pages in docs that are made from the code
	@$(BIN)/python scripts/write_docs.py $(ARGS)

pictures: .venv/.installed ## take the pictures in docs anew; needs Chromium
	@PICTURES=docs $(BIN)/python -m pytest -q tests/browser/pictures.py $(ARGS)

preview-sql: .venv/.installed ## write docs/migration_preview.sql, the schema change as the server gets it
	@mkdir -p build
	@{ echo '-- What `alembic upgrade head` does to a database at $(SCHEMA_TODAY), to be read. Made by `make preview-sql`.'; echo; \
		BACKFILL_LOG_LEVEL=WARNING $(BIN)/alembic upgrade $(SCHEMA_TODAY):head --sql; } > build/preview.sql
	@mv build/preview.sql docs/migration_preview.sql

lint: .venv/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/.installed
	$(BIN)/mypy

directions: .venv/.installed
	$(BIN)/lint-imports

# The schema change as the server gets it; what the application's schema was before is not ours to change.
sql: .venv/.installed
	@mkdir -p build
	BACKFILL_LOG_LEVEL=WARNING $(BIN)/alembic upgrade $(SCHEMA_TODAY):head --sql > build/upgrade.sql
	$(BIN)/squawk build/upgrade.sql

lock: ## pin the packages again; UPGRADE=1 takes newer ones
	@$(FIND_PYTHON); \
	tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	"$$python" -m venv "$$tools" && \
	"$$tools/bin/python" -m pip install -qq --disable-pip-version-check uv && \
	pin() { "$$tools/bin/uv" --no-config pip compile pyproject.toml --quiet "$$@" --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"; } && \
	pin --output-file constraints.txt --extra embedded --group dev $(if $(UPGRADE),--upgrade) && \
	pin --output-file constraints-image.txt --group build --constraint constraints.txt
	@for file in constraints.txt constraints-image.txt; do echo "$$file has $$(grep -c == $$file) packages."; done

clean: ## remove .venv and what the tools left; keeps .embedded, the data of the embedded servers
	@rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name .embedded -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Every file is checked against its hash, nothing is resolved and nothing is built.
.venv/.packages: constraints.txt
	@$(FIND_PYTHON); \
	echo "Installing into .venv for $$("$$python" -V): takes about half a minute, once."; \
	"$$python" -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input \
		--require-hashes --no-deps --only-binary :all: -r constraints.txt
	@touch $@

.venv/.installed: .venv/.packages pyproject.toml
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input \
		--no-index --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check > /dev/null || \
		{ $(BIN)/python -m pip check; echo "error: constraints.txt is behind pyproject.toml. Run: make lock" >&2; exit 2; }
	@touch $@
