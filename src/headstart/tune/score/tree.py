"""Token trees: the choices of an item in one row, every token they share only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from headstart.tune.encode import Example


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """What a model has to read to score some examples: a trie of their tokens, parents before children.

    Args:
        tokens: One per node.
        parents: Index of the node before; -1 where nothing or only the shared prefix comes before.
        positions: How many tokens come before each node, the shared prefix included.
        targets: ``(node, token, example)``: after ``node`` the example goes on with ``token``, which is scored.
        examples: How many examples there are.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    positions: tuple[int, ...]
    targets: tuple[tuple[int, int, int], ...]
    examples: int

    @classmethod
    def of(cls, examples: Sequence[Example], *, prefix: int = 0) -> Tree:
        """The tree of ``examples`` behind their first ``prefix`` tokens, which are the same in all of them."""
        tokens: list[int] = []
        parents: list[int] = []
        positions: list[int] = []
        targets: list[tuple[int, int, int]] = []
        nodes: dict[tuple[int, int], int] = {}
        for index, example in enumerate(examples):
            node = -1
            for position in range(prefix, len(example.tokens) - 1):
                edge = node, example.tokens[position]
                if edge not in nodes:
                    nodes[edge] = len(tokens)
                    tokens.append(edge[1])
                    parents.append(node)
                    positions.append(position)
                node = nodes[edge]
                if position + 1 >= example.prompt_tokens:
                    targets.append((node, example.tokens[position + 1], index))
        return cls(
            tokens=tuple(tokens),
            parents=tuple(parents),
            positions=tuple(positions),
            targets=tuple(targets),
            examples=len(examples),
        )

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def depth(self) -> int:
        """Length of the longest sequence read, the shared prefix included."""
        return max(self.positions) + 1

    def sees(self, size: int) -> Bool[np.ndarray, "size size"]:
        """Which node (row) attends to which (column): itself and its ancestors; padded to ``size``."""
        seen = np.tril(np.ones((size, size), dtype=bool))
        branch = next((node for node, parent in enumerate(self.parents) if parent != node - 1), len(self))
        seen[branch:] = np.eye(size, dtype=bool)[branch:]
        for node in range(branch, len(self)):
            if self.parents[node] >= 0:
                seen[node] |= seen[self.parents[node]]
        return seen


def shared_prefix(items: Sequence[Sequence[Example]]) -> tuple[int, ...]:
    """The longest run of first tokens that all examples share, short of the last token of any prompt.

    The last token of a prompt is where its completion is predicted, so it stays in the tree.
    """
    examples = [example for of_item in items for example in of_item]
    if not examples:
        return ()
    first = min(example.tokens for example in examples)
    last = max(example.tokens for example in examples)
    room = min(example.prompt_tokens for example in examples) - 1
    shared = 0
    while shared < min(room, len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    return first[:shared]
