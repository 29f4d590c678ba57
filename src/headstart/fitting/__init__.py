"""Trajectories to fitted score curves with uncertainty."""
