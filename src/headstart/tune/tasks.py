"""The items of a task: from files of one's own, or as lm-evaluation-harness asks them."""

from __future__ import annotations

from itertools import islice

from headstart.errors import InputError
from headstart.tune.item_files import read_records
from headstart.tune.items import Item, Task, notes_on
from headstart.tune.kinds import TASK_KINDS
from headstart.tune.plan import TaskSpec


def load_task(spec: TaskSpec) -> Task:
    """The items of every split of a task, checked.

    Files hold one item a row, as JSON lines or Parquet; keys that the kind of task does not use are left alone.

    Raises:
        InputError: If a split is empty or an item is bad, with file, row and field.
    """
    kind = TASK_KINDS[spec.kind]
    if kind.load is not None:
        return kind.load(spec)
    assert kind.item is not None
    splits: dict[str, tuple[Item, ...]] = {}
    sources: dict[str, str] = {}
    limits = {"train": spec.train_limit, "validation": None, "test": spec.test_limit}
    for split, path in (("train", spec.train), ("validation", spec.validation), ("test", spec.test)):
        if path is not None:
            records, sources[split] = read_records(path)
            splits[split] = tuple(kind.item(spec, record) for record in islice(records, limits[split]))
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
