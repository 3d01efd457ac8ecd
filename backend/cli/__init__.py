"""The command line `bytetrack-studio`, also started as `python -m backend`: a subcommand for each step of the pages."""

from backend.cli.program import main

__all__ = ["main"]
