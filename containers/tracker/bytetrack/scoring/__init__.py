"""Scores of tracks against the ground truth."""
