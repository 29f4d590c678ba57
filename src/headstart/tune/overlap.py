"""How much of a task's test items stands in its train split, and how much of its validation items in the test split.

A model tuned on the answers it is tested on is measured by its memory. Two texts are the same to the letter, or once
case, the encoding of characters, punctuation and white space are put aside.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from headstart.errors import InputError
from headstart.tune.items import ContextChoice, Continuation, Generation, Item, MultipleChoice, Task, Text
from headstart.tune.plan import TaskSpec

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class SharedItem:
    """An item that stands in two splits.

    Args:
        row: Its number in the first split, counted from 1.
        other_row: The number of the first one like it in the other split.
        text: What it asks.
    """

    row: int
    other_row: int
    text: str


@dataclass(frozen=True, kw_only=True)
class SplitOverlap:
    """How many items of one split stand in another.

    Args:
        split, other: Their names.
        n_items: Items of ``split``.
        exact: Items whose question and right answer stand in ``other``, to the letter.
        normalised: The same, put in lower case without punctuation; never fewer.
        same_question: Items whose normalised question stands in ``other``, whatever its answer there.
        examples: The first few, by normalised text.
    """

    split: str
    other: str
    n_items: int
    exact: int
    normalised: int
    same_question: int
    examples: tuple[SharedItem, ...]

    @property
    def share(self) -> float:
        """Share of the split's items that stand in the other by normalised text, in [0, 1]."""
        return self.normalised / self.n_items


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """The overlaps of a task's splits.

    Args:
        test: Test items that stand in the train split.
        validation: Validation items that stand in the test split; None without such a split.
    """

    test: SplitOverlap
    validation: SplitOverlap | None


def measure_overlap(task: Task) -> Overlap:
    """How many items the splits of a task share; examples in front of the questions are left out."""
    task = task.zero_shot or task
    validation = None
    if task.validation:
        validation = _overlap("validation", task.validation, "test", task.test)
    return Overlap(test=_overlap("test", task.test, "train", task.train), validation=validation)


def check_overlap(spec: TaskSpec, overlap: Overlap) -> None:
    """Refuse a task whose train split gives away too much of its test split, unless the plan allows it by name.

    What validation and test share is reported only: a choice is never made on it (``unseen_validation``).

    Raises:
        InputError: If the share is larger than ``spec.overlap_threshold``, with the first item that is shared.
    """
    found = overlap.test
    if spec.allow_overlap or found.share <= spec.overlap_threshold:
        return
    first = found.examples[0]
    text = first.text if len(first.text) <= 80 else first.text[:77] + "..."
    raise InputError(
        f"task {spec.name}: {found.normalised} of {found.n_items} test items ({found.share:.1%}) stand in the train "
        f"split too ({found.exact} to the letter), more than overlap_threshold = {spec.overlap_threshold:g}; the first "
        f"is test item {first.row}, train item {first.other_row}: {text!r}. Take them out of the train split, or say "
        "allow_overlap = true for this task",
        file=spec.test,
        field="overlap_threshold",
    )


def unseen_validation(task: Task) -> tuple[Item, ...]:
    """The validation items that stand in no test item, by normalised question and answer: what may be chosen on."""
    shown = task.zero_shot or task
    test = {_normalised(item) for item in shown.test}
    return tuple(
        item for item, bare in zip(task.validation, shown.validation, strict=True) if _normalised(bare) not in test
    )


def normalise(text: str) -> str:
    """``text`` in lower case, compatible characters made one, punctuation and white space made single spaces.

    Symbols such as ``+`` stay, as do the vowel signs of many scripts. A text of nothing but punctuation is left alone.

    >>> normalise("  The ﬁrst – “open”… ")
    'the first open'
    """
    folded = text.lower() if text.isascii() else _decomposed(_decomposed(text).casefold())
    return " ".join(folded.translate(_BLANKS).split()) or text


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


class _Blanks(dict[int, int | str]):
    """What ``str.translate`` makes of a character: a space of punctuation, separators and control characters."""

    def __missing__(self, code: int) -> int | str:
        self[code] = " " if unicodedata.category(chr(code))[0] in "PZC" else code
        return self[code]


_BLANKS = _Blanks()


def _overlap(split: str, items: Sequence[Item], other: str, others: Sequence[Item]) -> SplitOverlap:
    exact = {_parts(item) for item in others}
    questions: set[str] = set()
    rows: dict[tuple[str, str], int] = {}
    for row, item in enumerate(others, start=1):
        key = _normalised(item)
        questions.add(key[0])
        rows.setdefault(key, row)
    keys = [_normalised(item) for item in items]
    shared = [(row, rows[key]) for row, key in enumerate(keys, start=1) if key in rows]
    return SplitOverlap(
        split=split,
        other=other,
        n_items=len(items),
        exact=sum(_parts(item) in exact for item in items),
        normalised=len(shared),
        same_question=sum(key[0] in questions for key in keys),
        examples=tuple(
            SharedItem(row=row, other_row=other_row, text=" ".join(_parts(items[row - 1])).strip())
            for row, other_row in shared[:_EXAMPLES]
        ),
    )


def _normalised(item: Item) -> tuple[str, str]:
    question, answer = _parts(item)
    return normalise(question), normalise(answer)


def _parts(item: Item) -> tuple[str, str]:
    """What is asked and what is right; the order of the choices is no part of it."""
    match item:
        case MultipleChoice():
            return item.context, item.choices[item.answer]
        case ContextChoice():
            return "\n".join([*sorted(item.contexts), item.continuation]), item.contexts[item.answer]
        case Generation():
            return item.prompt, item.answers[0]
        case Continuation():
            return item.context, item.continuation
        case Text():
            return item.text, ""
