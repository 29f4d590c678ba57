"""Random numbers of each model's own, so that a model's draws do not depend on which other models there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray

BLOCK_NUMBERS = 2_000_000
"""Numbers held at once per array where models are worked through in blocks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Streams:
    """A generator per model, seeded by its name."""

    each: tuple[np.random.Generator, ...]

    @classmethod
    def of(cls, names: Sequence[str], seed: int, purpose: int) -> Streams:
        """Generators of some models; ``purpose`` tells apart the uses of one seed."""
        return cls(each=tuple(np.random.default_rng((seed, purpose, crc32(name.encode()))) for name in names))

    def take(self, index: IntArray) -> Streams:
        """The generators of the models at ``index``."""
        places: list[int] = index.tolist()
        return Streams(each=tuple(self.each[at] for at in places))

    def uniform(self, draws: int) -> Float[FloatArray, "draws models"]:
        """Numbers between 0 and 1."""
        return _columns([stream.random(draws) for stream in self.each])

    def chi_square(self, degrees: float, draws: int) -> Float[FloatArray, "draws models"]:
        """Chi-square numbers."""
        return _columns([stream.chisquare(degrees, draws) for stream in self.each])

    def normal(self, draws: int, nodes: int = 1) -> Float[FloatArray, "draws models nodes"]:
        """Standard normal numbers."""
        return _columns([stream.standard_normal((draws, nodes)) for stream in self.each])


def _columns(numbers: list[FloatArray]) -> FloatArray:
    return np.stack(numbers, axis=1)


def blocks(models: int, numbers_each: int) -> Iterator[IntArray]:
    """Indices of the models, some at a time, so that ``numbers_each`` per model fit the memory meant for a block."""
    size = max(1, BLOCK_NUMBERS // max(numbers_each, 1))
    for first in range(0, models, size):
        yield np.arange(first, min(first + size, models), dtype=np.int64)
