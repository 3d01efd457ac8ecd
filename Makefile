PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# OpenCV's ordinary build needs a display's libraries (libGL); its headless twin is the same module without them.
OPENCV := $(shell sed -n 's/^opencv-python==\([0-9.]*\).*/\1/p' containers/tracker/requirements.txt)

.PHONY: run test check format player benchmark clean

run: $(INSTALLED)  ## Start the console
	$(BIN)/python -m app

test: check $(INSTALLED)  ## All checks and tests
	PYTHON=$(BIN)/python tests/browser/chromium.sh
	$(BIN)/python -m pytest tests

check: $(INSTALLED)  ## Lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)  ## Put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

player:  ## Bundle the player's front end (needs Node.js; the bundle is in git, so that nobody else does)
	cd app/player && npm install --silent --no-package-lock --no-audit --no-fund && npm run --silent build
	cd app/player && sed -si "1i // Made by \`make player\` of src, whose SHA-256 is $$(cat src/*.js | sha256sum | cut -c1-64)." dist/player.js dist/editor.js

$(INSTALLED): requirements.txt containers/tracker/requirements.txt containers/tracker/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "ByteTrack Studio needs Python 3.11 to 3.13: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the packages (several GB, once; takes about 5 minutes) …"
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps -e containers/tracker
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall opencv-python-headless==$(OPENCV)
	@echo "Compiling the tracker, once …"
	$(BIN)/python -c "from bytetrack.tracking.tracker import ByteTracker; ByteTracker().update([], [], [])"
	touch $@

# What the tracker is measured against; nothing of it is used otherwise.
RIVALS := .rivals

benchmark: $(INSTALLED) $(RIVALS)  ## The tracker's speed beside that of others, which are fetched for it
	$(BIN)/python tests/benchmarks/tracker_speed.py --rivals $(RIVALS)

$(RIVALS):
	$(BIN)/python -m pip install --quiet --no-deps --target $@ trackers==2.6.1 boxmot==25.0.0
	$(BIN)/python -m pip install --quiet --no-deps --target $@ cython_bbox==0.1.5
	git clone --quiet https://github.com/ifzhang/ByteTrack $@/ByteTrack

clean:  ## Remove the environment, not the workspace
	rm -rf $(VENV)
