"""Find what can be proved of a contest with noise: that nobody gains much by tuning, and when not tuning is dominant.

Floating point chooses the cells of efforts and the level; what is returned has passed the verifier's own checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpq
from scipy.special import ndtr

from headstart.certificate.document import Developer, Document
from headstart.certificate.dominance import check_dominance, least_slope
from headstart.certificate.incentive import check_incentive
from headstart.certificate.limits import Budget, Malformed, TooLarge
from headstart.certificate.numbers import Signs, Undecided, decimal_text, parse, significant
from headstart.contest.arrays import FloatArray, IntArray
from headstart.contest.contest import Contest
from headstart.errors import ComputationError, InputError
from headstart.solve.dominance.level import dominance_level
from headstart.solve.dominance.own_noise import own_noise_sd
from headstart.solve.incentive.noise import ScoreNoise

_MOST_MODELS = 1000
"""With more, a bound on gains is not looked for: the verifier would give up on most such proofs."""

_FINE = 1000
"""Efforts tried for each model to find a tolerance that holds."""

_ROOM = Fraction(2, 1000)
"""Where no tolerance is asked for, so much more than the largest gain: the nearer, the more cells."""

_MOST_CELLS = 20_000
_MARGIN = 1e-9  # of the stake: what floating point may have lost
_HALVINGS = 60
_DIGITS = (4, 6, 9, 12, 17)


def noise_claims(
    exact: Document, contest: Contest, tolerance: Fraction | None
) -> tuple[dict[str, object] | None, dict[str, object] | None]:
    """The claims on incentives (at the contest's level) and on dominance; None where one could not be proved.

    Args:
        exact: The contest as the verifier reads it.
        contest: The contest with the nearest floats.
        tolerance: Largest gain to prove, as a share of first reward minus last; the least that is proved without
            many cells when None.

    Raises:
        InputError: If a model has no noise, or there is nothing to compete for.
        ComputationError: If the tolerance asked for is not proved.
    """
    if not all(sd > 0 for sd in exact.noise):
        raise InputError("noise_sd must be > 0 for every model to be proved")
    if exact.rewards[0] == exact.rewards[-1]:
        raise InputError("rewards must differ to be proved under noise")
    if contest.n > _MOST_MODELS:
        if tolerance is not None:
            raise ComputationError(f"a bound on gains is proved for up to {_MOST_MODELS} models, got {contest.n}")
        return None, _dominance(exact, contest)
    bounds = _Bounds.of(contest)
    least = bounds.least_tolerance()
    allowed = _rounded_up(least + float(_ROOM)) if tolerance is None else tolerance
    incentive = None
    if 0 < allowed < 1 and least < float(allowed):
        incentive = _incentive(exact, bounds, allowed)
    if incentive is None and tolerance is not None:
        raise ComputationError(
            f"a gain of at most {float(tolerance):g} of first reward minus last is not proved: up to {least:.4g} may "
            "be gained, as far as the bounds used here tell"
        )
    return incentive, _dominance(exact, contest)


def _normal(x: FloatArray) -> FloatArray:
    return np.asarray(ndtr(x), dtype=np.float64)


def _rounded_up(value: float) -> Fraction:
    """Three decimals."""
    return Fraction(-int(-value * 1000 // 1), 1000)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Bounds:
    """The bounds of ``certificate.noise`` in floating point."""

    contest: Contest
    scores: FloatArray
    sd: FloatArray
    own_sd: FloatArray
    stake: float
    step: float

    @classmethod
    def of(cls, contest: Contest) -> _Bounds:
        noise = ScoreNoise.of(contest)
        sd = noise.own_sd(contest.n)
        assert sd is not None
        return cls(
            contest=contest, scores=contest.scores(), sd=sd, own_sd=own_noise_sd(noise, contest.n),
            stake=float(contest.rewards[0] - contest.rewards[-1]), step=float(-np.diff(contest.rewards).min()),
        )  # fmt: skip

    def gain(self, i: int, target: FloatArray) -> FloatArray:
        """Most that rising to each true score ``target`` gains model i."""
        own = float(self.scores[i])
        by_overlap = self.stake * (2 * _normal((target - own) / (2 * self.own_sd[i])) - 1)
        rivals = np.flatnonzero(np.arange(self.contest.n) != i)
        width = 1.0 / np.hypot(self.sd[i], self.sd[rivals])
        before = float(_normal((own - self.scores[rivals]) * width).sum())
        after = _normal((target[:, None] - self.scores[rivals]) * width).sum(axis=1)
        return np.minimum(by_overlap, self.step * (after - before))

    def score(self, i: int, effort: FloatArray) -> FloatArray:
        model: IntArray = np.full(effort.shape, i)
        return np.asarray(self.contest.curves.take(model).score(self.contest.level + effort))

    def cost(self, i: int, effort: FloatArray) -> FloatArray:
        model: IntArray = np.full(effort.shape, i)
        return np.asarray(self.contest.costs.take(model).cost(effort))

    def reach(self, i: int) -> float:
        """No effort beyond this is worth the whole stake."""
        whole = float(np.asarray(self.contest.costs.effort_at(np.full(self.contest.n, self.stake)))[i])
        return min(whole, float(self.contest.max_effort[i]))

    def least_tolerance(self) -> float:
        """The largest bound on a gain over a fine grid of efforts, as a share of the stake."""
        share = np.unique(np.r_[0.0, np.geomspace(1e-9, 1.0, _FINE // 2), np.linspace(0.0, 1.0, _FINE // 2)])
        worst = 0.0
        for i in range(self.contest.n):
            efforts = self.reach(i) * share
            gains = self.gain(i, self.score(i, efforts)) - self.cost(i, efforts)
            worst = max(worst, float(gains.max()) / self.stake)
        return worst

    def cell_holds(self, i: int, low: float, allowed: float) -> Callable[[float], bool]:
        """Whether efforts from ``low`` to a given one (``inf``: to any) gain no more than ``allowed``."""
        room = allowed + float(self.cost(i, np.array([low]))[0]) - _MARGIN * self.stake

        def holds(high: float) -> bool:
            ceiling = float(np.broadcast_to(self.contest.curves.ceiling, (self.contest.n,))[i])
            target = float(self.score(i, np.array([high]))[0]) if np.isfinite(high) else ceiling
            gain = float(self.gain(i, np.array([target]))[0]) if np.isfinite(target) else self.stake
            return gain <= room

        return holds


def _incentive(exact: Document, bounds: _Bounds, tolerance: Fraction) -> dict[str, object] | None:
    allowed = float(tolerance) * bounds.stake
    ends: list[list[str]] = []
    left = _MOST_CELLS
    for i, own in enumerate(exact.developers):
        found = _cells(bounds, i, own, allowed, left)
        if found is None:
            return None
        left -= len(found)
        ends.append([decimal_text(end) for end in found])
    text = decimal_text(fmpq(tolerance.numerator, tolerance.denominator))
    return _passes({"tolerance": text, "ends": ends}, lambda c, s: check_incentive(exact, s, c))


def _cells(bounds: _Bounds, i: int, own: Developer, allowed: float, most: int) -> list[fmpq] | None:
    """Ends of cells, each as far from the last as the bound allows; None if they are too many."""
    if own.cap == 0:
        return []
    last = float("inf") if own.cap is None else float(bounds.contest.max_effort[i])
    reach, low, found = bounds.reach(i), fmpq(0), list[fmpq]()
    while not (holds := bounds.cell_holds(i, _as_float(low), allowed))(last):
        end = _next_end(holds, low, reach)
        if end is None or len(found) >= most or (own.cap is not None and end >= own.cap):
            return None
        found.append(end)
        low = end
    return found


def _next_end(holds: Callable[[float], bool], low: fmpq, reach: float) -> fmpq | None:
    """A number of few digits up to which a cell from ``low`` may go."""
    start = inside = _as_float(low)
    outside = max(2 * reach, 2 * start)  # beyond the reach the last cell holds
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    if inside <= start:
        return None
    exact = fmpq(*inside.as_integer_ratio())
    width = exact - low
    for digits in _DIGITS:
        end = significant(exact, digits)[0]
        if end - low >= width * fmpq(9, 10):
            return end
    return exact if exact > low else None


def _as_float(value: fmpq) -> float:
    return int(value.p) / int(value.q)


def _dominance(exact: Document, contest: Contest) -> dict[str, object] | None:
    """The least level that passes, or one a little higher."""
    found = dominance_level(contest)
    if found.level is None:
        return None
    strict = all(least_slope(own.cost) > 0 for own in exact.developers if own.cap != 0)
    level = fmpq(*found.level.as_integer_ratio())
    starts = [level] if level == 0 else []
    if level > 0:
        low, unit = significant(level, 8)
        starts = [low + unit * steps for steps in (1, 2, 10, 1000)]
    for start in starts:
        claim: dict[str, object] = {"level": decimal_text(start), "unique": True if strict else None}
        passed = _passes(claim, lambda c, s: check_dominance(exact, s, c))
        if passed is not None:
            return passed
    return None


def _passes(claim: dict[str, object], check: Callable[[Mapping[str, object], Signs], str]) -> dict[str, object] | None:
    """The claim with ``proof`` as the verifier finds it; None if it does not pass."""
    for proof in ("interval", "exact"):
        stated = {**claim, "proof": proof}
        try:
            check(stated, Signs(Budget()))
        except (Malformed, Undecided, TooLarge):
            continue
        return stated
    return None


def tolerance_of(text: object) -> Fraction:
    """The share that a text says, exactly.

    Raises:
        InputError: If it is no number between 0 and 1.
    """
    try:
        value = parse(str(text))
    except ValueError:
        raise InputError(f"tolerance must be a number, got {text}") from None
    if not 0 < value < 1:
        raise InputError(f"tolerance must be between 0 and 1, got {text}")
    return Fraction(int(value.p), int(value.q))
