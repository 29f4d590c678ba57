"""Whether gaming a benchmark pays, and how much tune-before-test makes honesty the only equilibrium."""

__version__ = "0.1.0"

__all__ = ["__version__"]
