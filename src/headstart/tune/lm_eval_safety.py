# pyright: basic
"""Task files for lm-evaluation-harness as data: no code that stands in them, or beside them, is run.

The harness's own task files are part of an installed package and may name their functions. Those of a folder that a
plan names may not: a plan, and what comes with it, can be passed on and run without reading it first.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from headstart.errors import InputError
from headstart.tune.plan import TaskSpec

# Readers of local data that hold no code; the others include one for pickles.
_DATA_FORMATS = ("arrow", "csv", "json", "parquet", "text")


@contextmanager
def as_the_harness_starts() -> Generator[None]:
    """Random generators as the harness seeds them before it loads tasks, and templates that cannot reach Python.

    Some tasks shuffle their choices while they load. Everything is put back afterwards. What the harness says meanwhile
    about defaults of its task files, and the bars of the library that reads the data, are not shown.
    """
    import datasets
    from jinja2.sandbox import SandboxedEnvironment
    from lm_eval import utils

    log, had_bars = logging.getLogger("lm_eval"), not datasets.are_progress_bars_disabled()
    level = log.level
    free, states = utils.env, (random.getstate(), np.random.get_state())
    utils.env = SandboxedEnvironment(
        loader=free.loader, undefined=free.undefined, keep_trailing_newline=free.keep_trailing_newline
    )
    utils.env.filters.update(free.filters)
    log.setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    random.seed(0)
    np.random.seed(1234)
    try:
        yield
    finally:
        utils.env = free
        log.setLevel(level)
        if had_bars:
            datasets.enable_progress_bars()
        random.setstate(states[0])
        np.random.set_state(states[1])


def refuse_code(task_file: Path, spec: TaskSpec) -> None:
    """Raise if a task file outside the harness, or one it includes, names a function or a format that can hold code.

    Raises:
        InputError: If it does, or it cannot be read.
    """
    import lm_eval

    own = Path(lm_eval.__file__).resolve().parent
    to_read, seen = [task_file.resolve()], set[Path]()
    while to_read:
        path = to_read.pop()
        if path in seen or path.is_relative_to(own):
            continue
        seen.add(path)
        for config in _tables(_as_data(path, spec)):
            data = config.get("dataset_path")
            if isinstance(data, str) and _may_hold_code(data):
                raise InputError(
                    f"task {spec.name}: dataset_path must be one of {', '.join(_DATA_FORMATS)} or a name on the hub, "
                    f"got {data!r}",
                    file=str(path),
                    field="dataset_path",
                )
            named = config.get("include") or []
            to_read += [(path.parent / one).resolve() for one in ([named] if isinstance(named, str) else named)]


def _tables(value: Any) -> Iterator[dict[str, Any]]:
    """Every table of a task file at any depth: a group may define its members in place."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tables(inner)


def _may_hold_code(dataset_path: str) -> bool:
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

    return dataset_path in _PACKAGED_DATASETS_MODULES and dataset_path not in _DATA_FORMATS


def _as_data(path: Path, spec: TaskSpec) -> dict[str, Any]:
    import yaml

    class DataLoader(yaml.SafeLoader):
        """The safe one, with a complaint about functions that says what to do instead."""

    def refuse(loader: yaml.SafeLoader, node: yaml.Node) -> None:
        raise InputError(
            f"task {spec.name}: a task file of one's own must not name functions, got !function {node.value}: say it "
            "in templates, or write the items to a local file and give the task another kind",
            file=str(path),
            row=node.start_mark.line + 1,
        )

    DataLoader.add_constructor("!function", refuse)
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), Loader=DataLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).partition("\n")[0]
        raise InputError(f"task {spec.name}: cannot be read: {reason}", file=str(path)) from None
    return config if isinstance(config, dict) else {}
