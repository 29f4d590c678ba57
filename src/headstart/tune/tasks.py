"""The items of a task: from files of one's own, or as lm-evaluation-harness asks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from headstart.errors import InputError
from headstart.tune.item_files import Record, read_records
from headstart.tune.items import ContextChoice, Generation, Item, MultipleChoice, Task
from headstart.tune.plan import TaskSpec


def load_task(spec: TaskSpec) -> Task:
    """The items of every split of a task, checked.

    Local files hold one item a row, as JSON lines or Parquet; other keys than these are left alone:

    * ``multiple_choice``: ``context`` (or ``question``), ``choices``, ``answer`` (index of the right one)
    * ``context_choice``: ``contexts``, ``continuation``, ``answer`` (index of the right context)
    * ``generation``: ``prompt`` (or ``question``), ``answer`` or ``answers``

    Raises:
        InputError: If a split is empty or an item is bad, with file, row and field.
    """
    if spec.kind == "lm_eval":
        from headstart.tune.lm_eval_tasks import load_lm_eval_task  # here: the harness is an extra

        return load_lm_eval_task(spec)
    splits: dict[str, tuple[Item, ...]] = {}
    sources: dict[str, str] = {}
    limits = {"train": spec.train_limit, "validation": None, "test": spec.test_limit}
    for split, path in (("train", spec.train), ("validation", spec.validation), ("test", spec.test)):
        if path is not None:
            records, sources[split] = read_records(path)
            splits[split] = tuple(_item(spec, record) for record in islice(records, limits[split]))
            if not splits[split]:
                raise InputError("holds no items; a split must not be empty", file=path)
    return Task(
        name=spec.name,
        metric=spec.metric,
        train=splits["train"],
        test=splits["test"],
        validation=splits.get("validation", ()),
        sources=sources,
        notes=notes_on(splits),
    )


def notes_on(splits: Mapping[str, Sequence[Item]]) -> tuple[str, ...]:
    """Traps in the items of a task that are no errors."""
    found: list[str] = []
    for split, items in splits.items():
        places = {item.answer for item in items if not isinstance(item, Generation)}
        if len(places) == 1 and len(items) > 1:
            found.append(
                f"Every right answer of the {split} split stands at index {places.pop()}: "
                "a model can learn or prefer the place instead of the answer."
            )
    return tuple(found)


def _item(spec: TaskSpec, record: Record) -> Item:
    if spec.kind == "multiple_choice":
        choices = record.texts("choices", at_least=2)
        return MultipleChoice(
            context=record.text("context", "question", empty=True),
            continuations=tuple(spec.delimiter + choice for choice in choices),
            answer=record.index("answer", len(choices)),
            choices=choices,
        )
    if spec.kind == "context_choice":
        contexts = record.texts("contexts", at_least=2)
        return ContextChoice(
            contexts=contexts,
            continuation=spec.delimiter + record.text("continuation"),
            answer=record.index("answer", len(contexts)),
            choices=contexts,
        )
    return _generation(spec, record)


def _generation(spec: TaskSpec, record: Record) -> Generation:
    key = record.key("answer", "answers")
    answers = record.texts("answers") if key == "answers" else (record.text("answer"),)
    for at, answer in enumerate(answers):
        field = f"answers[{at}]" if key == "answers" else key
        if answer != answer.strip():
            raise record.complaint(
                f"an answer must not begin or end with white space, which is never compared, got {answer!r}",
                field,
            )
        for stop in spec.stop:
            if stop in answer:
                raise record.complaint(
                    f"an answer must not hold the stop text {stop!r}, or no model could ever give it, got {answer!r}",
                    field,
                )
    return Generation(
        prompt=record.text("prompt", "question"),
        answers=answers,
        delimiter=spec.delimiter,
        stop=spec.stop,
        max_tokens=spec.max_tokens,
    )
