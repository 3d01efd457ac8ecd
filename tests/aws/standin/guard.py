"""`python guard.py FOLDER`: when the process that started this ends, however it does, so does all that runs in FOLDER.

That process keeps a pipe open to this one; nothing is ever written to it.
"""

from __future__ import annotations

import shutil
import signal
import sys
from contextlib import suppress

import psutil


def end_processes_of(folder: str) -> None:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SAGEMAKER_BASE_DIR", "").startswith(f"{folder}/"):
                process.kill()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.read()
    end_processes_of(sys.argv[1])
    shutil.rmtree(sys.argv[1], ignore_errors=True)
