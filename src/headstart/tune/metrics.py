"""The one definition of every score: what is computed from what the model said about an item."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray
from headstart.errors import InputError
from headstart.tune.items import (
    ContextChoice,
    Continuation,
    ExactMatch,
    Extract,
    Generation,
    Item,
    MultipleChoice,
    Task,
    Text,
)
from headstart.tune.kinds import CHOICE_METRICS

_METRICS: dict[type[Item], tuple[str, ...]] = {
    MultipleChoice: CHOICE_METRICS,
    ContextChoice: CHOICE_METRICS,
    Generation: ("exact_match",),
    Continuation: ("acc", "logprob"),
    Text: ("byte_logprob", "word_logprob"),
}
METRICS = tuple(dict.fromkeys(metric for metrics in _METRICS.values() for metric in metrics))
# Of the whole set of items, not a mean over them.
CORPUS_METRICS = ("mcc", "f1", "byte_logprob", "word_logprob")
_RANGES = {"mcc": (-1.0, 1.0)} | {name: (-math.inf, 0.0) for name in METRICS if name.endswith("logprob")}


def range_of(metric: str) -> tuple[float, float]:
    """The smallest and the largest value a metric can take."""
    return _RANGES.get(metric, (0.0, 1.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemResult:
    """What a model said about one item.

    Args:
        loglikelihoods: Of every choice (of the one continuation, of the text), in nats; empty for generation.
        token_counts: Tokens that each log-likelihood is the sum of; empty for generation.
        text: What was generated, up to the first stop string; None for other items.
        truncated: Whether the prompt lost tokens on the left.
        greedy: Whether every token of a continuation was the likeliest one; None where nobody asked.
    """

    loglikelihoods: tuple[float, ...]
    token_counts: tuple[int, ...]
    text: str | None
    truncated: bool
    greedy: bool | None = None


def metrics_of(task: Task) -> tuple[str, ...]:
    """The metrics that are computed for the task's items: those of their kind, ``mcc`` and ``f1`` only if asked for.

    Raises:
        InputError: If items of different kinds are mixed, or the task's metric does not suit them.
    """
    kinds = {_METRICS[type(item)] for item in task.test}
    if len(kinds) > 1:
        raise InputError(
            f"the test items of task {task.name!r} must be of one kind: choices, generation, continuations or texts"
        )
    metrics = tuple(name for name in kinds.pop() if name not in ("mcc", "f1") or name == task.metric)
    chosen = [item for item in task.test if isinstance(item, MultipleChoice | ContextChoice)]
    if task.metric in ("mcc", "f1") and any(isinstance(item, MultipleChoice) and item.also for item in chosen):
        raise InputError(f"task {task.name}: {task.metric} needs items with one right choice", field="metric")
    if task.metric == "f1" and any(len(item.choices) != 2 for item in chosen):
        raise InputError(f"task {task.name}: f1 needs items of two choices", field="metric")
    return metrics


def item_values(task: Task, results: Sequence[ItemResult]) -> dict[str, Float[FloatArray, "items"]]:
    """Every metric that applies to the task, for each of its test items; the score is the mean.

    * ``acc``: 1 where the likeliest choice is right, the first of equals counting; of a continuation, 1 where each of
      its tokens is the likeliest.
    * ``acc_norm``: the same after dividing each log-likelihood by the choice's length in characters.
    * ``choice_logprob``: log-probability of the right choices among all choices, in nats, at most 0.
    * ``mcc``: Matthews's correlation of the likeliest choice's index with the right one's, in [-1, 1]; 0 where either
      never varies.
    * ``f1``: harmonic mean of precision and recall for the second of two choices; 0 where nobody ever takes it.
    * ``exact_match``: 1 where the generated text is one of the answers, compared as the task says.
    * ``logprob``: log-probability of the continuation, in nats: the harness's ``perplexity`` is exp(-score).
    * ``byte_logprob``, ``word_logprob``: of all texts together, log-probability per byte and per word, in nats: the
      harness's ``byte_perplexity`` and ``word_perplexity`` are exp(-score), its ``bits_per_byte`` -score / log 2.

    ``mcc``, ``f1``, ``byte_logprob`` and ``word_logprob`` are no means. The value of an item is the score plus the
    item's influence on it, so that the mean is the score exactly and the spread gives its standard error by the delta
    method.

    Source: influence values: Efron (1982), The Jackknife, the Bootstrap and Other Resampling Plans, section 6.3.
    """
    pairs = list(zip(task.test, results, strict=True))
    rows = [_values(task, item, result) for item, result in pairs]
    kept = metrics_of(task)
    values = {name: np.array([row[name] for row in rows]) for name in kept if name not in CORPUS_METRICS}
    chosen = [item for item in task.test if isinstance(item, MultipleChoice | ContextChoice)]
    if task.metric in ("mcc", "f1"):
        right = np.array([item.answer for item in chosen])
        taken = np.array([int(np.argmax(result.loglikelihoods)) for result in results])
        values[task.metric] = _matthews(right, taken) if task.metric == "mcc" else _f1(right, taken)
    texts = [item for item in task.test if isinstance(item, Text)]
    if texts:
        total = np.array([result.loglikelihoods[0] for result in results])
        values["byte_logprob"] = _ratio(total, np.array([item.bytes for item in texts], dtype=np.float64))
        values["word_logprob"] = _ratio(total, np.array([item.words for item in texts], dtype=np.float64))
    return {name: values[name] for name in kept}


def _values(task: Task, item: Item, result: ItemResult) -> dict[str, float]:
    """The metrics of one item that are means over items."""
    match item:
        case MultipleChoice() | ContextChoice():
            return choice_values(item, result.loglikelihoods)
        case Generation():
            return {"exact_match": float(is_exact_match(result.text or "", item.answers, task.exact_match))}
        case Continuation():
            return {"acc": float(bool(result.greedy)), "logprob": result.loglikelihoods[0]}
        case Text():
            return {}


def choice_values(item: MultipleChoice | ContextChoice, loglikelihoods: Sequence[float]) -> dict[str, float]:
    """``acc``, ``acc_norm`` and ``choice_logprob`` of one item."""
    scores = np.array(loglikelihoods, dtype=np.float64)
    lengths = np.array([len(choice) for choice in item.choices], dtype=np.float64)
    right = (item.answer, *item.also) if isinstance(item, MultipleChoice) else (item.answer,)
    return {
        "acc": float(np.argmax(scores) in right),
        "acc_norm": float(np.argmax(scores / lengths) in right),
        "choice_logprob": float(np.logaddexp.reduce(scores[list(right)]) - np.logaddexp.reduce(scores)),
    }


def _ratio(top: Float[FloatArray, "items"], bottom: Float[FloatArray, "items"]) -> Float[FloatArray, "items"]:
    """The ratio of two sums, plus every item's influence on it; 0 where the lower sum is 0."""
    if not np.sum(bottom):
        return np.zeros(len(top))
    ratio = np.sum(top) / np.sum(bottom)
    return _centred(float(ratio), (top - ratio * bottom) / np.mean(bottom))


