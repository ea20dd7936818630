.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
SANDBOX_PORT ?= $(shell expr $(PORT) + 1)
SMTP_PORT ?= $(shell expr $(PORT) + 2)
SITE_PORT ?= $(shell expr $(PORT) + 3)
PLAIN_PORT ?= $(shell expr $(PORT) + 4)
STRICT_PORT ?= $(shell expr $(PORT) + 5)
TESTS ?= tests
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_ROOT_USER_ACTION = ignore

.PHONY: help demo tools test lint style fmt types bench e2e real-stripe lock clean fuzz fuzz-statements wordpress

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Supporters needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# uv installs in a fifth of pip's time, from where pip would; where uv can't work, pip does it. uv leaves compiling to the first
# import: that is made at once, before several processes want the same.
define install
	@echo "Installing $(2) into $(VENV) ..."
	@{ $(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.lock && \
	   export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}}" && \
	   $(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes -r $(1); } || \
	 { echo "pip installs it instead ..."; $(BIN)/python -m pip install --quiet --require-hashes -r $(1); }
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -c 'import supporters.app, supporters.worker'
endef

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(call install,requirements.lock,Supporters)
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(call install,requirements-dev.lock,Supporters and its test tools)
	@cd tests && ../$(BIN)/python -c 'import pytest, playwright.async_api, whole'
	@touch $@ $(VENV)/.run

# A browser for the journeys: Debian's without windows, the lightest; else any Chromium that is there; else a loud failure.
SHELL_ONLY := chromium-headless-shell
CHROMIUM := $(shell command -v $(SHELL_ONLY) || command -v chromium || command -v chromium-browser || command -v google-chrome)
CAN_INSTALL := $(shell test "$$(id -u)" = 0 && command -v apt-get)
$(VENV)/.browser: | $(VENV)
ifeq ($(notdir $(CHROMIUM))$(CAN_INSTALL),)
	@echo "The tests need Chromium: install the package '$(SHELL_ONLY)' or 'chromium', then run this again."; exit 1
else ifneq ($(notdir $(CHROMIUM)),$(SHELL_ONLY))
	@test -z "$(CAN_INSTALL)" || { echo "Installing Chromium ..."; \
	  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(SHELL_ONLY) >/dev/null; } \
	  || test -n "$(CHROMIUM)"
endif
	@touch $@

# beancount comes with the test tools; hledger is a program: Debian's, after Chromium, since one may install at a time.
$(VENV)/.hledger: | $(VENV)/.browser
	@command -v hledger >/dev/null || test -n "$(CAN_INSTALL)" || { \
	  echo "The tests need hledger: install the package 'hledger', then run this again."; exit 1; }
	@command -v hledger >/dev/null || { echo "Installing hledger ..."; \
	  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq hledger >/dev/null; }
	@touch $@

# Stripe's own command line, against which the sandbox is proved: pinned by hash, and nothing of it is run to install it.
CLI := tests/cli
$(VENV)/.cli: $(CLI)/package.json $(CLI)/package-lock.json | $(VENV)
	@command -v npm >/dev/null || { echo "The tests need npm, to install Stripe's command line: install the package 'npm' (Node.js 18 or newer), then run this again."; exit 1; }
	@echo "Installing Stripe's command line ..."
	@npm ci --prefix $(CLI) --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

demo: $(VENV)/.run ## Serve the whole product with sample data on http://127.0.0.1:8000 (PORT= moves it)
	@exec $(BIN)/supporters demo --port $(PORT) --sandbox-port $(SANDBOX_PORT) --smtp-port $(SMTP_PORT) \
	  --site-port $(SITE_PORT) --plain-port $(PLAIN_PORT) --strict-port $(STRICT_PORT)

# Installed side by side: one waits for the network, another for the processor.
tools:
	@$(MAKE) --no-print-directory -j3 $(VENV)/.dev $(VENV)/.hledger $(VENV)/.cli

# The types are checked while the tests run, and reported after them, where nobody overlooks it.
test: tools style ## Run everything: linters, types, tests on SQLite and PostgreSQL, browser journeys
	@$(BIN)/basedpyright --level error > .types.log 2>&1 & types=$$!; \
	  $(BIN)/pytest -n 4 --dist worksteal $(TESTS); tests=$$?; \
	  wait $$types; types=$$?; \
	  if [ $$types = 0 ]; then rm -f .types.log; else cat .types.log; echo "The types are wrong: see above."; fi; \
	  exit $$((tests ? tests : types))

lint: types style ## Check types, style, templates and the order of imports

style: $(VENV)/.dev
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@$(BIN)/djlint templates --quiet --lint
	@$(BIN)/lint-imports --no-logo > .lint-imports.log || { cat .lint-imports.log; exit 1; }
	@rm -f .lint-imports.log

types: $(VENV)/.dev ## Check types, strictly
	@$(BIN)/basedpyright --level error > .types.log || { cat .types.log; exit 1; }
	@rm -f .types.log

fmt: $(VENV)/.dev ## Put code into the house's format
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

e2e: $(VENV)/.dev $(VENV)/.browser ## Walk the browser journeys, each in every way: script, none, blocked, keyboard
	@$(BIN)/pytest -n 2 --every-way tests/browser

bench: $(VENV)/.dev $(VENV)/.browser ## Measure the required figures, each beside a floor
	@for script in give_page prompt_files embed webhooks apply memory sources me desk_plans sandbox_clock list_pages parse statement match three_way labelled_year match_page month_board books_hold; do echo; echo "== $$script"; $(BIN)/python bench/$$script.py || exit 1; done
	@for script in webhooks apply match match_page month_board books_hold; do echo; echo "== $$script, SQLite"; $(BIN)/python bench/$$script.py --database sqlite || exit 1; done
	@for size in "1000 --months 12" "10000 --months 1"; do echo; echo "== plans, $$size"; $(BIN)/python bench/plans.py --folder ".data/campaign-$${size%% *}" --plans $$size || exit 1; done

wordpress: $(VENV)/.dev $(VENV)/.browser ## Try the WordPress plugin in a real WordPress from Debian's packages
	@examples/wordpress/test/run.sh

fuzz: $(VENV)/.dev ## Feed 100,000 forged webhooks to the verifier
	@$(BIN)/python bench/campaigns/fuzz_webhooks.py

fuzz-statements: $(VENV)/.dev ## Feed 50,000 hostile files to each reader of bank statements, and as many amounts and days
	@$(BIN)/python bench/campaigns/fuzz_statements.py

real-stripe: $(VENV)/.dev ## Run the contract tests against Stripe's own test mode: STRIPE_TEST_KEY=sk_test_…
	@test -n "$(STRIPE_TEST_KEY)" || { echo "Say which test key: make real-stripe STRIPE_TEST_KEY=sk_test_…"; exit 1; }
	@STRIPE_TEST_KEY=$(STRIPE_TEST_KEY) $(BIN)/pytest tests/contract

lock: ## Write the lock files anew, with hashes and without addresses
	@$(BIN)/python -m pip install --quiet uv
	@echo uv | $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" - -o requirements-uv.lock
	@$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra demo --extra pdf --group dev pyproject.toml -o requirements-dev.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra demo --group build pyproject.toml -c requirements-dev.lock -o requirements.lock

clean: ## Remove the environment and the demo's data
	@rm -rf $(VENV) .data $(CLI)/node_modules
