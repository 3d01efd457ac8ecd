PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# The usual build of OpenCV needs libraries for a display (libGL). The headless build is the same module without them.
OPENCV := $(shell sed -n 's/^opencv-python==\([0-9.]*\).*/\1/p' containers/tracker/requirements.txt)

# The player's own checks need Node.js and its packages (`make player-check` installs them). Without them, the bundle that
# is in git is used as it is.
PLAYER := app/player
PLAYER_TOOLS := $(wildcard $(PLAYER)/node_modules/.bin/eslint)

# Tests run in two processes. Stealing keeps the tests of a file mostly together, so that its fixtures are rarely set up twice.
PARALLEL := -n 2 --dist worksteal

.PHONY: run help test quick check format docs hooks player player-check benchmark clean

run: $(INSTALLED)  ## Start the console
	$(BIN)/python -m app

help:  ## List these targets
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 24

test: check $(INSTALLED)  ## Run all checks and all tests
	PYTHON=$(BIN)/python tests/browser/chromium.sh
	$(BIN)/python -m pytest tests $(PARALLEL)

quick: check $(INSTALLED)  ## Run all checks and the fast tests (those not marked slow; about a minute)
	$(BIN)/python -m pytest tests $(PARALLEL) -m "not slow"

check: $(INSTALLED)  ## Lint, check the format and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(if $(PLAYER_TOOLS),cd $(PLAYER) && npm run --silent lint)

format: $(INSTALLED)  ## Format the code and apply the linter's safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(PLAYER_TOOLS),cd $(PLAYER) && npm run --silent format)

docs: $(INSTALLED)  ## Write the reference of the command line into docs/cli.md
	$(BIN)/python -m backend.cli.reference

hooks: $(INSTALLED)  ## Run the checks before each git commit (installs pre-commit and its hook)
	$(BIN)/python -m pip install --quiet pre-commit==4.7.0
	$(BIN)/pre-commit install

player: player-check  ## Bundle the player's front end (needs Node.js; the bundle is in git, so that users do not)
	cd $(PLAYER) && npm run --silent build
	cd $(PLAYER) && sed -si "1i // Made by \`make player\` of src, whose SHA-256 is $$(cat src/*.js | sha256sum | cut -c1-64)." dist/*.js

player-check:  ## Lint the player's front end and check its format (needs Node.js)
	cd $(PLAYER) && npm ci --silent --no-audit --no-fund
	cd $(PLAYER) && npm run --silent lint

$(INSTALLED): requirements.txt pyproject.toml containers/tracker/requirements.txt containers/tracker/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "ByteTrack Studio needs Python 3.11 to 3.13: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the packages (several GB, once; takes about 5 minutes) …"
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps -e containers/tracker -e .
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall opencv-python-headless==$(OPENCV)
	@echo "Compiling the tracker, once …"
	$(BIN)/python -c "from bytetrack.tracking.tracker import ByteTracker; ByteTracker().update([], [], [])"
	touch $@

# Other trackers, which only the benchmark uses.
RIVALS := .rivals

benchmark: $(INSTALLED) $(RIVALS)  ## Compare the tracker's speed with that of others, which this fetches
	$(BIN)/python tests/benchmarks/tracker_speed.py --rivals $(RIVALS)

$(RIVALS):
	$(BIN)/python -m pip install --quiet --no-deps --target $@ trackers==2.6.1 boxmot==25.0.0
	$(BIN)/python -m pip install --quiet --no-deps --target $@ cython_bbox==0.1.5
	git clone --quiet https://github.com/ifzhang/ByteTrack $@/ByteTrack

clean:  ## Remove the environment, not the workspace
	rm -rf $(VENV)
