"""Measured scores: rows, trajectories, outcomes, and the files that hold them."""
