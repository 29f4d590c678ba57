"""Packaged tasks with solved training items in front of every test item: the name says how many, as in ``gloss5``."""

from __future__ import annotations

import json
import re
from pathlib import Path

TASKS = Path(__file__).parent.parent / "examples" / "tasks"


def task_files(name: str, folder: Path) -> dict[str, str]:
    """The training and test file of a task; test items behind shots are written to ``folder``.

    The shots are the first training items, the same for all, with a blank line between: every side of a comparison is
    given the same text. Training items stay as they are.
    """
    found = re.fullmatch(r"([a-z]+)(\d*)", name)
    if not found or not (TASKS / found[1]).is_dir():
        raise SystemExit(f"task must be a folder of {TASKS}, with a number of shots behind it or none, got {name!r}")
    task, shots = found[1], int(found[2] or 0)
    train, test = TASKS / task / "train.jsonl", TASKS / task / "test.jsonl"
    if shots:
        solved = [json.loads(line) for line in train.read_text(encoding="utf-8").splitlines()[:shots]]
        front = "".join(f"{one['context']} {one['choices'][one['answer']]}\n\n" for one in solved)
        items = [json.loads(line) for line in test.read_text(encoding="utf-8").splitlines()]
        test = folder / f"{name}.jsonl"
        lines = [json.dumps(item | {"context": front + item["context"]}) + "\n" for item in items]
        test.write_text("".join(lines), encoding="utf-8")
    return {"train": str(train), "test": str(test)}
