"""Contestants that cannot be tuned, beside models of which nothing is said at a level."""

import numpy as np

from headstart.auditing.untunable import set_apart
from headstart.data.trajectories import Trajectories


class Flat:
    """Draws that never change; nothing is said of the second model beyond step 100."""

    def score(self, step):
        out = np.tile(np.array([0.7, 0.6, 0.3])[None, :, None], (50, 1, len(step)))
        out[:, 1, np.asarray(step) > 100] = np.nan
        return out


def test_a_model_without_a_forecast_at_a_level_may_be_ahead_and_is_left_open():
    direct = Trajectories.from_rows(model=["api"], step=[0.0], score=[0.65], stderr=[0.001])
    (found,) = set_apart(
        direct, Flat(), names=("a", "b", "c"), max_step=np.array([500.0, 20.0, 500.0]), levels=(50.0, 400.0), seed=0
    )
    near, far = found.bounds
    assert (near.worst_rank, near.worst_rank_interval, near.tied) == (2, (2, 2), ())
    assert (far.worst_rank, far.worst_rank_interval, far.tied) == (3, (2, 3), ("b",))
