"""The one definition of every score: what is computed from what the model said about an item."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.errors import InputError
from headstart.tune.items import ContextChoice, ExactMatch, Generation, MultipleChoice, Task

_CHOICE_METRICS = ("acc", "acc_norm", "choice_logprob")
_GENERATION_METRICS = ("exact_match",)
METRICS = (*_CHOICE_METRICS, *_GENERATION_METRICS)


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemResult:
    """What a model said about one item.

    Args:
        loglikelihoods: Of every choice, in nats; empty for generation.
        token_counts: Tokens that each log-likelihood is the sum of; empty for generation.
        text: What was generated, up to the first stop string; None for choices.
        truncated: Whether the prompt lost tokens on the left.
    """

    loglikelihoods: tuple[float, ...]
    token_counts: tuple[int, ...]
    text: str | None
    truncated: bool


def metrics_of(task: Task) -> tuple[str, ...]:
    """The metrics that apply to the kind of the task's items.

    Raises:
        InputError: If generation items and multiple-choice items are mixed.
    """
    kinds = {isinstance(item, Generation) for item in task.test}
    if len(kinds) > 1:
        raise InputError(f"the test items of task {task.name!r} must be of one kind: all generation or all choices")
    return _GENERATION_METRICS if kinds == {True} else _CHOICE_METRICS


def item_values(task: Task, results: Sequence[ItemResult]) -> dict[str, Float[np.ndarray, "items"]]:
    """Every metric that applies to the task, for each of its test items; the score is the mean.

    * ``acc``: 1 where the likeliest choice is right, the first of equals counting.
    * ``acc_norm``: the same after dividing each log-likelihood by the choice's length in characters.
    * ``choice_logprob``: log-probability of the right choice among the choices, in nats, at most 0.
    * ``exact_match``: 1 where the generated text is one of the answers, compared as the task says.
    """
    pairs = list(zip(task.test, results, strict=True))
    values = {metric: np.zeros(len(pairs)) for metric in metrics_of(task)}
    for index, (item, result) in enumerate(pairs):
        if isinstance(item, Generation):
            values["exact_match"][index] = is_exact_match(result.text or "", item.answers, task.exact_match)
        else:
            for metric, value in choice_values(item, result.loglikelihoods).items():
                values[metric][index] = value
    return values


def choice_values(item: MultipleChoice | ContextChoice, loglikelihoods: Sequence[float]) -> dict[str, float]:
    """``acc``, ``acc_norm`` and ``choice_logprob`` of one item."""
    scores = np.array(loglikelihoods, dtype=np.float64)
    lengths = np.array([len(choice) for choice in item.choices], dtype=np.float64)
    return {
        "acc": float(np.argmax(scores) == item.answer),
        "acc_norm": float(np.argmax(scores / lengths) == item.answer),
        "choice_logprob": float(scores[item.answer] - np.logaddexp.reduce(scores)),
    }


def is_exact_match(text: str, answers: Sequence[str], options: ExactMatch) -> bool:
    """Whether ``text`` is one of ``answers`` once both are cleaned as ``options`` say; only ``text`` is stripped."""
    given = text.strip() if options.strip else text
    return _clean(given, options) in {_clean(answer, options) for answer in answers}


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
