"""Whatever the points, the fitted curve lies in its box and no flat curve fits better."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headstart.fitting.kernel import SLOPE_RANGE, Problems, solve

STEPS = np.array([0, 5, 30, 200, 1000, 6000.0])
shapes = (3, len(STEPS))


@given(arrays(float, shapes, elements=st.floats(0, 1)), arrays(float, shapes, elements=st.floats(1, 1e6)))
def test_fits_stay_in_the_box_and_beat_the_flat_curve(score, weight):
    problems = Problems.of(np.tile(STEPS, (3, 1)), score, weight)
    solved = solve(problems)
    assert (solved.floor >= 0).all()
    assert (solved.floor <= solved.ceiling).all()
    assert (solved.ceiling <= 1).all()
    slope = np.exp(solved.shape[:, 1])
    assert (slope >= SLOPE_RANGE[0] * (1 - 1e-12)).all()
    assert (slope <= SLOPE_RANGE[1] * (1 + 1e-12)).all()
    mean = (weight * score).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    flat = (weight * (score - mean) ** 2).sum(axis=1)
    assert (solved.chi2 <= flat * (1 + 1e-9) + 1e-6).all()


@given(arrays(float, shapes, elements=st.floats(0, 1)), st.permutations(range(len(STEPS))))
def test_the_order_of_the_points_does_not_matter(score, order):
    weight = np.full(shapes, 1e4)
    steps = np.tile(STEPS, (3, 1))
    straight = solve(Problems.of(steps, score, weight))
    shuffled = solve(Problems.of(steps[:, order], score[:, order], weight))
    assert np.allclose(straight.chi2, shuffled.chi2, rtol=1e-5, atol=1e-5)
