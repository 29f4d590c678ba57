"""Token trees: the choices of an item in one row, every token they share only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

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

    def sees(self) -> Bool[np.ndarray, "nodes nodes"]:
        """Which node (row) attends to which (column): itself and its ancestors."""
        size = len(self)
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Items that are read behind the same first tokens.

    Args:
        members: Which items; ascending.
        length: How many first tokens they share, which are read once; 0 for an item alone.
    """

    members: tuple[int, ...]
    length: int


def grouped(beginnings: Sequence[tuple[int, ...]], *, charge: int) -> list[Run]:
    """Divide items into groups that share first tokens so that the fewest tokens are read.

    A group reads what its members share once, not once per member, and costs ``charge`` tokens besides; an item alone
    is a group. No other division into groups is cheaper. Ties go to fewer groups.

    Args:
        beginnings: What every item could share: a sequence of tokens per item.
        charge: Tokens that a group must spare to be worth it, ``>= 1``.

    Returns:
        The groups, in the order of their first members; every item is in one.

    >>> [(run.members, run.length) for run in grouped([(1, 2, 3), (7, 8, 9), (1, 2, 3), (7, 8, 9)], charge=2)]
    [((0, 2), 3), ((1, 3), 3)]
    >>> [(run.members, run.length) for run in grouped([(1, 2, 3), (7, 8, 9), (1, 2, 3), (7, 8, 9)], charge=7)]
    [((0, 1, 2, 3), 0)]
    """
    order = sorted(range(len(beginnings)), key=lambda index: (beginnings[index], index))
    if len(order) < 2:
        return [Run(members=(index,), length=0) for index in order]
    groups: list[tuple[int, list[int]]] = []
    alone: list[int] = []
    waiting: list[tuple[_Fork | int, int, list[int]]] = [(_forks(beginnings, order, charge), 0, alone)]
    while waiting:
        branch, above, group = waiting.pop()
        if isinstance(branch, int):
            group.append(branch)
            continue
        if above < branch.joins_from:
            above, group = branch.length + 1, list[int]()
            groups.append((branch.length, group))
        waiting += [(one, above, group) for one in branch.branches]
    runs = [Run(members=tuple(sorted(group)), length=length) for length, group in groups]
    runs += [Run(members=(index,), length=0) for index in alone]
    return sorted(runs, key=lambda run: run.members)


@dataclass(kw_only=True, slots=True)
class _Fork:
    """Where the beginnings of some items part.

    What is best behind a fork depends only on what an item is worth that stays in a group from further up: the length
    that this group shares, or the charge of being alone. So every fork knows the best for each of these, in the order
    alone, 0, 1, ...

    Args:
        length: Tokens before it.
        branches: Further forks, and items that have none of their own.
        spared: Tokens that all behind it spare, less charges, for every worth of one that stays in a group further up;
            for the fork's own length at last.
        joins_from: From which worth on no group of this fork is as good as one.
    """

    length: int
    branches: list[_Fork | int]
    spared: Int[np.ndarray, "worths"]
    joins_from: int = 0

    def add(self, branch: _Fork | int, spared: Int[np.ndarray, "worths"]) -> None:
        """One more branch."""
        self.branches.append(branch)
        self.spared += spared[: len(self.spared)]

    def close(self, charge: int) -> Int[np.ndarray, "worths"]:
        """What all branches together spare, with a group of this fork or without, for every worth further up."""
        own = self.spared[-1] - self.length - charge
        self.joins_from = int((self.spared[:-1] < own).sum())  # worths ascend, and with them what staying spares
        return np.maximum(self.spared[:-1], own)


def _forks(beginnings: Sequence[tuple[int, ...]], order: Sequence[int], charge: int) -> _Fork:
    """The first fork of the trie of at least two beginnings, with all behind it."""
    ahead = [_common(beginnings[one], beginnings[after]) for one, after in pairwise(order)]
    staying = np.arange(-1, max(ahead) + 1)
    staying[0] = -charge
    path: list[_Fork] = []
    for index, shared in zip(order, [*ahead, min(ahead)], strict=True):
        branch, spared = index, staying
        while path and path[-1].length > shared:
            path[-1].add(branch, spared)
            branch = path.pop()
            spared = branch.close(charge)
        if not path or path[-1].length < shared:
            path.append(_Fork(length=shared, branches=[], spared=np.zeros(shared + 2, dtype=np.int64)))
        path[-1].add(branch, spared)
    path[0].close(charge)
    return path[0]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first tokens two sequences share."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
