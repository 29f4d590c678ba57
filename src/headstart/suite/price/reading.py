"""Trajectories of every benchmark of some files, for prices: each benchmark is a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headstart.data.readers.reader import ReadOptions, given_of, with_columns
from headstart.data.row_parsing import parse_rows
from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import trajectories_of
from headstart.errors import InputError, together
from headstart.suite.reading import suite_measurements


def read_tasks(
    files: Sequence[object],
    *,
    columns: Mapping[str, str] | None = None,
    ranges: Mapping[str | None, tuple[float, float]] | None = None,
    only: Sequence[str] | None = None,
    options: ReadOptions | None = None,
) -> dict[str, Trajectories]:
    """The trajectories of every benchmark, in the order of the files.

    Args:
        files: Trajectories, as ``read_suite`` takes them. A file that names no benchmark holds one, called after the
            file.
        columns: The files' own names of columns.
        ranges: Score range by task; under None the one of all others.
        only: The tasks to take; all when None.
        options: What the files do not say, or hold more of than is wanted.

    Raises:
        InputError: If a file cannot be read or holds no steps, two files hold the same benchmark, or a task asked for
            is in none.
    """
    reading = with_columns(options or ReadOptions(), columns)
    found: dict[str, Trajectories] = {}
    for file in files:
        given = given_of(file, reading)
        parsed = parse_rows(suite_measurements(given, reading, only))
        if parsed.problems:
            raise together(parsed.problems)
        if len({row.step for row in parsed.rows}) < 2:
            raise InputError(
                "holds one score for each model and task, and prices need scores along tuning", file=given.source
            )
        for task, one in trajectories_of(parsed, fallback_name=given.stem, ranges=ranges).items():
            if only is not None and task not in only:
                continue
            if task in found:
                raise InputError(f"benchmark must be in one file, got {task!r} in another too", file=given.source)
            found[task] = one
    lacking = [task for task in only or () if task not in found]
    if lacking:
        raise InputError(f"tasks must be benchmarks of the files, got {', '.join(lacking)}", field="--tasks")
    return found
