# The two commands of the README are `make conform` and `make test`.
# Everything they need is set up by the first call; a second call starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
PROFILES := pipeline exercise draft chat story

# fast: intervals and timeouts are shortened on both sides, and the report says so.
# real: the profile's own figures.
CADENCE ?= fast
ifeq ($(CADENCE),fast)
# The model's time limit is what the longest probe waits for; on a machine with all
# cores busy a model call takes seconds, and must not run into it.
SUITE_CADENCE := --set heartbeat.interval_s=0.3 --set cancel.grace_s=0.5 \
	--set errors.timeout_s=5
SERVER_CADENCE := --heartbeat-s 0.3 --resume-grace-s 0.5 \
	--upstream-first-token-timeout-s 5 --upstream-total-timeout-s 5
else ifneq ($(CADENCE),real)
$(error CADENCE is fast or real, got $(CADENCE))
endif

# The least branch coverage of each package, in percent: what it has, rounded down.
# What is missing is told in reports/coverage.md.
COVERED := conformance=95 fakes=98 reference_server=98

# What the server's model speaks; the fakes speak all of them.
PROVIDERS := openai_chat openai_responses anthropic
PROVIDER ?= openai_chat
ifeq ($(filter $(PROVIDER),$(PROVIDERS)),)
$(error PROVIDER is one of $(PROVIDERS), got $(PROVIDER))
endif

BENCHMARKS := wire cancel limits leaving fakes server churn dialects
# Real SDKs that the fakes are proven with, each in an environment of its own.
SDKS := $(patsubst tests/sdks/requirements/%.txt,%,$(wildcard tests/sdks/requirements/*.txt))

.PHONY: conform $(PROFILES:%=conform-%) test check pytest test-sdks format \
	$(BENCHMARKS:%=bench-%) clean

# The database of the server that is judged: a new one each time.
$(PROFILES:%=conform-%): KEPT = reports/conformance/$*.db

conform: $(PROFILES:%=conform-%)

# `exec`, so that a signal to make reaches the suite, which stops what it started.
$(PROFILES:%=conform-%): conform-%: $(VENV)/.ready-to-run
	@STREAMPROOF_SERVER_JWT_SECRET=$$($(BIN)/python -c \
		'import secrets; print(secrets.token_urlsafe(48))') && \
	export STREAMPROOF_SERVER_JWT_SECRET STREAMPROOF_SERVER_UPSTREAM_KEY=any && \
	mkdir -p $(dir $(KEPT)) && rm -f $(KEPT)* && \
	exec $(BIN)/streamproof run --profile $* $(SUITE_CADENCE) \
		--start-upstream '$(BIN)/streamproof-fakes --port {port}' \
		--start '$(BIN)/streamproof-server --port {port} \
			--database-url sqlite:///$(KEPT) \
			--upstream-url {upstream}/v1 \
			--upstream-provider $(PROVIDER) $(SERVER_CADENCE)' \
		--token-secret-env STREAMPROOF_SERVER_JWT_SECRET \
		--report-dir reports/conformance

test: check pytest

check: $(VENV)/.ready-to-test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# `coverage run -m` would put the folders at the top on the path, where tests would find
# them under a name that users do not have.
pytest: $(VENV)/.ready-to-test $(VENV)/.postgresql $(VENV)/node/.ready
	@rm -rf .coverage
	@$(BIN)/coverage run $(BIN)/pytest -n 2
	@$(BIN)/coverage combine --quiet
	@for each in $(COVERED); do \
		set -- "--include=$${each%=*}/*" "--fail-under=$${each#*=}"; \
		echo "branch coverage of $${each%=*} in percent, at least $${each#*=}:"; \
		$(BIN)/coverage report "$$@" --format=total || \
			{ $(BIN)/coverage report "$$@"; exit 1; }; \
	done

test-sdks: $(VENV)/.ready-to-test
	@$(MAKE) --no-print-directory -j 4 $(SDKS:%=$(VENV)/sdks/%/.ready)
	@$(BIN)/pytest tests/sdks/matrix.py

format: $(VENV)/.ready-to-test
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(BENCHMARKS:%=bench-%): bench-%: $(VENV)/.ready-to-test
	@$(BIN)/python -m streamproof.loadtests.benchmarks.$*

clean:
	rm -rf $(VENV) .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis reports/conformance

# Debian's python3 comes without ensurepip; root may install it, others are told how.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "expected Python 3.11 or newer as $(PYTHON), got $$($(PYTHON) --version);" \
			"name another with make PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		test "$$(id -u)" = 0 && apt-get update -qq && \
		apt-get install -y -qq python3-venv >/dev/null; } || { \
		echo "expected Python's venv module; install the package python3-venv" >&2; \
		exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.pip: constraints.txt | $(BIN)/python
	@$(INSTALL) --upgrade pip
	@touch $@

$(VENV)/.ready-to-run: pyproject.toml constraints.txt | $(VENV)/.pip
	@echo "installing the suite, the server and the fakes into $(VENV)"
	@$(INSTALL) --editable '.[server,fakes]'
	@touch $@

$(VENV)/.ready-to-test: pyproject.toml constraints.txt | $(VENV)/.pip
	@echo "installing everything and the test tools into $(VENV)"
	@$(INSTALL) --group test --editable '.[all]'
	@touch $@ $(VENV)/.ready-to-run

# The tests start a PostgreSQL of their own from it.
$(VENV)/.postgresql: | $(VENV)/.pip
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
		test "$$(id -u)" = 0 && apt-get update -qq && \
		apt-get install -y -qq postgresql >/dev/null; } || { \
		echo "expected PostgreSQL in /usr/lib/postgresql;" \
			"install the package postgresql" >&2; exit 2; }
	@touch $@

# EventSources that are not ours, and curl.
$(VENV)/node/.ready: tests/event_sources/package.json | $(VENV)/.pip
	@{ command -v node && command -v npm && command -v curl; } >/dev/null || { \
		test "$$(id -u)" = 0 && apt-get update -qq && \
		apt-get install -y -qq nodejs npm curl >/dev/null; } || { \
		echo "expected Node 18.17 or newer, npm and curl;" \
			"install the packages nodejs, npm and curl" >&2; exit 2; }
	@mkdir -p $(@D) && cp $< $(@D)/
	@npm install --prefix $(@D) --silent --no-package-lock --no-audit --no-fund
	@touch $@

# `--no-deps`: the file names every package, so that nothing else may come in.
$(VENV)/sdks/%/.ready: tests/sdks/requirements/%.txt | $(VENV)/.pip
	@echo "installing $* into $(VENV)/sdks/$*"
	@$(BIN)/python -m venv --clear --without-pip $(VENV)/sdks/$*
	@$(BIN)/python -m pip --python $(VENV)/sdks/$*/bin/python install --quiet --quiet \
		--no-deps --requirement $<
	@touch $@
