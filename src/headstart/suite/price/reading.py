"""Trajectories of every benchmark of some files, for prices: each benchmark is a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import read_benchmarks, read_trajectories
from headstart.errors import InputError
from headstart.io.tables import read_table
from headstart.io.text import STDIN
from headstart.suite.leaderboards import leaderboard_measurements


def read_tasks(
    files: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    ranges: Mapping[str | None, tuple[float, float]] | None = None,
    only: Sequence[str] | None = None,
) -> dict[str, Trajectories]:
    """The trajectories of every benchmark, in the order of the files.

    Args:
        files: Names of files of trajectories. A file that names no benchmark holds one, called after the file.
        columns: The files' own names of columns.
        ranges: Score range by task; under None the one of all others.
        only: The tasks to take; all when None.

    Raises:
        InputError: If a file cannot be read or holds no steps, two files hold the same benchmark, or a task asked for
            is in none.
    """
    found: dict[str, Trajectories] = {}
    known = ranges or {}
    for name in files:
        if name == STDIN:
            raise InputError("prices need files with names: standard input is read once only", field="--prices")
        if leaderboard_measurements(read_table(name), columns or {}, only) is not None:
            raise InputError("holds one score for each model and task, and prices need scores along tuning", file=name)
        for task in read_benchmarks(name) or (None,):
            called = task if task is not None else Path(name).stem
            if only is not None and called not in only:
                continue
            if called in found:
                raise InputError(f"benchmark must be in one file, got {called!r} in another too", file=name)
            bounds = known.get(called, known.get(None))
            found[called] = read_trajectories(name, benchmark=task, columns=columns, score_range=bounds)
    lacking = [task for task in only or () if task not in found]
    if lacking:
        raise InputError(f"tasks must be benchmarks of the files, got {', '.join(lacking)}", field="--tasks")
    return found
