# make app    install everything and open the app on 127.0.0.1
# make test   install everything and run all tests, in a real browser too
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8501
BIN    := $(VENV)/bin

.PHONY: app classroom test lint clean
.DEFAULT_GOAL := app

$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test-ready: $(VENV)/.ready requirements-test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	touch $@

app: $(VENV)/.ready
	$(BIN)/python -m streamlit run app.py --server.port $(PORT)

# everyone on the network may watch and start runs
classroom: $(VENV)/.ready
	$(BIN)/python -m streamlit run app.py --server.port $(PORT) --server.address 0.0.0.0

# two files at a time: networks this small keep one core busy each
test: $(VENV)/.test-ready
	$(BIN)/python -m tests.browser.find_browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.test-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV)
