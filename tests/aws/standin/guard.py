"""`python guard.py FOLDER`: kill all processes in FOLDER and delete it when the process that started this ends.

That process keeps a pipe to this one open, so its end is noticed even if it is killed.
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
