"""A contest whose observed scores have normal noise: what a higher true score can gain, bounded from above in balls.

The noises of the models are independent, normal, with mean 0 and the standard deviations that the contest states.
Nothing is integrated: every bound is a sum of error functions, which never falls as the own score rises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from flint import arb, ctx, fmpq

from headstart.certificate.curves import Curve
from headstart.certificate.document import Document, must

_Sums = tuple[list[arb], list[arb], arb]


@dataclass(frozen=True, kw_only=True)
class Field:
    """The models of a noisy contest at one level, nobody else tuning.

    Args:
        document: The contest; every model has noise, and the first reward is above the last.
    """

    document: Document
    _sums: dict[tuple[int, int], _Sums] = field(default_factory=dict[tuple[int, int], _Sums], repr=False)

    @classmethod
    def of(cls, document: Document) -> Field:
        """The field of a contest.

        Raises:
            Malformed: If the contest is none for which claims under noise are defined.
        """
        must(all(sd > 0 for sd in document.noise), "noise_sd must be > 0 for every model")
        must(document.rewards[0] > document.rewards[-1], "the first reward must be above the last")
        return cls(document=document)

    @property
    def n(self) -> int:
        return len(self.document.developers)

    @property
    def stake(self) -> fmpq:
        """First reward minus last."""
        return self.document.rewards[0] - self.document.rewards[-1]

    @cached_property
    def step(self) -> fmpq:
        """The largest difference between the rewards of two neighbouring ranks."""
        return max(a - b for a, b in pairwise(self.document.rewards))

    @cached_property
    def common(self) -> bool:
        """Whether all models have the same noise."""
        return len(set(self.document.noise)) == 1

    def own_noise(self, i: int) -> arb:
        """Standard deviation of i's noise relative to the field, given all differences among the others (nu_i)."""
        noise = self.document.noise
        if self.common:
            return arb(noise[i] ** 2 * fmpq(self.n, self.n - 1)).sqrt()
        others = sum((1 / arb(sd) ** 2 for k, sd in enumerate(noise) if k != i), arb(0))
        return (arb(noise[i]) ** 2 + 1 / others).sqrt()

    def gain_by_overlap(self, i: int, target: arb | None) -> arb:
        """No rise of i's true score to ``target`` (None: to anything) gains more, whatever the others do (Lemma 6)."""
        if target is None:
            return arb(self.stake)
        rise = target - score(self.document.developers[i].curve, self.document.level)
        return arb(self.stake) * (rise / (arb(8).sqrt() * self.own_noise(i))).erf()

    def gain_by_places(self, i: int, target: arb | None) -> arb:
        """No rise of i's true score to ``target`` gains more while the others do not tune (Props. J and L)."""
        rivals, widths, before = self._rivals(i)
        if target is None:
            after = arb(len(rivals))
        else:
            after = sum(((target - s) * width).erf() for s, width in zip(rivals, widths, strict=True))
        return arb(self.step) / 2 * (after - before)

    def _rivals(self, i: int) -> _Sums:
        """Untuned scores of i's rivals, ``1 / (sqrt(2) tau_ik)``, and the sum at i's own score, at this precision."""
        key = (i, int(ctx.prec))
        if key not in self._sums:
            self._sums.clear()  # of another model or precision
            document = self.document
            others = [k for k in range(self.n) if k != i]
            rivals = [score(document.developers[k].curve, document.level) for k in others]
            own = document.noise[i] ** 2
            if self.common:
                widths = [1 / arb(4 * own).sqrt()] * len(others)
            else:
                widths = [1 / arb(2 * (own + document.noise[k] ** 2)).sqrt() for k in others]
            here = score(document.developers[i].curve, document.level)
            before = sum((((here - s) * width).erf() for s, width in zip(rivals, widths, strict=True)), arb(0))
            self._sums[key] = (rivals, widths, before)
        return self._sums[key]


def score(curve: Curve, effort: fmpq) -> arb:
    """The score at a rational total effort, as a ball at the precision in force."""
    exact = curve.exact(effort)
    return curve.ball(arb(effort)) if exact is None else arb(exact)
