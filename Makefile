# make demo: separate a song and open the app. make test: run the tests. Both install what they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
DEMO_SONG := zoo/examples/demo_song/mixture.ogg

.PHONY: demo app test check format clean

demo: $(VENV)/.app
	$(BIN)/python -m zoo separate $(DEMO_SONG) -o demo_output --overwrite
	@echo "The stems are in demo_output/. Opening the app; stop it with Ctrl-C."
	$(BIN)/python app.py

app: $(VENV)/.app
	$(BIN)/python app.py

# Without the restarts, a process of tests that dies is an error; with them the rest waits for ever.
# All that tests and the programs that they start write for a while goes into one folder, which goes.
test: $(VENV)/.dev
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	TMPDIR=$$folder $(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; say make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install -r requirements.txt
	$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.app
	$(PIP) install -r requirements.txt -e ".[dev,training]"
	@touch $@

clean:
	rm -rf $(VENV) build dist demo_output .pytest_cache .ruff_cache .hypothesis