def _f1(right: Int[IntArray, "items"], taken: Int[IntArray, "items"]) -> Float[FloatArray, "items"]:
    return _ratio((2 * right * taken).astype(np.float64), (right + taken).astype(np.float64))


def _matthews(right: Int[IntArray, "items"], taken: Int[IntArray, "items"]) -> Float[FloatArray, "items"]:
    """Matthews's correlation for any number of classes, plus every item's influence on it.

    Source: Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient, equation 8.
    """
    classes = int(max(right.max(), taken.max())) + 1
    truth = _shares(right, classes)
    said = _shares(taken, classes)
    spread_truth, spread_said = 1.0 - float(np.dot(truth, truth)), 1.0 - float(np.dot(said, said))
    if spread_truth <= 0.0 or spread_said <= 0.0:
        return np.zeros(len(right))
    same: FloatArray = np.equal(right, taken).astype(np.float64)
    agreed = float(np.mean(same)) - float(np.dot(truth, said))
    scale = math.sqrt(spread_truth * spread_said)
    gradient = same - truth[taken] - said[right] + agreed * (truth[right] / spread_truth + said[taken] / spread_said)
    return _centred(agreed / scale, gradient / scale)


def _shares(indices: Int[IntArray, "items"], classes: int) -> Float[FloatArray, "classes"]:
    return np.bincount(indices, minlength=classes).astype(np.float64) / len(indices)


def _centred(score: float, influence: Float[FloatArray, "items"]) -> Float[FloatArray, "items"]:
    """``score + influence`` with its mean put right to the last digit."""
    return score + (influence - np.mean(influence))


def is_exact_match(text: str, answers: Sequence[str], options: ExactMatch) -> bool:
    """Whether ``text`` is one of ``answers`` once both are cleaned as ``options`` say; only ``text`` is stripped."""
    given = text.strip() if options.strip else text
    for step in options.extract:
        given = _extracted(given, step)
    return _clean(given, options) in {_clean(answer, options) for answer in answers}


def _extracted(text: str, step: Extract) -> str:
    found: list[str | tuple[str, ...]] = re.findall(step.pattern, text)
    try:
        match = found[step.select]
    except IndexError:
        return step.fallback
    if isinstance(match, tuple):
        match = next((group for group in match if group), step.fallback)
    return match.strip()


def _clean(text: str, options: ExactMatch) -> str:
    for pattern in options.regexes_to_ignore:
        text = re.sub(pattern, "", text)
    if options.ignore_case:
        text = text.lower()
    if options.ignore_punctuation:
        text = text.translate(str.maketrans("", "", string.punctuation))
    if options.ignore_numbers:
        text = text.translate(str.maketrans("", "", string.digits))
    return text
