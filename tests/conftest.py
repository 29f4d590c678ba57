"""Settings shared by all tests."""

import os

# Set before numpy is imported: the tests already run side by side, one process per core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

# "ci" tries the same examples on every run, so that a red test is red for everybody;
# `pytest --hypothesis-profile=explore` looks for new ones.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("ci")
