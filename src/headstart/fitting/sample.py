"""The points as the fit sees them: averaged, rescaled, described, and treated where a model forgets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.data.trajectories import Trajectories
from headstart.fitting import flags as flag
from headstart.fitting.kernel import Problems, Solved, solve
from headstart.fitting.noise import PARAMETERS, Noise, measurement_noise, variance_scale

OnForgetting = Literal["keep", "exclude", "peak"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Averaged points of some models, scores rescaled to [0, 1]; a line per model, padded where ``present`` is False.

    Args:
        names: Model names, sorted, so that nothing depends on the order of the file.
        step: Distinct rising steps.
        score: Mean scores.
        noise: Their standard errors, as stated or nominal.
        present: False where padded.
        fitted: False where padded, and for points replaced by the held peak of a model that forgets.
    """

    names: tuple[str, ...]
    step: Float[FloatArray, "models points"]
    score: Float[FloatArray, "models points"]
    noise: Noise
    present: Bool[BoolArray, "models points"]
    fitted: Bool[BoolArray, "models points"]

    @classmethod
    def of(cls, trajectories: Trajectories) -> Sample:
        """All models of ``trajectories``."""
        low, high = trajectories.score_range
        table = trajectories.per_model()
        noise = measurement_noise(table, high - low)
        sample = cls(
            names=trajectories.models,
            step=table.step,
            score=(table.score - low) / (high - low),
            noise=noise,
            present=table.present,
            fitted=table.present,
        )
        return sample.take(np.argsort(np.array(trajectories.models), kind="stable"))

    def take(self, index: IntArray) -> Sample:
        """The models at ``index``."""
        rows: list[int] = index.tolist()
        return Sample(
            names=tuple(self.names[at] for at in rows),
            step=self.step[index],
            score=self.score[index],
            noise=Noise(sd=self.noise.sd[index], stated=self.noise.stated),
            present=self.present[index],
            fitted=self.fitted[index],
        )

    def first(self, count: Int[IntArray, " models"]) -> Sample:
        """The first ``count`` points of each model, 1 or more."""
        width = int(count.max())
        kept = np.less(np.arange(width, dtype=np.int64)[None, :], count[:, None])
        return replace(
            self,
            step=np.where(kept, self.step[:, :width], 0.0),
            score=np.where(kept, self.score[:, :width], np.nan),
            noise=replace(self.noise, sd=self.noise.sd[:, :width]),
            present=self.present[:, :width] & kept,
            fitted=self.fitted[:, :width] & kept,
        )

    def spread(self, most: int) -> Sample:
        """At most ``most`` models, evenly spaced in the order of their names."""
        count = len(self.names)
        return self if count <= most else self.take(np.arange(most, dtype=np.int64) * count // most)

    @property
    def points(self) -> Int[IntArray, " models"]:
        """Number of points of each model."""
        return self.present.sum(axis=1)

    @property
    def max_step(self) -> Float[FloatArray, " models"]:
        """Largest measured step of each model."""
        return self.step.max(axis=1, initial=0.0, where=self.present)

    def digest(self) -> bytes:
        """A hash of everything in it, the same for the same content."""
        found = blake2b(repr((self.names, self.noise.stated)).encode(), digest_size=16)
        for array in (self.step, self.score, self.noise.sd, self.present, self.fitted):
            found.update(repr(array.shape).encode() + array.tobytes())
        return found.digest()

    def problems(self, scale: FloatArray | None = None) -> Problems:
        """Least-squares problems; ``scale`` (models,) multiplies the noise variance."""
        variance = self.noise.sd**2 if scale is None else self.noise.sd**2 * scale[:, None]
        return Problems.of(self.step, self.score, np.where(self.present, 1 / variance, 0.0))

    def freedom(self) -> Float[FloatArray, " models"]:
        """Measured points less fitted numbers, at least 0."""
        return np.maximum(self.fitted.sum(axis=1) - PARAMETERS, 0).astype(np.float64)

    def least_squares(self) -> tuple[Solved, Float[FloatArray, " models"]]:
        """Curves without a prior, and the factor on the noise variance that their residuals ask for."""
        solved = solve(self.problems())
        return solved, variance_scale(solved.chi2, self.freedom(), self.noise)


@dataclass(frozen=True, kw_only=True, eq=False)
class Description:
    """What the points of each model do: ``flags`` of the points alone, patterns, and the chance level in [0, 1]."""

    patterns: tuple[flag.Pattern, ...]
    flags: tuple[tuple[str, ...], ...]
    chance: float | None


def describe(sample: Sample, chance: float | None, scale: Float[FloatArray, " models"]) -> Description:
    """Flags that follow from the points alone.

    Noise is the stated standard error; where none is stated, that of the typical model's residuals (a model's
    own would hide its fall).

    Args:
        sample: The points.
        chance: Chance level in [0, 1]; None to read it from the file.
        scale: Factor on the noise variance of each model, from ``Sample.least_squares``.
    """
    sd = sample.noise.sd if sample.noise.stated else sample.noise.sd * np.sqrt(np.median(scale))
    rows = [(score[here], noise[here]) for score, noise, here in zip(sample.score, sd, sample.present, strict=True)]
    patterns = tuple(flag.pattern(score, noise) for score, noise in rows)
    means = np.array([float(score.mean()) for score, _ in rows])
    if chance is None:
        chance = flag.estimated_chance(means, np.array([found.rises for found in patterns]))
    base = chance if chance is not None else float(np.min(sample.score, where=sample.present, initial=np.inf))
    flags: list[tuple[str, ...]] = []
    for found, mean, (score, _) in zip(patterns, means.tolist(), rows, strict=True):
        guessing = flag.at_chance(mean, found.rises, chance)
        holds = {
            flag.FORGETS: found.falls and not guessing,  # a model that never knew has nothing to forget
            flag.COLLAPSES: not guessing and flag.collapses(found, score, base),
            flag.AT_CHANCE: guessing,
            flag.NO_GAIN: not found.rises,
            flag.TOO_FEW_POINTS: len(score) < flag.ENOUGH_POINTS,
        }
        flags.append(tuple(name for name, true in holds.items() if true))
    return Description(patterns=patterns, flags=tuple(flags), chance=chance)


def treat(sample: Sample, described: Description, on_forgetting: OnForgetting) -> tuple[Sample, tuple[str | None, ...]]:
    """What is fitted under ``on_forgetting``, and what was done with each model, in words (None: nothing).

    ``peak``: the points after the peak are replaced by the peak's score. They and the peak are one measurement, so each
    carries its standard error times the root of their number.
    """
    score, sd, fitted = sample.score.copy(), sample.noise.sd.copy(), sample.fitted.copy()
    treatment: list[str | None] = []
    for at, (flags, found) in enumerate(zip(described.flags, described.patterns, strict=True)):
        if flag.FORGETS not in flags:
            treatment.append(None)
            continue
        here = np.flatnonzero(sample.present[at])
        words = f"falls by {found.fall:.3f} of the score range after step {sample.step[at, found.peak]:g}"
        if on_forgetting == "peak":
            peak = flag.smoothed_peak(score[at, here], sd[at, here])
            after = here[peak + 1 :]
            score[at, after] = score[at, peak]
            sd[at, here[peak:]] = sd[at, peak] * np.sqrt(len(after) + 1)
            fitted[at, after] = False
            words += f"; fitted up to step {sample.step[at, peak]:g}, score held from there"
        elif on_forgetting == "keep":
            words += "; all points fitted by a rising curve, the fall counted as noise"
        treatment.append(words)
    return replace(sample, score=score, noise=replace(sample.noise, sd=sd), fitted=fitted), tuple(treatment)
