"""A board's protocol: a plan without models, with its items beside it, so that a board is one folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import insert, select, update

from headstart.board.server import tables
from headstart.board.server.store import Transaction
from headstart.errors import InputError
from headstart.io.atomic import write_bytes
from headstart.io.documents import parse_document
from headstart.tune.plan_file import SPLITS, read_plan
from headstart.tune.plan_paths import ITEM_SUFFIXES

FOLDER = "protocols"
_PLACEHOLDER = {"name": "model", "hub": "owner/model", "revision": "0" * 40}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What a worker needs to measure a model.

    Args:
        name: Of the plan.
        plan: The plan without its models; item files are named by their digests.
        files: SHA-256 of every item file by the name it has in the plan.
        models: Folders of the models the plan names, by name: not part of the protocol, but registered with it.
    """

    name: str
    plan: Mapping[str, Any]
    files: Mapping[str, str]
    models: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Names the bundle: equal plans with equal items have the same."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """The bundle as JSON data."""
        return {"plan": dict(self.plan), "files": dict(self.files)}


def freeze(plan_file: str | os.PathLike[str], board: Path) -> Bundle:
    """Read a plan, copy its items into the board's folder, and leave its models out.

    Raises:
        InputError: If the plan is bad, or names task files of lm-evaluation-harness, which can hold code.
    """
    parsed = parse_document(plan_file)
    plan = dict(parsed.plain)
    base = Path(plan_file).absolute().parent
    models = _local_models(plan.pop("models", []), base)
    plan.pop("untunable", None)
    plan.setdefault("name", Path(plan_file).stem)
    tasks, files = plan.get("tasks"), dict[str, str]()
    if isinstance(tasks, list):
        plan["tasks"] = [
            _with_files(cast("dict[str, Any]", task), base, board, files, parsed.source)
            if isinstance(task, dict)
            else task
            for task in cast("list[object]", tasks)
        ]
    bundle = Bundle(name=str(plan["name"]), plan=plan, files=files, models=models)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            checked = read_plan(write_plan(bundle.plan, _PLACEHOLDER, Path(scratch), items=board / FOLDER))
        except InputError as error:
            raise InputError(error.message, file=parsed.source, field=error.field) from None
    return Bundle(name=checked.name, plan=plan, files=files, models=models)


def write_plan(plan: Mapping[str, Any], model: Mapping[str, Any], folder: Path, *, items: Path) -> Path:
    """Write a plan with one model to ``folder``; returns its path.

    Args:
        plan: Of a bundle.
        model: An entry of ``models``.
        folder: Where the plan goes.
        items: Where the bundle's item files are.
    """
    complete = {**plan, "models": [dict(model)]}
    tasks = complete.get("tasks")
    if isinstance(tasks, list):
        complete["tasks"] = [_placed(task, items) for task in cast("list[object]", tasks)]
    path = folder / "plan.json"
    write_bytes(path, json.dumps(complete, indent=2).encode())
    return path


def open_bundle(write: Transaction, bundle: Bundle) -> str:
    """The protocol of a bundle; it is the one that is open from now on, and submissions to others go on."""
    table = tables.protocol
    found = write.connection.execute(
        select(table.c.id).where(table.c.bundle_sha256 == bundle.sha256)
    ).scalar_one_or_none()
    write.connection.execute(update(table).values(active=False))
    if found is not None:
        write.connection.execute(update(table).where(table.c.id == found).values(active=True))
        return found
    name = tables.new_id("p")
    write.connection.execute(
        insert(table).values(
            id=name,
            name=bundle.name[:80],
            bundle_sha256=bundle.sha256,
            bundle=bundle.document(),
            active=True,
            created_at=write.now,
        )
    )
    write.append("protocol", protocol=name, bundle=bundle.sha256)
    return name


def _placed(task: object, items: Path) -> object:
    """A task with the paths of its item files."""
    if not isinstance(task, dict):
        return task
    fields = cast("dict[str, object]", task)
    return {
        key: str(items / value) if key in SPLITS and isinstance(value, str) else value for key, value in fields.items()
    }


def _local_models(models: object, base: Path) -> dict[str, str]:
    """Folders of the plan's local models."""
    found: dict[str, str] = {}
    for entry in cast("list[object]", models) if isinstance(models, list) else []:
        fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        name, path = fields.get("name"), fields.get("path")
        if isinstance(name, str) and isinstance(path, str):
            folder = (base / os.path.expanduser(path)).resolve()
            if folder.is_dir():
                found[name] = str(folder)
    return found


def _with_files(task: dict[str, Any], base: Path, board: Path, files: dict[str, str], source: str) -> dict[str, Any]:
    """A task with its item files copied into the board's folder under their digests."""
    if "include_path" in task:
        raise InputError("task files can hold code, which a board does not run", file=source, field="tasks")
    changed = dict(task)
    for split in SPLITS:
        given = task.get(split)
        if not isinstance(given, str):
            continue
        path = (base / os.path.expanduser(given)).resolve()
        suffix = path.suffix.lower()
        if suffix not in ITEM_SUFFIXES or not path.is_file():
            raise InputError(
                f"{split} must be a file ending in one of {', '.join(ITEM_SUFFIXES)}, got {given!r}",
                file=source,
                field=f"tasks.{split}",
            )
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        name = f"{digest}{suffix}"
        target = board / FOLDER / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(".tmp")
            shutil.copyfile(path, partial)
            os.replace(partial, target)
        files[name] = digest
        changed[split] = name
    return changed
