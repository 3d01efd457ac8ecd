"""Scores of tracks against ground truth."""
