"""Tune-before-test on real language models: the only place for torch."""
