# pyright: basic
"""Scoring items with a model as it is at this moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import torch
from transformers import PreTrainedModel

from headstart.errors import InputError
from headstart.tune.encode import Encoder, Example
from headstart.tune.heads import has_plain_head
from headstart.tune.items import ContextChoice, Continuation, Generation, Item, MultipleChoice, Text
from headstart.tune.metrics import ItemResult
from headstart.tune.models import LoadedModel
from headstart.tune.score.adapters import cheap_adapters
from headstart.tune.score.choices import Group, forked, plan_check, plan_trees, score_plainly, score_trees
from headstart.tune.score.generation import generate

Path = Literal["tree", "plain", "generation"]

# Mean difference per token, in nats, that two ways of computing the same may show; rounding alone stays several times
# below, and a model that is not fit for trees far above.
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.25}
_KINDS_OF_ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """Items in tokens, and how they are scored.

    Args:
        examples: For every item, every choice; the one continuation; or every window of a text.
        units: What is read as one tree: all examples of an item, or a window of a text.
    """

    items: Sequence[Item]
    examples: list[tuple[Example, ...]]
    units: list[tuple[Example, ...]]
    path: Path
    groups: list[Group]


class Scorer:
    """Scores the same model again and again while it is tuned.

    Multiple-choice items are read as trees of tokens where the model allows it: the prompt once for all choices, the
    tokens that many prompts begin with, as few-shot examples, once for all of these. On the first items it sees, the
    scorer compares that with reading every choice by itself and keeps to the latter if they differ.

    Args:
        loaded: The model; whatever weights and adapters it has when ``score`` is called are scored.
        encoder: Turns items into tokens.
        batch_tokens: Tokens per forward pass.
    """

    def __init__(self, loaded: LoadedModel, encoder: Encoder, *, batch_tokens: int) -> None:
        self._model = loaded.model
        self._encoder = encoder
        self._batch_tokens = batch_tokens
        self._prepared: _Prepared | None = None

    @property
    def path(self) -> Path | None:
        """How the items are scored; None before the first ones were seen."""
        return None if self._prepared is None else self._prepared.path

    def prepare(self, items: Sequence[Item]) -> Path:
        """Encode ``items`` and decide how to score them; called by ``score`` where the items are new.

        The decision depends on the model's weights at this moment only through rounding. A run that has to be
        repeatable to the last bit calls this before it tunes or restores anything.

        Raises:
            InputError: If an item is too long or has a completion without tokens.
        """
        if self._prepared is None or self._prepared.items is not items:
            with _still(self._model):
                self._prepared = self._prepare(items)
        return self._prepared.path

    def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """What the model says about every item, in their order.

        Training mode, gradients and random generators are left as they were.

        Raises:
            InputError: If an item is too long or has a completion without tokens.
        """
        self.prepare(items)
        prepared = self._prepared
        assert prepared is not None
        with _still(self._model):
            if prepared.path == "generation":
                asked = [item for item in items if isinstance(item, Generation)]
                return generate(self._model, self._encoder, asked, batch_tokens=self._batch_tokens)
            greedy = isinstance(items[0], Continuation)
            if prepared.path == "tree":
                scores = score_trees(self._model, prepared.groups, items=len(prepared.units), ask_greedy=greedy)
            else:
                scores = score_plainly(self._model, prepared.units, batch_tokens=self._batch_tokens, ask_greedy=greedy)
        if isinstance(items[0], Text):
            windows = iter(scores.loglikelihoods)
            whole = [(sum(next(windows)[0] for _ in examples),) for examples in prepared.examples]
            counts = [(sum(map(_scored_tokens, examples)),) for examples in prepared.examples]
        else:
            whole = scores.loglikelihoods
            counts = [tuple(map(_scored_tokens, examples)) for examples in prepared.examples]
        return [
            ItemResult(
                loglikelihoods=lls,
                token_counts=tokens,
                text=None,
                truncated=any(example.truncated for example in examples),
                greedy=scores.greedy[index][0] if greedy else None,
            )
            for index, (lls, tokens, examples) in enumerate(zip(whole, counts, prepared.examples, strict=True))
        ]

    def _prepare(self, items: Sequence[Item]) -> _Prepared:
        if len({_kind(item) for item in items}) > 1:
            raise InputError("items must be of one kind: generation, choices, continuations or texts")
        texts = [item for item in items if isinstance(item, Text)]
        chosen = [item for item in items if isinstance(item, MultipleChoice | ContextChoice | Continuation)]
        if not texts and not chosen:
            return _Prepared(items=items, examples=[], units=[], path="generation", groups=[])
        examples = self._encoder.windows(texts) if texts else self._encoder.choices(chosen)
        units = [(window,) for windows in examples for window in windows] if texts else examples
        groups = plan_trees(units, batch_tokens=self._batch_tokens)
        fit = self._fit_for_trees(units, groups)
        return _Prepared(
            items=items,
            examples=examples,
            units=units,
            path="tree" if fit else "plain",
            groups=groups if fit else [],
        )

    def _fit_for_trees(self, examples: list[tuple[Example, ...]], groups: list[Group]) -> bool:
        """Whether trees give what single rows give: on the longest, the shortest, the most branched and a forked item.

        Each is read behind a prefix of its own, and behind another tree in its row: all that real batches do.
        """
        trees = {index: tree for group in groups for batch in group.batches for index, tree in batch.members()}
        if not trees or not has_plain_head(self._model) or self._model._is_stateful:
            return False
        if not attends_to_everything(self._model, max(tree.depth for tree in trees.values())):
            return False
        length = {index: len(tree) for index, tree in sorted(trees.items())}
        branched = {index: len(tree) - len(set(tree.positions)) for index, tree in sorted(trees.items())}
        tried = {max(length, key=length.__getitem__), min(length, key=length.__getitem__)}
        few = [examples[index] for index in sorted({*tried, max(branched, key=branched.__getitem__)})]
        few.append(forked(few[-1][0]))
        plain = score_plainly(self._model, few, batch_tokens=self._batch_tokens)
        try:
            grown = score_trees(self._model, plan_check(few), items=len(few))
        except torch.OutOfMemoryError:
            raise
        except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError):
            return False  # an architecture that takes no masks, positions or prefixes says so in one of these ways
        return _difference(few, grown.loglikelihoods, plain.loglikelihoods) <= _TOLERANCE[self._model.dtype]


def score_items(loaded: LoadedModel, encoder: Encoder, items: Sequence[Item], *, batch_tokens: int) -> list[ItemResult]:
    """Score ``items`` once; a ``Scorer`` keeps what it prepared for the next time."""
    return Scorer(loaded, encoder, batch_tokens=batch_tokens).score(items)


def _kind(item: Item) -> str:
    return type(item).__name__ if isinstance(item, Generation | Continuation | Text) else "choices"


def _scored_tokens(example: Example) -> int:
    return len(example.tokens) - example.prompt_tokens


def attends_to_everything(model: PreTrainedModel, length: int) -> bool:
    """Whether every layer of the model is attention that reaches back over ``length`` tokens."""
    config = model.config.get_text_config()
    if not set(getattr(config, "layer_types", None) or ["full_attention"]) <= _KINDS_OF_ATTENTION:
        return False
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size", "window_size")]
    return all(window is None or length <= window for window in windows)


def _difference(
    items: Sequence[Sequence[Example]], some: Sequence[Sequence[float]], others: Sequence[Sequence[float]]
) -> float:
    """Mean absolute difference of the log-likelihoods of the same examples, per scored token."""
    return fmean(
        abs(one - other) / (len(example.tokens) - example.prompt_tokens)
        for examples, ones, rest in zip(items, some, others, strict=True)
        for example, one, other in zip(examples, ones, rest, strict=True)
    )


@contextmanager
def _still(model: PreTrainedModel) -> Iterator[None]:
    """The model in evaluation mode, without gradients and with adapters as scoring needs them; put back afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), cheap_adapters(model):
            yield
    finally:
        model.train(training)
