"""Solving the contest: pure equilibria, prices of ranks, stabilising levels."""
