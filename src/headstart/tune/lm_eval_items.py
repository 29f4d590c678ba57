# pyright: basic
"""Rows of a task of lm-evaluation-harness as items, taken from the requests that the harness itself builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from headstart.errors import InputError
from headstart.tune.items import (
    ContextChoice,
    Continuation,
    Generation,
    Item,
    MultipleChoice,
    Text,
    notes_on,
)

_LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_DEFAULT_LENGTH = 256  # the harness's own
_GREEDY = {"until", "do_sample", "temperature", *_LENGTHS}


def harness_items(task: Any, docs: Any, *, place: str, indices: Sequence[int], aside: bool) -> tuple[Item, ...]:
    """One item per row that is asked for.

    Args:
        task: A ``ConfigurableTask`` whose few-shot sampler is seeded.
        docs: Rows of a split.
        place: What to call the split in complaints.
        indices: Which rows, ascending, from 0.
        aside: Whether a row must be kept out of the examples in front of its own question, which the harness does by
            itself only for the split it tests on.

    Raises:
        InputError: If a row cannot be asked or lacks its answer; names its number, counted from 1.
    """
    found: list[Item] = []
    for index in indices:
        row, doc = index + 1, docs[index]
        try:
            with _kept_out_of_its_examples(task, doc, aside and task.config.num_fewshot > 0):
                found.append(_item(task, doc))
        except InputError as error:
            raise error.located(file=place, row=row) from None
        except Exception as error:  # of any kind: templates and functions of the task
            reason = str(error).partition("\n")[0]
            raise InputError(f"cannot be asked: {type(error).__name__}: {reason}", file=place, row=row) from error
    return tuple(found)


def item_notes(splits: Mapping[str, Sequence[Item]], *, stripped: bool) -> tuple[str, ...]:
    """What a reader should know about the items of a published task, which nobody here can mend."""
    notes = list(notes_on(splits))
    for split, items in splits.items():
        chosen = [item for item in items if isinstance(item, MultipleChoice | ContextChoice)]
        doubled = sum(len(set(item.choices)) < len(item.choices) for item in chosen)
        if doubled:
            notes.append(f"{doubled} of {len(items)} items of the {split} split offer the same choice twice.")
        lost = sum(isinstance(item, Generation) and not _can_be_given(item, stripped) for item in items)
        if lost:
            notes.append(f"{lost} of {len(items)} items of the {split} split have an answer that nobody can give.")
    first = splits["test"][0]
    if isinstance(first, Generation) and not stripped and first.delimiter[:1].isspace():
        notes.append("Answers are compared with the white space in front of them, as the task has no filter for it.")
    return tuple(notes)


def _can_be_given(item: Generation, stripped: bool) -> bool:
    """Whether the first answer survives the stop texts and, if it is done, the dropping of white space."""
    answer = item.answers[0]
    return not any(stop in answer for stop in item.stop if stop) and not (stripped and answer != answer.strip())


def _item(task: Any, doc: Any) -> Item:
    context = task.fewshot_context(doc, num_fewshot=task.config.num_fewshot, gen_prefix=task.doc_to_prefix(doc))
    requests = task.construct_requests(doc=doc, ctx=context, metadata=(task.config.task, 0, 1))
    if task.OUTPUT_TYPE == "generate_until":
        return _generation(task, doc, *requests.args)
    if task.OUTPUT_TYPE == "loglikelihood":
        return _continuation(*requests.args)
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        return _text(task, doc, *requests.args)
    choices = tuple(task.doc_to_choice(doc))
    if len(choices) < 2:
        raise InputError(f"choices must be at least 2, got {len(choices)}")
    for at, choice in enumerate(choices):
        if not choice.strip():
            raise InputError(f"a choice must not be blank, got {choice!r}", field=f"choices[{at}]")
    # behind the choices come the same without a context, if the task asks for acc_mutual_info too
    asked = [request.args for request in requests[: len(choices)]]
    if not task.multiple_input:
        gold = task.doc_to_target(doc)
        # whether a list means several right choices is decided by the harness on the first row
        right = [_right(one, choices) for one in (gold if task.multiple_target and isinstance(gold, list) else [gold])]
        if not right:
            raise InputError("the answers must be at least one choice, got none")
        return MultipleChoice(
            context=asked[0][0],
            continuations=tuple(continuation for _, continuation in asked),
            answer=right[0],
            choices=choices,
            also=tuple(dict.fromkeys(one for one in right if one != right[0])),
        )
    if not asked[0][1].strip():
        raise InputError(f"the continuation must not be blank, got {asked[0][1]!r}")
    return ContextChoice(
        contexts=tuple(context for context, _ in asked),
        continuation=asked[0][1],
        answer=_right(task.doc_to_text(doc), choices),
        choices=choices,
    )


def _continuation(context: str, continuation: Any) -> Continuation:
    if not isinstance(continuation, str) or not continuation.strip():
        raise InputError(f"the continuation must be a text that is not blank, got {continuation!r}")
    return Continuation(context=context, continuation=continuation)


def _text(task: Any, doc: Any, text: Any) -> Text:
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"the text must not be blank, got {text!r}")
    lengths = _lengths(task, doc)
    if min(lengths.values(), default=0) <= 0:
        raise InputError(f"its words and bytes must be counted, got {lengths}")
    words, size = lengths.get("word_perplexity"), lengths.get("byte_perplexity", lengths.get("bits_per_byte"))
    return Text(text=text, words=words or task.count_words(text), bytes=size or task.count_bytes(text))


def _lengths(task: Any, doc: Any) -> dict[str, int]:
    """What the harness divides the log-likelihood of a text by: tasks may count before they clean the text."""
    found = task.process_results(doc, (-1.0,))
    if not all(isinstance(value, tuple) and len(value) == 2 and value[0] == -1.0 for value in found.values()):
        raise InputError("its scores must be a log-likelihood over a length")
    return {name: int(length) for name, (_, length) in found.items()}


def _right(gold: Any, choices: tuple[str, ...]) -> int:
    """Index of the right choice, which the harness takes as an index or as the text of a choice."""
    if isinstance(gold, str) and gold in choices:
        return choices.index(gold)
    if isinstance(gold, int) and 0 <= gold < len(choices):
        return int(gold)
    raise InputError(f"the answer must be one of the {len(choices)} choices, got {gold!r}")


def _generation(task: Any, doc: Any, prompt: str, how: dict[str, Any]) -> Generation:
    sampled = how.get("do_sample", float(how.get("temperature") or 0) > 0)
    odd = sorted(how.keys() - _GREEDY)
    if sampled or odd:
        raise InputError(f"answers must be generated greedily, got {', '.join(odd) or 'sampling'}")
    until = how.get("until") or []
    answers = _answers(task, doc)
    prefix = task.doc_to_prefix(doc)
    return Generation(
        prompt=prompt,
        answers=answers,
        delimiter=_behind_prefix(prefix, answers[0]) if prefix else task.config.target_delimiter,
        stop=(until,) if isinstance(until, str) else tuple(until),
        max_tokens=next((int(how[key]) for key in _LENGTHS if how.get(key) is not None), _DEFAULT_LENGTH),
    )


def _answers(task: Any, doc: Any) -> tuple[str, ...]:
    gold = task.doc_to_target(doc)
    if task.config.doc_to_choice is not None:
        gold = task.doc_to_choice(doc)[gold]
    elif task.multiple_target:  # decided by the harness on the first row
        if not isinstance(gold, list) or not gold:
            raise InputError(f"the answers must be a non-empty list, as in the first item, got {gold!r}")
        return tuple(str(one) for one in gold)
    if not str(gold).strip():
        raise InputError(f"the answer must not be blank, got {gold!r}")
    return (str(gold),)


def _behind_prefix(prefix: str, answer: str) -> str:
    """What the harness puts between the beginning of an answer and the answer, in its examples."""
    return "" if prefix[-1].isspace() or answer[0].isspace() else " "


@contextmanager
def _kept_out_of_its_examples(task: Any, doc: Any, wanted: bool):
    if not wanted:
        yield
        return
    sampler = task.sampler
    task.sampler = SimpleNamespace(sample=lambda n, eval_doc=None: sampler.sample(n, eval_doc=doc))
    try:
        yield
    finally:
        task.sampler = sampler
