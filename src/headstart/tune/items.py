"""Items of a task: what is asked, what is right, and the text a model is tuned on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class MultipleChoice:
    """One context, several continuations.

    Args:
        context: The prompt.
        continuations: One text per choice, delimiter included.
        answer: Index of the right one; of several, the one that is tuned on.
        choices: The bare choices, whose lengths in characters normalise ``acc_norm``.
        also: Indices of further choices that count as right.
    """

    context: str
    continuations: tuple[str, ...]
    answer: int
    choices: tuple[str, ...]
    also: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextChoice:
    """Several contexts, one continuation (Winogrande-like): the right context makes it likeliest.

    Args:
        contexts: One prompt per choice.
        continuation: The shared text, delimiter included.
        answer: Index of the right context.
        choices: The bare choices, whose lengths in characters normalise ``acc_norm``.
    """

    contexts: tuple[str, ...]
    continuation: str
    answer: int
    choices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """A prompt and the answers that count as right.

    Args:
        prompt: The prompt.
        answers: Accepted texts, delimiter not included; the first is tuned on.
        delimiter: Put between prompt and answer when tuning.
        stop: Strings that end the answer; the first is tuned on behind it.
        max_tokens: Longest answer.
    """

    prompt: str
    answers: tuple[str, ...]
    delimiter: str = " "
    stop: tuple[str, ...] = ("\n",)
    max_tokens: int = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Continuation:
    """A context and the one text that should follow it (LAMBADA-like): how likely is it, and is it the likeliest?

    Args:
        context: The prompt; may be empty.
        continuation: The text that should follow, delimiter included.
    """

    context: str
    continuation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A whole text, read from its first token to its last (perplexity).

    Args:
        text: What is read.
        words, bytes: The lengths its log-likelihood is divided by, ``> 0``. Tasks may count them before they clean the
            text.
    """

    text: str
    words: int
    bytes: int


Item = MultipleChoice | ContextChoice | Generation | Continuation | Text


@dataclass(frozen=True, kw_only=True, slots=True)
class Extract:
    """Take a part of a generated answer (filter ``regex`` of lm-evaluation-harness).

    Args:
        pattern: Regular expression; of one with groups, the first group that matched something is taken.
        select: Which of all matches is taken; -1 for the last.
        fallback: Taken where nothing matches.
    """

    pattern: str
    select: int = 0
    fallback: str = "[invalid]"


@dataclass(frozen=True, kw_only=True)
class ExactMatch:
    """How a generated answer is compared (options of lm-evaluation-harness's ``exact_match``).

    Args:
        strip: Whether white space around it is dropped first; the harness does so only if a task asks for it.
        extract: Parts to take from it then, one after the other, before it is compared.
    """

    strip: bool = True
    extract: tuple[Extract, ...] = ()
    ignore_case: bool = False
    ignore_punctuation: bool = False
    ignore_numbers: bool = False
    regexes_to_ignore: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Task:
    """The items of a task.

    Args:
        name: As it appears in the trajectories.
        metric: Name of the score; one of ``headstart.tune.metrics.METRICS``.
        train, validation, test: Items of each split.
        sources: For every split the digest of what it was read from (SHA-256), for sealing.
        exact_match: For generation tasks.
        notes: What a reader of the scores should know, in full sentences.
        zero_shot: The same items without the examples in front of each, if there are some: what overlap is measured on.
    """

    name: str
    metric: str
    train: tuple[Item, ...]
    test: tuple[Item, ...]
    validation: tuple[Item, ...] = ()
    sources: dict[str, str] = field(default_factory=dict[str, str])
    exact_match: ExactMatch = ExactMatch()
    notes: tuple[str, ...] = ()
    zero_shot: Task | None = None


def item_fields(item: Item) -> dict[str, object]:
    """An item as plain data, for digests; ``also`` only where it says something, so that older digests stay."""
    fields: dict[str, object] = {"kind": type(item).__name__, **asdict(item)}
    return fields if fields.get("also") else {key: value for key, value in fields.items() if key != "also"}


def notes_on(splits: Mapping[str, Sequence[Item]]) -> tuple[str, ...]:
    """Traps in the items of a task that are no errors."""
    found: list[str] = []
    for split, items in splits.items():
        places = {item.answer for item in items if isinstance(item, MultipleChoice | ContextChoice)}
        if len(places) == 1 and len(items) > 1:
            found.append(
                f"Every right answer of the {split} split stands at index {places.pop()}: "
                "a model can learn or prefer the place instead of the answer."
            )
    return tuple(found)
