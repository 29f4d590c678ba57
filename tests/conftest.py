"""Settings shared by all tests."""

import os

# Set before numpy is imported: the tests already run side by side, one process per core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import config

from shape_checks import switch_on

# Before any module of the package is imported.
switch_on()

# "ci" tries the same examples on every run, so that a red test is red for everybody;
# `pytest --hypothesis-profile=explore` looks for new ones.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("ci")


@pytest.fixture
def shapes_unchecked() -> Iterator[None]:
    """For thousands of repeated calls whose shapes other tests check: a check takes longer than a small contest."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


LONGEST = (
    "test_props",
    "test_tune_faults",
    "test_tune_ray",
    "test_tune_watching",
    "test_tune_selection",
    "test_tune_cli",
    "test_tables",
    "test_design",
    "test_lm_eval_parity",
    "test_dominance",
    "test_designing_levels",
    "test_fitting_forecast",
    "test_level",
    "test_incentive_level",
    "test_round_trips",
)
"""Test files that take ten seconds or more, for ``pytest_collection_modifyitems``."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: each runs on one process, and none is left alone with one at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))
