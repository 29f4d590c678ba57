"""How the observed scores of a field vary around the true ones: what the ranking needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, frozen, require, require_finite
from headstart.contest.contest import Contest

NoiseKind = Literal["common", "independent", "differences"]

_DIMENSIONS = {"common": 0, "independent": 1, "differences": 2}

_SAME = 1e-12
"""Relative difference between variances that still counts as rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreNoise:
    """Normal measurement noise of observed scores, in the form that rankings depend on; it does not vary with effort.

    A shock that all scores share (harder items for everybody) changes no rank, so only differences of noises matter.

    Args:
        kind: ``common``: ``sd`` is the standard deviation of the difference of any two noises. ``independent``: ``sd``
            holds each model's own standard deviation. ``differences``: ``sd[i, k]`` is that of noise i minus noise k.
        sd: Shape ``(*batch,)``, ``(*batch, models)`` or ``(*batch, models, models)``, in score units, ``>= 0``. The
            batch (draws, levels) must broadcast with that of the scores.

    Raises:
        InputError: If a number is negative or not finite, or a matrix is not square and symmetric.

    >>> ScoreNoise.covariance([[4.0, 1.0], [1.0, 4.0]]).common_sd(2).round(6)  # the shared part drops out
    np.float64(2.44949)
    """

    kind: NoiseKind
    sd: FloatArray

    def __post_init__(self) -> None:
        require(self.kind in _DIMENSIONS, "kind", f"one of {', '.join(_DIMENSIONS)}", self.kind)
        object.__setattr__(self, "sd", frozen(self.sd))
        require_finite("noise sd", self.sd)
        require(bool((self.sd >= 0).all()), "noise sd", ">= 0", self.sd)
        require(self.sd.ndim >= _DIMENSIONS[self.kind], "noise sd", f"of a shape for {self.kind!r}", self.sd.shape)
        if self.kind == "differences":
            square = self.sd.shape[-1] == self.sd.shape[-2]
            require(square, "noise sd", "a square matrix", self.sd.shape)
            require(bool((self.sd == self.sd.swapaxes(-1, -2)).all()), "noise sd", "a symmetric matrix", self.sd)

    @classmethod
    def common(cls, difference_sd: ArrayLike) -> Self:
        """Any two noises differ by the same standard deviation; for independent noises of one sd that is sqrt(2) sd."""
        return cls(kind="common", sd=np.asarray(difference_sd, dtype=np.float64))

    @classmethod
    def independent(cls, sd: Float[ArrayLike, "*batch models"]) -> Self:
        """Independent noises, one standard deviation per model."""
        return cls(kind="independent", sd=np.asarray(sd, dtype=np.float64))

    @classmethod
    def differences(cls, sd: Float[ArrayLike, "*batch models models"]) -> Self:
        """Any normal noise, by the standard deviations of its differences; the diagonal is not used."""
        matrix = np.array(sd, dtype=np.float64)
        require(matrix.ndim >= 2 and matrix.shape[-1] == matrix.shape[-2], "noise sd", "a square matrix", matrix.shape)
        off: FloatArray = 1.0 - np.eye(matrix.shape[-1])
        return cls(kind="differences", sd=matrix * off)

    @classmethod
    def covariance(cls, matrix: Float[ArrayLike, "*batch models models"]) -> Self:
        """Jointly normal noise with this covariance (paired items, shared runs).

        Where all covariances between models are equal the noise is, for every ranking, independent noise.
        """
        given = np.asarray(matrix, dtype=np.float64)
        square = given.ndim >= 2 and given.shape[-1] == given.shape[-2]
        require(square, "covariance", "a square matrix", given.shape)
        require_finite("covariance", given)
        scale = _SAME * max(float(np.abs(given).max()), np.finfo(float).tiny)
        require(bool((np.abs(given - given.swapaxes(-1, -2)) <= scale).all()), "covariance", "symmetric", given)
        variance = np.diagonal(given, axis1=-2, axis2=-1)
        squared = variance[..., :, None] + variance[..., None, :] - given - given.swapaxes(-1, -2)
        require(bool((squared >= -4 * scale).all()), "covariance", "that of some noise (positive semidefinite)", given)
        n = given.shape[-1]
        shared = given[..., ~np.eye(n, dtype=bool)]
        if n > 1 and (np.ptp(shared, axis=-1) <= scale).all():
            own = variance - shared.mean(axis=-1, keepdims=True)
            if (own >= -scale).all():
                return cls.independent(np.sqrt(np.where(own > scale, own, 0.0)))
        return cls.differences(np.sqrt(np.maximum(squared, 0.0)))

    @classmethod
    def of(cls, contest: Contest) -> Self:
        """The contest's own noise; none where it has none."""
        return cls.common(0.0) if contest.noise_sd is None else cls.independent(contest.noise_sd)

    def common_sd(self, n: int) -> FloatArray | None:
        """Standard deviation of every difference, shape ``(*batch,)``; None where they differ."""
        if self.kind == "common":
            return self.sd
        if self.kind == "independent":
            same = np.ptp(self.sd, axis=-1) <= _SAME * self.sd.max(axis=-1)
            return np.sqrt(2.0) * self.sd[..., 0] if same.all() else None
        if n < 2:
            return np.zeros(self.sd.shape[:-2])
        off = self.sd[..., ~np.eye(n, dtype=bool)]
        return off[..., 0] if (np.ptp(off, axis=-1) <= _SAME * off.max(axis=-1)).all() else None

    def own_sd(self, n: int) -> Float[FloatArray, "*batch models"] | None:
        """Standard deviations of independent noises with the same effect on every ranking; None where there are none.

        If every difference has the standard deviation t, the differences have the joint distribution that independent
        noises of standard deviation t / sqrt(2) give.
        """
        if self.kind == "independent":
            return self.sd
        shared = self.common_sd(n)
        return None if shared is None else np.repeat(shared[..., None] / np.sqrt(2.0), n, axis=-1)

    def difference_sd(self, n: int) -> Float[FloatArray, "*batch models models"]:
        """Standard deviation of every difference; the diagonal means nothing."""
        if self.kind == "differences":
            return self.sd
        if self.kind == "common":
            return np.broadcast_to(self.sd[..., None, None], (*self.sd.shape, n, n))
        return np.hypot(self.sd[..., :, None], self.sd[..., None, :])

    def flattened(self, batch: tuple[int, ...], n: int) -> ScoreNoise:
        """The same noise with the batch as one leading axis, of length 1 where it does not vary.

        Raises:
            InputError: If the shapes do not fit a field of ``n`` models in this batch.
        """
        inner = _DIMENSIONS[self.kind]
        lead, core = self.sd.shape[: self.sd.ndim - inner], self.sd.shape[self.sd.ndim - inner :]
        require(core == (n,) * inner, "noise sd", f"for {n} models", self.sd.shape)
        if int(np.prod(lead)) == 1:
            return ScoreNoise(kind=self.kind, sd=self.sd.reshape(1, *core))
        try:
            full = np.broadcast_to(self.sd, (*batch, *core))
        except ValueError:
            fits = False
            full = self.sd
        else:
            fits = True
        require(fits, "noise sd", f"of a shape that broadcasts to the batch {batch}", self.sd.shape)
        return ScoreNoise(kind=self.kind, sd=full.reshape(-1, *core))

    def at(self, b: int) -> ScoreNoise:
        """The noise of one element of a flattened batch."""
        return ScoreNoise(kind=self.kind, sd=self.sd[b if self.sd.shape[0] > 1 else 0])
