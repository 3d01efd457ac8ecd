"""Run the command line: `python -m backend`."""

import sys

from backend.cli import main
from backend.jobs.processes import stop_on_sigterm

if __name__ == "__main__":
    stop_on_sigterm()
    sys.exit(main())
