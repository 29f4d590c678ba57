"""What the tasks share: items, wrong choices that give nothing away, and comparing texts. Standard library only."""

import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CHOICES = 4


@dataclass(frozen=True, kw_only=True)
class Item:
    """One question, in the shape that `headstart tune` reads from JSON lines.

    Attributes:
        context: The prompt.
        choices: Four bare completions; the plan's delimiter comes between prompt and completion.
        answer: Index of the right one.
    """

    context: str
    choices: tuple[str, ...]
    answer: int


def make_item(
    context: str,
    right: str,
    pool: Sequence[str],
    rng: random.Random,
    *,
    fits: Callable[[str], bool] = lambda wrong: True,
) -> Item:
    """Ask one question, with wrong choices drawn from `pool`, the right answers of all items.

    Each text is therefore a right and a wrong choice about equally often, and preferring frequent ones does not pay.

    Args:
        fits: Whether a text may be a wrong choice here.
    """
    choices = [right]
    while len(choices) < CHOICES:
        wrong = rng.choice(pool)
        # A text that begins another ("Guinea", "Guinea-Bissau") could never score below it.
        if fits(wrong) and not any(wrong.startswith(other) or other.startswith(wrong) for other in choices):
            choices.append(wrong)
    rng.shuffle(choices)
    return Item(context=context, choices=tuple(choices), answer=choices.index(right))


def normalise(text: str) -> str:
    """Lower-case letters and digits only, accents removed: "São Tomé" and "sao tome" are the same."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())
