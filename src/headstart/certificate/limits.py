"""How large a proof may be and how much work its check may cost; more is refused before it is expanded.

Nothing in a proof is trusted, so neither is its size: few characters can stand for numbers, schedules of rewards or
comparisons without end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

MOST_BITS = 1 << 24
"""Bits that all numbers of a proof may take together: some 20,000 models with numbers in double precision."""

CONTEST_NUMBER_BITS = 4096
"""Bits of one number of a contest, numerator or denominator: any number in double precision fits."""

CLAIM_NUMBER_BITS = 16_384
"""Bits of one number of a claim: efforts up to 10 ** 4000 fit."""

MOST_REWARD_BITS = 1 << 28
"""Bits of a whole schedule of geometric rewards."""

MOST_WORK = 4_000_000
"""Operations on numbers of up to 512 bits that a check may cost: some minutes."""

_POWER = re.compile(r"[eE][+-]?(\d{1,5})$")
_BITS_PER_DIGIT = 3.33


class Malformed(ValueError):  # noqa: N818 - what a proof is, not what went wrong
    """The document is not what the schema says, or a claim does not hold."""


class TooLarge(ValueError):  # noqa: N818 - what a proof is, not what went wrong
    """The proof is larger, or costs more to check, than this verifier allows."""


class Budget:
    """The work that is left to a check.

    Args:
        work: Operations on numbers of up to 512 bits; ``MOST_WORK`` by default.
    """

    def __init__(self, work: int | None = None) -> None:
        self.left = self.work = MOST_WORK if work is None else work

    def spend(self, bits: int = 0, times: int = 1) -> None:
        """Count ``times`` operations on numbers of so many bits.

        Raises:
            TooLarge: If nothing is left.
        """
        self.left -= times * (1 + bits // 512)
        if self.left < 0:
            raise TooLarge(f"the check costs more than {self.work} operations, the most that this verifier spends")


def check_size(value: object) -> None:
    """Refuse a document whose numbers are together too long, judged by their text alone.

    Raises:
        TooLarge: If they are.
    """
    left, waiting = float(MOST_BITS), [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(cast("Mapping[str, object]", item).values())
        elif isinstance(item, list):
            waiting.extend(cast("list[object]", item))
        elif isinstance(item, str):
            left -= _bits(item)
        if left < 0:
            raise TooLarge(f"the numbers of the proof are longer than {MOST_BITS} bits together")


def check_geometric(bits: int, ranks: int) -> None:
    """Refuse geometric rewards whose powers are together too long.

    Args:
        bits: Length of the ratio: by so much, at most, each power is longer than the one before.
        ranks: Number of ranks.

    Raises:
        TooLarge: If they are.
    """
    if bits * ranks * (ranks - 1) // 2 > MOST_REWARD_BITS:
        raise TooLarge(
            f"geometric rewards of {ranks} ranks with a ratio of {bits} bits take more than {MOST_REWARD_BITS} bits"
        )


def _bits(text: str) -> float:
    power = _POWER.search(text)
    return _BITS_PER_DIGIT * (len(text) + (int(power[1]) if power else 0))
