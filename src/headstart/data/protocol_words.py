"""The words under which tables tell scores of direct evaluation from scores after tuning."""

from __future__ import annotations

from typing import Literal

Level = Literal[0, 1]
"""0: direct evaluation; 1: after tuning."""

Kind = Literal["score", "stderr"]

WORDS: dict[str, Level] = {
    "direct": 0,
    "direct_eval": 0,
    "direct_evaluation": 0,
    "before": 0,
    "untuned": 0,
    "tuned": 1,
    "train_before_test": 1,
    "tune_before_test": 1,
    "after": 1,
}
_ENDS = ("_score", "_stderr")


def level_of(word: object) -> Level | None:
    """Which of the two a word stands for; blanks, hyphens and case do not matter.

    >>> level_of("Train-before-test"), level_of("direct"), level_of("500")
    (1, 0, None)
    """
    return WORDS.get(_plain(word)) if isinstance(word, str) else None


def level_column_of(name: str) -> tuple[Kind, Level] | None:
    """What a column of a wide table holds, such as ``direct``, ``tuned_score`` or ``direct_stderr``.

    >>> level_column_of("train_before_test_stderr"), level_column_of("stderr")
    (('stderr', 1), None)
    """
    word = _plain(name)
    kind: Kind = "stderr" if word.endswith("_stderr") else "score"
    for end in _ENDS:
        word = word.removesuffix(end)
    level = WORDS.get(word)
    return None if level is None else (kind, level)


def _plain(word: str) -> str:
    return "_".join(word.strip().lower().replace("-", " ").replace("_", " ").split())
