"""The items of a task: from files of one's own, or as lm-evaluation-harness asks them."""

from __future__ import annotations

from headstart.errors import InputError
from headstart.tune.item_files import Record, read_records
from headstart.tune.items import Item, Task, notes_on
from headstart.tune.kinds import TASK_KINDS
from headstart.tune.plan import TaskSpec
from headstart.tune.splits import choose_rows


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
    records: dict[str, list[Record]] = {}
    sources: dict[str, str] = {}
    paths = {"train": spec.train, "validation": spec.validation, "test": spec.test}
    for split, path in paths.items():
        if path is not None:
            read, sources[split] = read_records(path)
            records[split] = list(read)
            if not records[split]:
                raise InputError("holds no items; a split must not be empty", file=path)
    rows = choose_rows(spec, {split: len(found) for split, found in records.items()})
    splits: dict[str, tuple[Item, ...]] = {
        split: tuple(kind.item(spec, records[rows[split].source][at]) for at in rows[split].indices)
        for split in ("train", "validation", "test")
        if split in rows
    }
    return Task(
        name=spec.name,
        metric=spec.metric,
        train=splits["train"],
        test=splits["test"],
        validation=splits.get("validation", ()),
        sources=sources,
        notes=notes_on(splits),
    )
