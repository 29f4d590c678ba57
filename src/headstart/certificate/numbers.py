"""Exact numbers: decimals as written, enclosures of irrational numbers, and signs that are certain.

Rational numbers are ``flint.fmpq``. A number that is not rational is known by a function that encloses it in a ball
(``flint.arb``) at whatever precision is in force; its sign is certain once a ball excludes zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from flint import arb, ctx, fmpq, fmpz

from headstart.certificate.limits import Budget, Malformed, TooLarge

PRECISIONS = (64, 128, 256, 512, 1024, 2048, 4096)
"""Bits tried in turn before a sign is given up as undecided."""

_DECIMAL = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?")
_RATIO = re.compile(r"(-?)([1-9]\d*)/([1-9]\d*)")
_LONGEST = 4000
_WORK_BITS = 20_000


class Undecided(Exception):  # noqa: N818 - an outcome, not a fault
    """A sign that no allowed precision could tell from zero."""


def parse(text: object) -> fmpq:
    """The rational number written as a decimal (``"-1.5e-3"``) or as a ratio (``"1/3"``).

    Raises:
        ValueError: If ``text`` is anything else, or absurdly long.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise ValueError(f"a number must be written as text, got {str(text)[:40]!r}")
    if ratio := _RATIO.fullmatch(text):
        value = fmpq(int(ratio[2]), int(ratio[3]))
        return -value if ratio[1] else value
    decimal = _DECIMAL.fullmatch(text)
    if not decimal:
        raise ValueError(f"a number must be a decimal or a ratio, got {text[:40]!r}")
    sign, whole, part, power = decimal.groups()
    part = part or ""
    value = fmpq(int(whole + part)) * ten(int(power or 0) - len(part))
    return -value if sign else value


def canonical(text: object, place: str, bits: int) -> fmpq:
    """The number of a claim, which must be in the one form of ``decimal_text``.

    Raises:
        Malformed: If it is not.
        TooLarge: If it is longer than ``bits``.
    """
    try:
        found = parse(text)
    except ValueError as error:
        raise Malformed(f"{place}: {error}") from None
    if found.height_bits() > bits:
        raise TooLarge(f"{place} is longer than {bits} bits")
    if text != decimal_text(found):
        raise Malformed(f"{place} must be in shortest form")
    return found


def ten(power: int) -> fmpq:
    """``10 ** power``."""
    return fmpq(10**power) if power >= 0 else fmpq(1, 10**-power)


def sign_of(value: fmpq) -> int:
    """-1, 0 or 1."""
    return (value > 0) - (value < 0)


def significant(value: fmpq, digits: int) -> tuple[fmpq, fmpq]:
    """The largest number of ``digits`` significant digits up to ``value > 0``, and one unit of its last digit."""
    power = len(str(value.p)) - len(str(value.q)) - digits  # right, or one too small
    if value >= ten(power + digits):
        power += 1
    unit = ten(power)
    return (value / unit).floor() * unit, unit


def decimal_text(value: fmpq) -> str:
    """A rational number in the one form this package writes: the shortest decimal, or a ratio where there is none."""
    twos, rest = _valuation(value.q, 2)
    fives, rest = _valuation(rest, 5)
    if rest != 1:
        return f"{value.p}/{value.q}"
    places = max(twos, fives)
    digits = str((abs(value) * ten(places)).p)
    sign = "-" if value < 0 else ""
    if places == 0:
        stripped = digits.rstrip("0")
        zeros = len(digits) - len(stripped)
        return sign + (digits if zeros < 16 else f"{stripped}e{zeros}")
    if places > len(digits) + 6:
        return f"{sign}{digits}e-{places}"
    digits = digits.zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def _valuation(number: fmpz, prime: int) -> tuple[int, fmpz]:
    """How often ``prime`` divides ``number != 0``, and what is left; by squares, so that huge powers take no time."""
    powers = [fmpz(prime)]
    while number % powers[-1] == 0 and powers[-1] < number:
        powers.append(powers[-1] * powers[-1])
    times = 0
    for at, power in reversed(list(enumerate(powers))):
        while number % power == 0:
            number, times = number // power, times + (1 << at)
    return times, number


