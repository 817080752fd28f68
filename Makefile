# Each target is one command for a person; what it does lies in a script that it calls. `make help` lists them.
SHELL := /bin/sh
PYTHON ?= python3
PY := .venv/bin/python
export PYTHONPATH := $(CURDIR)
# Which servers the private services are: empty for the machine's own, or trixie, trixie-valkey (deploy/local/servers.py).
export SERVERS
# Images often set this; every worker that a test starts would then compile all that it imports anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo play test walkthrough check docs bench bench-compare chaos up down clean lock

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 24

setup: ## .venv with the locked packages, the bridge, and whatever else is missing (quick when nothing is)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3 ...' >&2; exit 1; }
	@$(PYTHON) -m deploy.local.bootstrap

demo: setup ## two WhatsApp sessions from pairing to read receipts, on this machine alone
	@$(PY) -m deploy.demo

play: setup ## the gateway in a browser, with simulated phones beside it, on this machine alone
	@$(PY) -m deploy.demo.play

test: setup ## everything CI runs: the checks, then all tests
	@$(PY) -m deploy.tools.run_tests $(ARGS)

walkthrough: setup ## deploy/operate/debian.md, typed in an empty Debian 12 (as root; minutes, from Debian's, Python's and npm's servers)
	@$(PY) -m pytest -q -m long tests/integration/packaging $(ARGS)

check: setup ## lint, formatting, types, architecture, the bridge's types, deployment files
	@$(PY) -m deploy.tools.check

docs: setup ## the contract as a page to read: build/docs/contract.html
	@$(PY) -m deploy.tools.docs

bench: setup ## the gateway beside bare Baileys, section by section; ARGS="--quick", "--full", "--only senders,groups"
	@$(PY) -m tests.bench.run $(ARGS)

bench-compare: setup ## this tree against an earlier build, in turn: make bench-compare BASE=<revision>; fails if it is slower
	@$(PY) -m tests.bench.compare --base '$(BASE)' $(ARGS)

chaos: setup ## every plug is pulled under load, and the counts still match; ARGS="--only 'worker killed'" for a part
	@$(PY) -m tests.chaos.run $(ARGS)

up: setup ## private RabbitMQ, PostgreSQL, Redis and S3; their settings in .local/env
	@$(PY) -m deploy.local up

down: ## end them
	@test ! -x $(PY) || $(PY) -m deploy.local down

clean: ## end them, and remove their data and everything that was installed or built here
	@test ! -x $(PY) || $(PY) -m deploy.local clean
	@rm -rf .venv .local .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name node_modules -prune -exec rm -rf {} +
	@find . -name __pycache__ -prune -exec rm -rf {} +

lock: setup ## resolve the Python dependencies anew into the two locks
	@$(PY) -m deploy.tools.lock
