"""What models would score after tuning beyond the measured steps, as posterior draws of whole curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.data.trajectories import Trajectories
from headstart.fitting.choice import Choice, choose
from headstart.fitting.curve_model import FARTHEST, HORIZON, CurveDraws
from headstart.fitting.estimate import usable
from headstart.fitting.models import CURVE_MODELS, candidates

Reach = Literal["measured", "forecast", "marked", "none"]
"""How far a step lies from what was measured: up to the last measured step, up to ``HORIZON`` times it, up to
``FARTHEST`` times it (to be shown with a mark), or beyond, where nothing is said."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CurveForecast:
    """Posterior draws of the curves of some models. Each draw is a function of the step.

    The curve is that of the measured benchmark, with its items: how far another choice of items would move all scores
    of a model is not in the draws.

    Args:
        models: Names, in the order of the second axis of all draws.
        max_step: Last measured step of each model.
        choice: Which curve model was used, and why.
        score_range: Smallest and largest possible score.
        noise_sd: Scatter of measured scores around the curves, in score units: the median over models, where the file
            states no standard errors an estimate from the scores themselves.
        curves: The draws, scores in [0, 1], rows picked by ``picked``.
        picked: Which models of the draws are ``models``.
    """

    models: tuple[str, ...]
    max_step: Float[FloatArray, " models"]
    choice: Choice
    score_range: tuple[float, float]
    noise_sd: float
    curves: CurveDraws
    picked: IntArray

    @property
    def horizon(self) -> Float[FloatArray, " models"]:
        """Last step of each model that a forecast is made for without a mark."""
        return HORIZON * self.max_step

    @property
    def farthest(self) -> Float[FloatArray, " models"]:
        """Last step of each model that anything is said about."""
        return FARTHEST * self.max_step

    @property
    def chosen(self) -> str:
        """Name of the curve model."""
        return self.choice.name

    @property
    def reason(self) -> str:
        """Why that one, in a sentence."""
        return self.choice.reason

    def score(self, step: Float[FloatArray, " steps"]) -> Float[FloatArray, "draws models steps"]:
        """Draws of the scores at the same steps for every model; nan beyond a model's farthest step.

        Args:
            step: Steps, >= 0.
        """
        wanted = np.atleast_1d(np.asarray(step, dtype=np.float64))
        require(bool((wanted >= 0).all()), "step", ">= 0", wanted)
        return self.score_at(np.broadcast_to(wanted, (len(self.models), wanted.size)))

    def score_at(self, step: Float[FloatArray, "models points"]) -> Float[FloatArray, "draws models points"]:
        """Draws of the scores at steps of each model's own; nan beyond its farthest step."""
        asked = np.zeros((int(self.curves.noise_factor.shape[1]), step.shape[1]))
        asked[self.picked] = np.minimum(step, self.farthest[:, None])
        low, high = self.score_range
        out = low + (high - low) * self.curves.score(asked)[:, self.picked]
        out[:, step > self.farthest[:, None]] = np.nan
        return out

    @property
    def noise_factor(self) -> Float[FloatArray, "draws models"]:
        """Scatter of a measured score around the curve, in stated (else nominal) standard errors."""
        return self.curves.noise_factor[:, self.picked]

    def reach(self, step: float) -> tuple[Reach, ...]:
        """How far a step lies from the measurements of each model."""

        def of(last: float) -> Reach:
            if step <= last:
                return "measured"
            return "forecast" if step <= HORIZON * last else "marked" if step <= FARTHEST * last else "none"

        return tuple(of(last) for last in self.max_step.tolist())

    def take(self, names: Sequence[str]) -> CurveForecast:
        """The models named, in that order.

        Raises:
            InputError: If one of them was not forecast.
        """
        place = {name: at for at, name in enumerate(self.models)}
        unknown = [name for name in names if name not in place]
        require(not unknown, "names", "of models with a forecast", ", ".join(unknown))
        index = np.array([place[name] for name in names], dtype=np.int64)
        return replace(self, models=tuple(names), max_step=self.max_step[index], picked=self.picked[index])


def forecast(
    trajectories: Trajectories, *, draws: int = 400, seed: int = 0, curve_model: str | None = None
) -> CurveForecast:
    """Draw the curves of all models with two measured steps or more, in the order of ``trajectories.models``.

    Args:
        trajectories: Measured scores.
        draws: Number of posterior draws, >= 2.
        seed: Of the draws. Results do not depend on the order of the rows.
        curve_model: A registered curve model; None to choose by how each would have forecast the file's own
            later scores.

    Raises:
        InputError: If an option is out of range, no model has two measured steps, or a curve model cannot be loaded.

    >>> steps = [0, 10, 30, 100, 300, 1000]
    >>> score = [0.30, 0.31, 0.34, 0.41, 0.47, 0.50]
    >>> measured = Trajectories.from_rows(model=["m"] * 6, step=steps, score=score, stderr=[0.005] * 6)
    >>> found = forecast(measured, draws=200)
    >>> bool(abs(np.median(found.score(np.array([1000.0]))) - 0.5) < 0.01), found.horizon.tolist(), found.chosen
    (True, [2000.0], 'pool')
    """
    require(draws >= 2, "draws", ">= 2", draws)
    sample, _ = usable(trajectories)
    if curve_model is None:
        choice = choose(sample, candidates(), seed=seed)
        span = trajectories.score_range[1] - trajectories.score_range[0]
        in_units: Mapping[str, float] = {name: span * value for name, value in choice.mean_crps.items()}
        choice = replace(choice, mean_crps=in_units)
    else:
        choice = Choice(name=CURVE_MODELS[curve_model].name, reason=f"{curve_model}, as asked", mean_crps={}, origins=0)
    curves = CURVE_MODELS[choice.name].draw(sample, draws=draws, seed=seed)
    order = {name: at for at, name in enumerate(trajectories.models)}
    back = np.argsort([order[name] for name in sample.names])
    places: list[int] = back.tolist()
    low, high = trajectories.score_range
    factor = np.median(curves.noise_factor, axis=0)
    typical = [np.median(sd[here]) for sd, here in zip(sample.noise.sd, sample.present, strict=True)]
    return CurveForecast(
        models=tuple(sample.names[at] for at in places),
        max_step=sample.max_step[back],
        choice=choice,
        score_range=(low, high),
        noise_sd=float((high - low) * np.median(factor * np.array(typical))),
        curves=curves,
        picked=back,
    )
