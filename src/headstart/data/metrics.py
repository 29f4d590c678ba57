"""Scores of which less is better are refused: every ranking here takes more for better."""

from __future__ import annotations

import re

from headstart.data.columns import Line, complaint

_WORDS = frozenset(
    (
        *("brier", "perplexity", "perplexities", "ppl", "wer", "cer", "loss", "losses", "nll", "bpb", "bpc"),
        *("mse", "rmse", "mae", "error", "errors", "err", "ece", "crossentropy"),
    )
)
_PHRASES = ("bits_per_byte", "bits_per_character", "bits_per_token", "cross_entropy", "log_loss", "error_rate")
_TURNED = frozenset(["neg", "negative", "minus", "inverse", "inverted", "skill", "correction", "detection"])
"""Words that say that the score was turned round, or that the other word is not what is measured."""


def less_is_better(name: str, *, whole: bool = True) -> bool:
    """Whether the name of a metric says that less of it is better.

    Args:
        name: Of a metric, or of a benchmark.
        whole: Look at all words of the name; otherwise at its last ones, as for a benchmark, which may be about errors.

    >>> less_is_better("word_perplexity"), less_is_better("neg_log_loss"), less_is_better("acc")
    (True, False, False)
    >>> less_is_better("error_spotting", whole=False), less_is_better("wikitext-ppl", whole=False)
    (False, True)
    """
    words = [word for word in re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()) if word]
    if not words or _TURNED.intersection(words):
        return False
    joined = "_".join(words)
    if whole:
        return bool(_WORDS.intersection(words)) or any(phrase in joined for phrase in _PHRASES)
    return words[-1] in _WORDS or joined.endswith(_PHRASES)


def check_more_is_better(
    name: str, what: str, *, source: str | None, line: Line | None = None, field: str | None = None, whole: bool = True
) -> None:
    """Refuse a metric of which less is better by its name, with what to do instead.

    Raises:
        InputError: If it is one.
    """
    if less_is_better(name, whole=whole):
        message = (
            f"{what} must be one of which more is better, got {name!r}; turn it round before the audit (such as "
            "1 - error, or minus the perplexity with its own score range) and give it another name, or read it with "
            "flip=yes"
        )
        raise complaint(message, source=source, line=line, field=field)
