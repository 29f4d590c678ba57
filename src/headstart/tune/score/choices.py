# pyright: basic
"""Log-likelihoods of examples: by tree attention behind a cached prefix, or plainly, one row per example."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch.nn.functional import log_softmax
from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from headstart.tune.encode import Example
from headstart.tune.score.tree import Tree, grouped, shared_prefix

# Positions whose logits over the whole vocabulary are held at a time, and those whose softmax fits into a cache.
HEAD_ROWS, SOFTMAX_ROWS = 256, 32
# Keys and values, the prefix's copies included, may take this many times the room of the tokens of a forward pass.
KEYS_PER_TOKEN = 16
_ALIGNED = 16
# A group must spare a forward pass's tokens divided by this: it reads its prefix apart, and its last batch is not full.
_CHARGE = 8
# Tokens up to which a row is filled with several trees; measured, see bench/README.md.
_ROW = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """What a model said about examples.

    Args:
        loglikelihoods: For every item, of every example, in nats.
        greedy: For every item, whether every scored token of an example was the likeliest; False where nobody asked.
    """

    loglikelihoods: list[tuple[float, ...]]
    greedy: list[tuple[bool, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Trees that are read in one forward pass, several in a row of tokens where they are short.

    Args:
        items: Which of the scored items they are.
        trees: One per item, all behind the same prefix.
        places: Row of every tree, and where in the row it begins.
    """

    items: tuple[int, ...]
    trees: tuple[Tree, ...]
    places: tuple[tuple[int, int], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, and tokens in the longest one."""
        ends = [start + len(tree) for (_, start), tree in zip(self.places, self.trees, strict=True)]
        return self.places[-1][0] + 1, max(ends)

    def members(self) -> list[tuple[int, Tree]]:
        """Every item with its tree."""
        return list(zip(self.items, self.trees, strict=True))

    def placed(self) -> Iterator[tuple[int, slice, Tree]]:
        """Every tree with its row and its part of it."""
        for (row, start), tree in zip(self.places, self.trees, strict=True):
            yield row, slice(start, start + len(tree)), tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Items that begin with the same tokens."""

    prefix: tuple[int, ...]
    batches: tuple[Batch, ...]


def plan_trees(items: Sequence[Sequence[Example]], *, batch_tokens: int) -> list[Group]:
    """Pack items into forward passes of ``batch_tokens`` tokens, those with a long common beginning behind it.

    The beginning is read once per group. Items that lost their own beginning are apart: they share none.
    """
    whole = [index for index, of_item in enumerate(items) if not any(one.truncated for one in of_item)]
    cut = sorted(set(range(len(items))) - set(whole))
    groups: list[Group] = []
    for indices in (whole, cut):
        beginnings = [shared_prefix([items[index]]) for index in indices]
        for run in grouped(beginnings, charge=max(1, batch_tokens // _CHARGE)):
            prefix = beginnings[run.members[0]][: run.length]
            members = [indices[at] for at in run.members]
            trees = {index: Tree.of(items[index], prefix=len(prefix)) for index in members}
            groups.append(Group(prefix=prefix, batches=tuple(_pack(trees, len(prefix), batch_tokens, row=_ROW))))
    return groups


def plan_check(items: Sequence[Sequence[Example]]) -> list[Group]:
    """Every item behind a prefix, and short ones twice in a row, of which the second counts: as batches may have it."""
    groups: list[Group] = []
    for index, of_item in enumerate(items):
        shared = shared_prefix([of_item])
        prefix = shared[: (len(shared) + 1) // 2]
        tree = Tree.of(of_item, prefix=len(prefix))
        starts = (0, len(tree)) if len(tree) <= _ROW else (0,)
        batch = Batch(
            items=(index,) * len(starts), trees=(tree,) * len(starts), places=tuple((0, start) for start in starts)
        )
        groups.append(Group(prefix=prefix, batches=(batch,)))
    return groups


def forked(example: Example) -> tuple[Example, ...]:
    """Two examples that part in the middle of ``example``: one of them goes on with its tokens turned around."""
    half = max(1, len(example.tokens) // 2)
    other = (*example.tokens[:half], *reversed(example.tokens[half:]))
    return tuple(replace(example, tokens=tokens, prompt_tokens=half) for tokens in (example.tokens, other))


def _pack(trees: dict[int, Tree], prefix: int, batch_tokens: int, *, row: int) -> Iterator[Batch]:
    """Longest first, so that memory runs out at once or never; rows of up to ``row`` tokens take several trees."""
    waiting: dict[int, list[int]] = {}
    for index in sorted(trees, reverse=True):
        waiting.setdefault(len(trees[index]), []).append(index)
    while waiting:
        width = max(*waiting, min(row, batch_tokens))
        most = max(1, min(batch_tokens // width, KEYS_PER_TOKEN * batch_tokens // (prefix + width)))
        items: list[int] = []
        places: list[tuple[int, int]] = []
        for at in range(most):
            start = 0
            while fitting := [length for length in waiting if length <= width - start and (row or not start)]:
                length = max(fitting)
                items.append(waiting[length].pop())
                places.append((at, start))
                start += length
                if not waiting[length]:
                    del waiting[length]
            if not waiting:
                break
        yield Batch(items=tuple(items), trees=tuple(trees[one] for one in items), places=tuple(places))


def score_trees(model: PreTrainedModel, groups: Sequence[Group], *, items: int, ask_greedy: bool = False) -> Scores:
    """Log-likelihood of every example of every one of ``items`` items, all examples of an item in one row."""
    scores = Scores(loglikelihoods=[()] * items, greedy=[()] * items)
    decoder: Any = model.get_decoder()
    head: Any = model.get_output_embeddings()
    for group in groups:
        prefix = _read_prefix(decoder, group.prefix, model.device)
        for batch in group.batches:
            tokens, positions = _padded(batch)
            hidden = decoder(
                input_ids=tokens.to(model.device),
                position_ids=positions.to(model.device),
                attention_mask=_tree_mask(batch, len(group.prefix), model),
                past_key_values=prefix,
                use_cache=prefix is not None,
            ).last_hidden_state
            found = _scored(batch, lambda row, node, hidden=hidden: head(hidden[row, node]), ask_greedy)
            for index, lls, greedy in zip(batch.items, found.loglikelihoods, found.greedy, strict=True):
                scores.loglikelihoods[index], scores.greedy[index] = lls, greedy
    return scores


def score_plainly(
    model: PreTrainedModel, items: Sequence[Sequence[Example]], *, batch_tokens: int, ask_greedy: bool = False
) -> Scores:
    """The same as ``score_trees``, one row per example and nothing but ``model(tokens)``: for any causal model."""
    rows = [example for of_item in items for example in of_item]
    scores = [(0.0, False)] * len(rows)
    for batch in _pack({at: Tree.of([example]) for at, example in enumerate(rows)}, 0, batch_tokens, row=0):
        tokens, _ = _padded(batch)
        # Padding is on the right, where no causal model looks.
        logits = model(input_ids=tokens.to(model.device), use_cache=False).logits
        found = _scored(batch, lambda row, node, logits=logits: logits[row, node], ask_greedy)
        for at, (ll,), (greedy,) in zip(batch.items, found.loglikelihoods, found.greedy, strict=True):
            scores[at] = ll, greedy
    left = iter(scores)
    whole = [[next(left) for _ in of_item] for of_item in items]
    return Scores(
        loglikelihoods=[tuple(ll for ll, _ in of_item) for of_item in whole],
        greedy=[tuple(greedy for _, greedy in of_item) for of_item in whole],
    )


class _PrefixLayer(DynamicLayer):
    """Keys and values of the prefix, seen by every row of a batch; a batch leaves nothing behind in it."""

    def __init__(self, read: Any) -> None:
        super().__init__()
        self.lazy_initialization(read.keys, read.values)
        self._prefix = read.keys, read.values

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: object, **_kwargs: object):
        keys, values = self._prefix
        return _behind(keys, key_states), _behind(values, value_states)


def _behind(prefix: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """``states`` of shape (rows, heads, tokens, size) with the prefix's in front of every row."""
    return torch.cat([prefix.expand(len(states), -1, -1, -1), states], dim=-2)


def _read_prefix(decoder: Any, tokens: Sequence[int], device: torch.device) -> Cache | None:
    """What a batch finds in front of its own tokens; None when there is nothing."""
    if not tokens:
        return None
    cache = DynamicCache()
    decoder(input_ids=torch.tensor([tokens], device=device), past_key_values=cache, use_cache=True)
    return Cache(layers=[_PrefixLayer(layer) for layer in cache.layers])


def _padded(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and positions, each of shape (rows, longest)."""
    tokens, positions = np.zeros((2, *batch.shape), dtype=np.int64)
    for row, part, tree in batch.placed():
        tokens[row, part] = tree.tokens
        positions[row, part] = tree.positions
    return torch.from_numpy(tokens), torch.from_numpy(positions)


def _tree_mask(batch: Batch, prefix: int, model: PreTrainedModel) -> torch.Tensor:
    """What to add to the attention scores, of shape (rows, 1, longest, prefix + longest): 0 where a node looks."""
    rows, width = batch.shape
    sees = np.broadcast_to(np.eye(width, dtype=bool), (rows, width, width)).copy()
    for row, part, tree in batch.placed():
        sees[row, part, part] = tree.sees()
    hidden = torch.from_numpy(~sees).to(model.device)
    # Rows begin at multiples of 16 numbers: else torch copies the mask into such rows in every layer, for the kernel.
    room = -(-(prefix + width) // _ALIGNED) * _ALIGNED
    mask = torch.zeros((rows, 1, width, room), dtype=model.dtype, device=model.device)[..., : prefix + width]
    mask[..., prefix:].masked_fill_(hidden[:, None], torch.finfo(model.dtype).min)
    return mask


def _scored(batch: Batch, logits_at: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], ask_greedy: bool) -> Scores:
    """Sums of the targets' log-probabilities, for every example of every tree.

    Args:
        logits_at: Logits of shape (positions, vocabulary) at rows and columns of shape (positions,).
    """
    starts = np.cumsum([0] + [tree.examples for tree in batch.trees])
    targets = [
        (row, part.start + node, token, first + example)
        for (row, part, tree), first in zip(batch.placed(), starts[:-1].tolist(), strict=True)
        for node, token, example in tree.targets
    ]
    asked = {place: slot for slot, place in enumerate(dict.fromkeys((row, node) for row, node, _, _ in targets))}
    slots = np.array([asked[row, node] for row, node, _, _ in targets])
    tokens = np.array([token for _, _, token, _ in targets])
    examples = np.array([example for _, _, _, example in targets])

    rows, nodes = (torch.tensor(values) for values in zip(*asked, strict=True))
    order = np.argsort(slots, kind="stable")
    logprobs, missed = np.empty(len(targets)), np.ones(len(targets), dtype=bool)
    logprobs[order], missed[order] = _logprobs(
        lambda some: logits_at(rows[some], nodes[some]), slots[order], tokens[order], ask_greedy
    )
    # Added up one after the other in the order of the tokens, whatever else is in the batch.
    sums = np.bincount(examples, weights=logprobs, minlength=starts[-1])
    greedy = np.bincount(examples, weights=missed, minlength=starts[-1]) == 0
    spans = list(pairwise(starts.tolist()))
    return Scores(
        loglikelihoods=[tuple(sums[start:stop].tolist()) for start, stop in spans],
        greedy=[tuple(greedy[start:stop].tolist()) for start, stop in spans],
    )


def _logprobs(
    logits_at: Callable[[slice], torch.Tensor],
    slots: Int[np.ndarray, "targets"],
    tokens: Int[np.ndarray, "targets"],
    ask_greedy: bool,
) -> tuple[Float[np.ndarray, "targets"], Bool[np.ndarray, "targets"]]:
    """Log-probability of ``tokens`` at ``slots`` (ascending), and whether another was likelier; piece by piece."""
    found: list[torch.Tensor] = []
    missed: list[torch.Tensor] = []
    for first in range(0, slots[-1] + 1, HEAD_ROWS):
        logits = logits_at(slice(first, first + HEAD_ROWS))
        for low, piece in enumerate(logits.split(SOFTMAX_ROWS)):
            start = first + low * SOFTMAX_ROWS
            # Low precision ends here: a log-probability in bfloat16 would have two or three digits.
            logprobs = log_softmax(piece, dim=-1, dtype=torch.promote_types(piece.dtype, torch.float32))
            inside = slice(*np.searchsorted(slots, (start, start + len(piece))))
            row, wanted = torch.from_numpy(slots[inside] - start), torch.from_numpy(tokens[inside])
            found.append(logprobs[row, wanted])
            if ask_greedy:
                missed.append(piece.argmax(dim=-1).cpu()[row] != wanted)
    every = torch.cat(missed).numpy() if missed else np.ones(len(slots), dtype=bool)
    return torch.cat(found).cpu().double().numpy(), every
