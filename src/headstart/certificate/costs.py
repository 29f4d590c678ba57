"""Costs with exact parameters. Both families are 0 up to the free effort and strictly increasing after it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from flint import arb, fmpq

from headstart.certificate.numbers import Real, Signs, exact_power, power_sign


@dataclass(frozen=True)
class PowerCost:
    """``scale * max(e - free, 0) ** exponent`` with ``scale > 0`` and ``exponent >= 1``."""

    scale: fmpq
    exponent: fmpq
    free: fmpq

    def value(self, effort: fmpq) -> Real:
        """Cost of a rational effort."""
        paid = max(effort - self.free, fmpq(0))
        power = exact_power(paid, self.exponent)
        if power is not None:
            return Real.rational(self.scale * power)
        return Real(exact=None, enclose=lambda: arb(self.scale) * arb(paid) ** arb(self.exponent))

    def sign(self, signs: Signs, effort: fmpq, amount: fmpq) -> int:
        """Sign of cost minus ``amount > 0``."""
        paid = effort - self.free
        return -1 if paid <= 0 else power_sign(signs, paid, self.exponent, amount / self.scale, fmpq(1))

    def effort_at(self, amount: fmpq) -> Real:
        """The effort that costs ``amount > 0``."""
        root = exact_power(amount / self.scale, 1 / self.exponent)
        if root is not None:
            return Real.rational(self.free + root)
        return Real(exact=None, enclose=lambda: arb(self.free) + arb(amount / self.scale) ** (1 / arb(self.exponent)))


@dataclass(frozen=True)
class PointsCost:
    """Straight between points that start at (0, 0), continued with the last slope."""

    effort: tuple[fmpq, ...]
    cost: tuple[fmpq, ...]

    @property
    def free(self) -> fmpq:
        return self.effort[bisect_right(self.cost, fmpq(0)) - 1]

    def value(self, effort: fmpq) -> Real:
        """Cost of a rational effort."""
        at = min(bisect_right(self.effort, effort), len(self.effort) - 1)
        slope = (self.cost[at] - self.cost[at - 1]) / (self.effort[at] - self.effort[at - 1])
        return Real.rational(self.cost[at] + slope * (effort - self.effort[at]))

    def sign(self, signs: Signs, effort: fmpq, amount: fmpq) -> int:
        """Sign of cost minus ``amount > 0``."""
        cost = self.value(effort).exact
        assert cost is not None
        return signs.exact(cost - amount)

    def effort_at(self, amount: fmpq) -> Real:
        """The effort that costs ``amount > 0``."""
        at = min(bisect_right(self.cost, amount), len(self.cost) - 1)
        slope = (self.cost[at] - self.cost[at - 1]) / (self.effort[at] - self.effort[at - 1])
        return Real.rational(self.effort[at] + (amount - self.cost[at]) / slope)


Cost = PowerCost | PointsCost
