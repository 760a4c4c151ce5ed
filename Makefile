# make demo: separate a song and open the app. make test: run the tests. Both install what they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Of make fuzz, for each of its targets.
SECONDS ?= 60
# Of make ranges: lowest-direct or highest.
RESOLUTION ?= lowest-direct
# More for pytest, as in make test TESTS=tests/test_spec.py.
TESTS ?=
LOCK := $(BIN)/uv pip compile -q --no-config --generate-hashes --no-annotate --no-emit-index-url \
	--custom-compile-command "make lock" $(UPGRADE)
DEMO_SONG := zoo/examples/demo_song/mixture.ogg

.PHONY: demo app static npm test check docs format fuzz lock locked ranges clean

demo: $(VENV)/.app
	$(BIN)/python -m zoo separate $(DEMO_SONG) -o demo_output --overwrite
	@echo "The stems are in demo_output/. Opening the app; stop it with Ctrl-C."
	$(BIN)/python app.py

app: $(VENV)/.app
	$(BIN)/python app.py

# Write the static page, which separates in the visitor's own browser, and serve it to this machine.
static: $(VENV)/.dev
	$(BIN)/python -m zoo space static build/static --serve

# Fetch what the static page runs on and what its tests run in it, so that they need no network later.
npm: $(VENV)/.dev
	$(BIN)/python -c "from pathlib import Path; from zoo.browser.packages import install_packages; \
	install_packages(); install_packages(manifest=Path('tests/browser/npm'))"

# Without the restarts, a process of tests that dies is an error; with them the rest waits for ever.
# All that tests and the programs that they start write for a while goes into one folder, which goes.
test: $(VENV)/.dev
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	TMPDIR=$$folder $(BIN)/python -m pytest $(TESTS) -n 2 --dist loadfile --max-worker-restart 0

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

# Write the site into build/site; a link or an anchor to nothing is an error.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The site is in build/site/; open build/site/index.html or run $(BIN)/mkdocs serve."

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Throw changed inputs at every reader of what a stranger sends; tests/fuzz/run.py says more.
fuzz: $(VENV)/.dev
	$(PIP) install -e ".[fuzz]"
	$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS)

# Write with digests what the Space, the tests and the workflows' tools are made of. Versions that
# still fit stay, but with UPGRADE=--upgrade.
lock: | $(VENV)/bin/python
	$(PIP) install uv
	$(LOCK) --python-version 3.12 --python-platform x86_64-manylinux_2_28 requirements.txt -o .ci/space.lock
	$(LOCK) --universal --python-version 3.11 requirements.txt pyproject.toml --extra dev \
		--extra training --extra docs --extra fuzz -o .ci/dev.lock
	$(LOCK) --universal --python-version 3.12 .ci/tools.in -o .ci/tools.lock

# Install exactly what .ci/dev.lock names, by digest; make test and make check then add nothing.
locked: | $(VENV)/bin/python
	$(PIP) install --require-hashes -r .ci/dev.lock
	$(PIP) install --no-deps -e .
	@touch $(VENV)/.app $(VENV)/.dev $(VENV)/.docs

# Run the tests at one end of the version ranges that pyproject.toml declares.
ranges: | $(VENV)/bin/python
	$(PIP) install uv
	$(BIN)/uv pip install -q --no-config -p $(BIN)/python --resolution $(RESOLUTION) \
		-e ".[cpu,app,training,dev]"
	$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install -r requirements.txt
	$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.app
	$(PIP) install -r requirements.txt -e ".[dev,training]"
	@touch $@

$(VENV)/.docs: $(VENV)/.app
	$(PIP) install -e ".[docs]"
	@touch $@

clean:
	rm -rf $(VENV) build dist demo_output .pytest_cache .ruff_cache .hypothesis
