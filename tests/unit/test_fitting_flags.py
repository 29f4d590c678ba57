"""Flags say what the points show beyond noise, and stay silent about noise."""

import numpy as np
import pytest

from headstart.data.trajectories import Trajectories
from headstart.fitting.fit import fit
from headstart.fitting.flags import pattern, smoothed_peak

STEPS = np.array([0, 10, 30, 100, 250, 500, 1000, 2000, 3000, 4000.0])
RISING = [0.30, 0.30, 0.31, 0.35, 0.42, 0.46, 0.49, 0.50, 0.50, 0.50]


def flags(chance=None, stderr=0.004, **models):
    measured = Trajectories.from_rows(
        model=[name for name, scores in models.items() for _ in scores],
        step=np.concatenate([STEPS[: len(scores)] for scores in models.values()]),
        score=np.concatenate(list(models.values())),
        stderr=np.full(sum(map(len, models.values())), stderr),
    )
    found = fit(measured, draws=50, chance=chance)
    return dict(zip(found.models, map(set, found.flags), strict=True)), found


def test_a_rising_model_has_no_flags():
    assert flags(x=RISING)[0] == {"x": set()}


def test_a_fall_from_the_peak_beyond_noise_is_forgetting():
    fell = [*RISING[:7], 0.48, 0.46, 0.44]
    assert "forgets" in flags(x=fell)[0]["x"]
    assert "forgets" not in flags(x=fell, stderr=0.03)[0]["x"]


def test_a_dip_before_the_peak_is_not_forgetting():
    dip = [0.30, 0.26, 0.25, 0.35, 0.42, 0.46, 0.49, 0.50, 0.50, 0.50]
    assert "forgets" not in flags(x=dip)[0]["x"]


def test_losing_the_whole_gain_is_a_collapse_and_a_partial_fall_is_not():
    found, _ = flags(x=[*RISING[:6], 0.33, 0.31, 0.30, 0.30], y=[*RISING[:6], 0.46, 0.43, 0.43, 0.43])
    assert {"forgets", "collapses"} <= found["x"]
    assert "forgets" in found["y"]
    assert "collapses" not in found["y"]


def test_falling_to_chance_is_a_collapse_even_without_a_gain():
    found, _ = flags(x=[0.45, 0.44, 0.40, 0.30, 0.26, 0.26, 0.25, 0.25, 0.25, 0.25], chance=0.25)
    assert {"forgets", "collapses", "no gain"} <= found["x"]


def test_a_flat_model_has_no_gain_and_is_at_chance_only_near_it():
    found, _ = flags(x=[0.25] * 10, y=[0.60] * 10, chance=0.25)
    assert found["x"] == {"no gain", "at chance"}
    assert found["y"] == {"no gain"}


def test_chance_is_read_from_the_file_only_where_two_models_share_the_bottom():
    flat, higher = [0.25] * 10, [0.26] * 10
    together, found = flags(x=flat, y=higher, z=RISING)
    assert "at chance" in together["x"]
    assert "at chance" in together["y"]
    assert found.chance == pytest.approx(0.255)
    single, found = flags(x=flat, z=RISING)
    assert "at chance" not in single["x"]
    assert found.chance is None


def test_a_model_at_chance_cannot_forget():
    found, _ = flags(x=[0.27, 0.26, 0.25, 0.23, 0.24, 0.23, 0.23, 0.24, 0.23, 0.23], chance=0.25)
    assert "at chance" in found["x"]
    assert "forgets" not in found["x"]


def test_a_saturated_model_is_not_said_to_have_an_open_ceiling():
    law = [0.90, 0.92, 0.95, 0.97, 0.985, 0.99, 0.99, 0.99, 0.99, 0.99]
    assert flags(x=law, y=RISING)[0]["x"] <= {"poor fit"}


def test_few_points_are_flagged():
    assert "too few points" in flags(x=RISING[:4], y=RISING)[0]["x"]
    assert "too few points" not in flags(x=RISING[:5], y=RISING)[0]["x"]


def test_noise_alone_rarely_looks_like_forgetting_or_gain():
    rng = np.random.default_rng(0)
    noise = np.full(10, 0.01)
    found = [pattern(0.5 + noise * rng.standard_normal(10), noise) for _ in range(2000)]
    assert np.mean([item.falls for item in found]) < 0.015
    assert np.mean([item.rises for item in found]) < 0.015


def test_one_lucky_point_is_not_taken_for_the_peak():
    lucky = np.array([0.30, 0.42, 0.31, 0.35, 0.40, 0.44, 0.48, 0.50, 0.45, 0.40])
    assert smoothed_peak(lucky, np.full(10, 0.01)) == 7
    steady_fall = np.linspace(0.5, 0.3, 10)
    assert smoothed_peak(steady_fall, np.full(10, 0.01)) == 0
