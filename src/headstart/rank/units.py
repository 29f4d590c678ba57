"""The independent units of a test: single items, or clusters of items that stand or fall together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray

from headstart.contest.arrays import FloatArray, IntArray, require

CHUNK = 2048
"""Items worked on at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """The independent units of a test.

    Args:
        order: Items, cluster by cluster.
        starts: Where each cluster starts in that order.
    """

    order: Int[IntArray, " items"]
    starts: Int[IntArray, " units"]

    def __len__(self) -> int:
        return len(self.starts)

    def sums(self, values: Float[FloatArray, "*models items"]) -> Float[FloatArray, "*models units"]:
        """Sum of the values over the items of each unit."""
        return np.add.reduceat(values[..., self.order], self.starts, axis=-1)

    def parts(self) -> Iterator[tuple[Int[IntArray, " some_items"], Int[IntArray, " some_units"]]]:
        """Cut into parts of about ``CHUNK`` items: the items of each, and where its units start among them."""
        cuts = np.flatnonzero(np.diff(self.starts // CHUNK, prepend=-1))
        for starts in np.split(self.starts, cuts[1:]):
            last = np.count_nonzero(self.starts <= starts[-1])
            end = self.starts[last] if last < len(self.starts) else len(self.order)
            yield self.order[starts[0] : end], starts - starts[0]


def units_of(clusters: ArrayLike | None, n_items: int) -> Units:
    """The units of a test of ``n_items`` items.

    Args:
        clusters: Cluster of each item, any labels; None where the items are independent.
        n_items: How many there are.

    Raises:
        InputError: If there is not one known label for each item.

    >>> units_of(["b", "a", "b"], 3).sums(np.array([1.0, 10.0, 100.0])).tolist()
    [10.0, 101.0]
    """
    if clusters is None:
        return Units(order=np.arange(n_items, dtype=np.int64), starts=np.arange(n_items, dtype=np.int64))
    labels: NDArray[Any] = np.asarray(clusters)
    require(labels.shape == (n_items,), "clusters", f"one label for each of {n_items} items", labels.shape)
    known = labels == labels
    require(known.all(), "clusters", "known for every item", f"{np.count_nonzero(~known)} without")
    _, own = np.unique(labels, return_inverse=True)
    order = np.argsort(own, kind="stable").astype(np.int64)
    starts = np.flatnonzero(np.diff(own[order], prepend=-1)).astype(np.int64)
    return Units(order=order, starts=starts)
