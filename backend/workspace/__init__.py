"""The workspace: a folder with a database of records and the files that belong to them."""

from backend.workspace.store import Workspace

__all__ = ["Workspace"]
