"""Which rows of a task's files become its training, validation and test items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from headstart.contest.arrays import IntArray
from headstart.errors import InputError
from headstart.tune.plan import TaskSpec

_LIMITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows that become the items of a split.

    Args:
        source: The split they stand in: another one only for validation items that are held out of the training items.
        indices: Which of its rows, ascending, from 0.
    """

    source: str
    indices: Sequence[int]


def choose_rows(spec: TaskSpec, sizes: Mapping[str, int]) -> dict[str, Rows]:
    """Hold out validation items if the task asks for it and has none, then apply the limits.

    What is drawn depends on ``sample_seed`` (0 for ``hold_out`` without one) and on the number of rows alone.

    Args:
        spec: The task.
        sizes: Number of rows of every split there is.

    Raises:
        InputError: If nothing would be left of a split.

    >>> spec = TaskSpec(name="t", kind="lm_eval", lm_eval_name="t", hold_out=0.25, test_limit=2)
    >>> found = choose_rows(spec, {"train": 8, "test": 3})
    >>> {split: (rows.source, len(rows.indices)) for split, rows in found.items()}
    {'train': ('train', 6), 'test': ('test', 2), 'validation': ('train', 2)}
    """
    found = {split: Rows(source=split, indices=range(size)) for split, size in sizes.items()}
    if spec.hold_out is not None and not sizes.get("validation"):
        order = np.random.default_rng([spec.sample_seed or 0, 0]).permutation(sizes["train"])
        held = round(spec.hold_out * len(order))
        if not 0 < held < len(order):
            raise InputError(
                f"hold_out must leave training and validation items, got {spec.hold_out} of {len(order)} items",
                field="hold_out",
            )
        found["validation"] = Rows(source="train", indices=_ascending(order[:held]))
        found["train"] = Rows(source="train", indices=_ascending(order[held:]))
    return {split: _limited(rows, spec, split) for split, rows in found.items()}


def _limited(rows: Rows, spec: TaskSpec, split: str) -> Rows:
    limit: int | None = getattr(spec, f"{split}_limit")
    if limit is None or len(rows.indices) <= limit:
        return rows
    if spec.sample_seed is None:
        return Rows(source=rows.source, indices=rows.indices[:limit])
    order = np.random.default_rng([spec.sample_seed, 1 + _LIMITS.index(split)]).permutation(len(rows.indices))
    return Rows(source=rows.source, indices=[rows.indices[at] for at in _ascending(order[:limit])])


def _ascending(drawn: Int[IntArray, "rows"]) -> list[int]:
    return np.sort(drawn).tolist()
