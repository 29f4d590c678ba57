# pyright: basic
"""From the text of an item to tokens: one splitting and one truncation, for tuning and for testing.

The splitting is that of lm-evaluation-harness, whose scores have to be met. Nothing here needs torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from headstart.errors import InputError
from headstart.tune.items import ContextChoice, Continuation, Generation, Item, MultipleChoice, Text

# What a chat template that prints today's date prints where nobody said which day that is.
_SOME_DAY = "2025-01-01"
_DATE_IN_TEMPLATE = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")

if TYPE_CHECKING:
    from headstart.tune.models import LoadedModel
    from headstart.tune.plan import Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A prompt and what follows it.

    The last token is only ever predicted, never read, so there may be one more token than the model's longest input.

    Args:
        tokens: Prompt, then completion; at most ``max_length + 1``.
        prompt_tokens: How many of them are the prompt.
        truncated: Whether tokens were dropped on the left.
    """

    tokens: tuple[int, ...]
    prompt_tokens: int
    truncated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many items there are, how many of them lose tokens on the left, and how long they are.

    Args:
        items: Number of items.
        truncated: Items that lose tokens on the left.
        longest: Most tokens of an item with one of its completions, or of a window of a text.
        targets: Most tokens of a completion.
    """

    items: int
    truncated: int
    longest: int = 0
    targets: int = 0


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Turns items into tokens.

    Args:
        tokenizer: Of the model.
        chat_template: Whether the prompt becomes a user's message in the tokenizer's chat template. The completion then
            follows without its delimiter, as in lm-evaluation-harness: the template ends where the answer begins.
        max_length: Longest input in tokens, ``> 0``.
        truncation: ``error`` refuses an item that is longer; ``left`` drops its first tokens.
        template_date: Day that a template is given which asks for today's: a run must not depend on the day it is
            continued.
    """

    tokenizer: Any
    chat_template: bool
    max_length: int
    truncation: Literal["error", "left"]
    template_date: str | None = None

    def pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Tokens of the context (wrapped in the chat template, if asked) and of the continuation, nothing truncated."""
        return self.pairs([(context, continuation)])[0]

    def pairs(self, texts: Sequence[tuple[str, str]]) -> list[tuple[list[int], list[int]]]:
        """``pair`` of many at once, which is many times faster.

        Spaces at the end of a context go to the continuation, where tokenizers want them. The continuation's tokens are
        those of the whole text behind as many as the context has alone. An empty context is the tokenizer's start (or
        end) token.
        """
        wrapped = {context: self._wrap(context) for context, _ in texts}
        moved = [_move_spaces(wrapped[context], continuation) for context, continuation in texts]
        strings = list(dict.fromkeys(context for context, _ in moved if context))
        alone = dict(zip(strings, self._encode(strings), strict=True))
        wholes = self._encode([context + continuation for context, continuation in moved if context])
        bare = self._encode([continuation for context, continuation in moved if not context], special_tokens=False)
        whole, unconditional = iter(wholes), iter(bare)
        return [
            (alone[context], next(whole)[len(alone[context]) :]) if context else self._behind_start(next(unconditional))
            for context, _ in moved
        ]

    def choices(self, items: Sequence[MultipleChoice | ContextChoice | Continuation]) -> list[tuple[Example, ...]]:
        """For every item one example per choice, as they are scored; a continuation is the only choice.

        Raises:
            InputError: If an item is too long, or a continuation has no tokens; names the item.
        """
        texts = [self._choice_texts(item) for item in items]
        pairs = iter(self.pairs([text for of_item in texts for text in of_item]))
        return [
            tuple(self._example(*next(pairs), room=self.max_length, row=row) for _ in of_item)
            for row, of_item in enumerate(texts, start=1)
        ]

    def prompts(self, items: Sequence[Generation]) -> list[Example]:
        """The prompts of generation items, with room left for the longest answer; no completion.

        Raises:
            InputError: If a prompt is too long or empty; names the item.
        """
        encoded = self._encode([self._wrap(item.prompt) for item in items])
        return [
            self._prompt(tokens, item.max_tokens, row=row)
            for row, (tokens, item) in enumerate(zip(encoded, items, strict=True), start=1)
        ]

    def windows(self, items: Sequence[Text]) -> list[tuple[Example, ...]]:
        """For every text the pieces it is scored in: each token once, behind as many as fit.

        Raises:
            InputError: If a text has no tokens; names the item.
        """
        encoded = self._encode([item.text for item in items])
        return [tuple(self._windows(tokens, row)) for row, tokens in enumerate(encoded, start=1)]

    def training_example(self, item: Item) -> Example:
        """Prompt and right completion, split and truncated as in scoring.

        Raises:
            InputError: If the item is too long, or its completion has no tokens.
        """
        if isinstance(item, Continuation):
            return self.choices([item])[0][0]
        if isinstance(item, Text):
            (tokens,) = self._encode([item.text])
            return self._example([self._start()], tokens[: self.max_length], room=self.max_length, row=None)
        if not isinstance(item, Generation):
            return self.choices([item])[0][item.answer]
        return self._generation_example(item, self.pair(*self._generation_text(item)), row=None)

    def check(self, items: Sequence[Item]) -> Counts:
        """Count the items that are truncated, in tuning or in testing.

        Raises:
            InputError: If an item is too long although nothing may be truncated, or a completion has no tokens; ``row``
                is the item's number, counted from 1.
        """
        texts = [item for item in items if isinstance(item, Text)]
        # Never truncated; one without tokens is found here.
        seen = [window for windows in self.windows(texts) for window in windows]
        rows = {True: list[int](), False: list[int]()}
        for row, item in enumerate(items, start=1):
            rows[isinstance(item, Generation)].append(row)
        chosen = [item for item in items if not isinstance(item, Generation | Text)]
        asked = [item for item in items if isinstance(item, Generation)]
        try:
            choices = self.choices(chosen)
            truncated = sum(any(one.truncated for one in of_item) for of_item in choices)
            seen += [one for of_item in choices for one in of_item]
        except InputError as error:
            raise _renumbered(error, rows[False]) from None
        try:
            pairs = self.pairs([self._generation_text(item) for item in asked])
            for prompt, item, pair, row in zip(
                self.prompts(asked), asked, pairs, range(1, len(asked) + 1), strict=True
            ):
                example = self._generation_example(item, pair, row=row)
                truncated += prompt.truncated or example.truncated
                seen.append(example)
        except InputError as error:
            raise _renumbered(error, rows[True]) from None
        return Counts(
            items=len(items),
            truncated=truncated,
            longest=max((len(one.tokens) for one in seen), default=0),
            targets=max((len(one.tokens) - one.prompt_tokens for one in seen), default=0),
        )

    def _choice_texts(self, item: MultipleChoice | ContextChoice | Continuation) -> list[tuple[str, str]]:
        if isinstance(item, Continuation):
            return [(item.context, item.continuation)]  # as it is, whatever is in front, as in the harness
        if isinstance(item, ContextChoice):
            continuation = item.continuation.lstrip() if self.chat_template else item.continuation
            return [(context, continuation) for context in item.contexts]
        if not self.chat_template:
            return [(item.context, continuation) for continuation in item.continuations]
        return [
            (item.context, choice if continuation.endswith(choice) else continuation)
            for continuation, choice in zip(item.continuations, item.choices, strict=True)
        ]

    def _generation_text(self, item: Generation) -> tuple[str, str]:
        delimiter = "" if self.chat_template else item.delimiter
        return item.prompt, delimiter + item.answers[0] + (item.stop[0] if item.stop else "")

    def _generation_example(self, item: Generation, pair: tuple[list[int], list[int]], row: int | None) -> Example:
        """The prompt cut as in scoring, and the answer behind it."""
        prompt = self._prompt(pair[0], item.max_tokens, row=row)
        example = self._example(list(prompt.tokens), pair[1], room=self.max_length, row=row)
        return Example(
            tokens=example.tokens,
            prompt_tokens=example.prompt_tokens,
            truncated=prompt.truncated or example.truncated,
        )

    def _windows(self, tokens: list[int], row: int) -> Iterator[Example]:
        if not tokens:
            raise InputError("a text must have at least one token, got none", row=row)
        stream, size = [self._start(), *tokens], self.max_length
        for done in range(0, len(tokens), size):
            end = min(done + size, len(tokens))
            piece = stream[max(0, end - size) : end + 1]
            yield Example(tokens=tuple(piece), prompt_tokens=len(piece) - (end - done), truncated=False)

    def _prompt(self, tokens: list[int], max_tokens: int, row: int | None) -> Example:
        room = self.max_length - max_tokens
        if room < 1:
            raise InputError(
                f"max_tokens must leave room for the prompt, got {max_tokens} of {self.max_length} tokens", row=row
            )
        if not tokens:
            raise InputError("the prompt must not be empty", row=row)
        if len(tokens) > room:
            self._refuse_or_cut(f"{len(tokens)} tokens and an answer of up to {max_tokens}", row)
        kept = tokens[-room:]
        return Example(tokens=tuple(kept), prompt_tokens=len(kept), truncated=len(tokens) > room)

    def _example(self, context: list[int], continuation: list[int], *, room: int, row: int | None) -> Example:
        if not continuation:
            raise InputError("a completion must have at least one token, got none", row=row)
        if len(continuation) > room:
            raise InputError(f"a completion must fit into {room} tokens, got {len(continuation)}", row=row)
        tokens = [*context, *continuation]
        if len(tokens) > room + 1:
            self._refuse_or_cut(f"{len(tokens)} tokens", row)
        kept = tokens[-(room + 1) :]
        return Example(
            tokens=tuple(kept), prompt_tokens=len(kept) - len(continuation), truncated=len(tokens) > len(kept)
        )

    def _refuse_or_cut(self, found: str, row: int | None) -> None:
        if self.truncation == "error":
            raise InputError(
                f"an item must fit into {self.max_length} tokens, got {found}: shorten it, raise max_length, or set "
                'truncation = "left" to drop the first tokens in tuning and in testing',
                row=row,
            )

    def _wrap(self, context: str) -> str:
        if not self.chat_template:
            return context
        return self.tokenizer.apply_chat_template(
            [{"role": "user", "content": context}],
            chat_template=_dated(self.tokenizer.get_chat_template(), self.template_date or _SOME_DAY),
            tokenize=False,
            add_generation_prompt=True,
        )

    def _encode(self, strings: Sequence[str], *, special_tokens: bool | None = None) -> list[list[int]]:
        """Tokens with the tokenizer's own special ones, but no second start token on a text that has one already."""
        encoded: dict[str, list[int]] = {}
        start = self._start_text()
        for started in (False, True):
            some = list(dict.fromkeys(s for s in strings if (start is not None and s.startswith(start)) == started))
            if some:
                add = special_tokens if special_tokens is not None else not started
                ids = self.tokenizer(some, add_special_tokens=add, return_attention_mask=False, verbose=False)
                encoded |= zip(some, ids["input_ids"], strict=True)
        return [encoded[string] for string in strings]

    def _start_token(self) -> int | None:
        start = self.tokenizer.bos_token_id
        return self.tokenizer.eos_token_id if start is None else start

    def _start(self) -> int:
        start = self._start_token()
        if start is None:
            raise InputError("a text begins behind a start or end token, and the tokenizer has neither")
        return start

    def _start_text(self) -> str | None:
        start = self._start_token()
        return None if start is None else self.tokenizer.decode([start])

    def _behind_start(self, continuation: list[int]) -> tuple[list[int], list[int]]:
        start = self._start_token()
        if start is None:
            raise InputError("the context must not be empty: the tokenizer has neither a start nor an end token")
        if continuation[:1] == [start]:
            return continuation[:1], continuation[1:]
        return [start], continuation


def encoder_for(loaded: LoadedModel, recipe: Recipe) -> Encoder:
    """The encoder of a model under a recipe: sequences no longer than the model's window."""
    return Encoder(
        tokenizer=loaded.tokenizer,
        chat_template=loaded.spec.chat_template,
        max_length=min(loaded.window, recipe.max_length or loaded.window),
        truncation=recipe.truncation,
        template_date=loaded.spec.template_date,
    )


def prints_date(tokenizer: Any) -> bool:
    """Whether the tokenizer's chat template asks for today's date."""
    return bool(_DATE_IN_TEMPLATE.search(tokenizer.get_chat_template()))


def _move_spaces(context: str, continuation: str) -> tuple[str, str]:
    kept = context.rstrip()
    return kept, context[len(kept) :] + continuation


def _renumbered(error: InputError, rows: list[int]) -> InputError:
    """The same complaint under the number that the item has among all."""
    return InputError(error.message, row=None if error.row is None else rows[error.row - 1])


def _dated(template: str, day: str) -> str:
    """Calls of ``strftime_now`` in a chat template as the text they stand for; transformers takes no such function."""
    return _DATE_IN_TEMPLATE.sub(lambda call: repr(datetime.fromisoformat(day).strftime(call.group(2))), template)
