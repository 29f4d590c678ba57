"""Random numbers of each model's own, so that a model's draws do not depend on which other models there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray, IntArray

BLOCK_NUMBERS = 2_000_000
"""Numbers held at once per array where models are worked through in blocks."""


def generators(names: Sequence[str], seed: int, purpose: int) -> list[np.random.Generator]:
    """One generator per model; ``purpose`` tells apart the uses of one seed."""
    return [np.random.default_rng((seed, purpose, crc32(name.encode()))) for name in names]


def normals(
    streams: Sequence[np.random.Generator], draws: int, nodes: int
) -> Float[FloatArray, "draws models nodes"]:
    """Standard normal numbers, a stream per model."""
    return np.stack([stream.standard_normal((draws, nodes)) for stream in streams], axis=1)


def blocks(models: int, numbers_each: int) -> Iterator[IntArray]:
    """Indices of the models, some at a time, so that ``numbers_each`` per model fit the memory meant for a block."""
    size = max(1, BLOCK_NUMBERS // max(numbers_each, 1))
    for first in range(0, models, size):
        yield np.arange(first, min(first + size, models), dtype=np.int64)
