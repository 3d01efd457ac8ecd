"""Untrusted files: archives and downloads."""