@dataclass(frozen=True, kw_only=True)
class Real:
    """A real number: its rational value if it has one, and balls that contain it in any case."""

    exact: fmpq | None
    enclose: Callable[[], arb]

    @classmethod
    def rational(cls, value: fmpq) -> Real:
        """A rational number."""
        return cls(exact=value, enclose=lambda: arb(value))

    def plus(self, shift: fmpq) -> Real:
        """This number moved by a rational one."""
        if self.exact is not None:
            return Real.rational(self.exact + shift)
        return Real(exact=None, enclose=lambda: self.enclose() + arb(shift))

    def minus(self, other: Real) -> Real:
        """The difference of two numbers."""
        if self.exact is not None and other.exact is not None:
            return Real.rational(self.exact - other.exact)
        return Real(exact=None, enclose=lambda: self.enclose() - other.enclose())


class Signs:
    """Decides signs and remembers whether rational arithmetic alone was enough.

    Args:
        budget: The work that may be spent; without limit by default.

    Attributes:
        used_balls: Whether any sign rested on ball arithmetic.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.used_balls = False
        self._budget = budget

    @property
    def proof(self) -> str:
        """``"exact"`` or ``"interval"``."""
        return "interval" if self.used_balls else "exact"

    def spend(self, bits: int = 0, times: int = 1) -> None:
        """Count work on numbers of so many bits.

        Raises:
            TooLarge: If more is spent than is allowed.
        """
        if self._budget is not None:
            self._budget.spend(bits, times)

    def exact(self, value: fmpq) -> int:
        """Sign of a rational number."""
        self.spend(value.height_bits())
        return sign_of(value)

    def ball(self, enclose: Callable[[], arb], times: int = 1) -> int:
        """Sign of the number enclosed, never 0; ``times`` is how many operations one enclosure is counted as.

        Raises:
            Undecided: If the balls contain zero at every precision.
        """
        self.used_balls = True
        for bits in PRECISIONS:
            self.spend(4 * bits, times)  # several logarithms or powers
            with ctx.workprec(bits):
                value = enclose()
                if value > 0:
                    return 1
                if value < 0:
                    return -1
        raise Undecided

    def real(self, value: Real) -> int:
        """Sign of a number; 0 only if it is rational."""
        return self.ball(value.enclose) if value.exact is None else self.exact(value.exact)


def exact_power(base: fmpq, exponent: fmpq) -> fmpq | None:
    """``base ** exponent`` for ``base >= 0`` and ``exponent > 0`` where it is a rational number of sensible size."""
    if base == 0 or base == 1 or exponent == 1:
        return base
    num, den = int(exponent.p), int(exponent.q)
    root_p, root_q = _exact_root(base.p, den), _exact_root(base.q, den)
    if root_p is None or root_q is None or fmpq(root_p, root_q).height_bits() * num > _WORK_BITS:
        return None
    return fmpq(root_p, root_q) ** num


def _exact_root(value: fmpz, degree: int) -> fmpz | None:
    if degree == 1 or value == 1:
        return value
    if degree > _WORK_BITS:
        return None
    root = value.root(degree)
    return root if root**degree == value else None


def power_sign(signs: Signs, a: fmpq, p: fmpq, b: fmpq, q: fmpq) -> int:
    """Sign of ``a ** p - b ** q`` for positive rational numbers: with whole powers if small, else with balls."""
    ratio = p / q
    num, den = int(ratio.p), int(ratio.q)
    if max(a.height_bits() * num, b.height_bits() * den) <= _WORK_BITS:
        return signs.exact(a**num - b**den)
    return signs.ball(lambda: arb(p) * arb(a).log() - arb(q) * arb(b).log())
