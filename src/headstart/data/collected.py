"""Rows of several files and folders as one set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headstart.data.benchmarks import listed_benchmarks
from headstart.data.readers.reader import ReadOptions
from headstart.data.row_parsing import NAMED
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectory_files import fallback_name, read_parsed
from headstart.errors import InputError


@dataclass(frozen=True, kw_only=True)
class CollectedRows:
    """Rows of several sources.

    Args:
        rows: In the order of the sources.
        notes: What was left out and what is missing, a sentence each.
    """

    rows: tuple[TrajectoryRow, ...]
    notes: tuple[str, ...]


def collect_rows(
    sources: Sequence[object],
    *,
    columns: Mapping[str, str] | None = None,
    score_range: tuple[float, float] | None = None,
    options: ReadOptions | None = None,
) -> CollectedRows:
    """The rows of several files and folders as one set, with what is missing from it.

    Scores that no row holds although their model and benchmark both occur are counted and named.

    Args:
        sources: As ``read_trajectories`` takes them, at least one.
        columns: See there.
        score_range: See there.
        options: See there.

    Raises:
        InputError: If a source cannot be read, some rows name a benchmark and others do not, or a score is there twice.
    """
    rows: list[TrajectoryRow] = []
    notes: list[str] = []
    for given in sources:
        parsed = read_parsed(given, columns=columns, score_range=score_range, options=options)
        listed_benchmarks(parsed.rows, parsed.places, parsed.source)
        called = None if len(sources) == 1 else fallback_name(given)
        rows += [row if row.benchmark or called is None else replace(row, benchmark=called) for row in parsed.rows]
        notes += [f"{parsed.source}: {note}" for note in parsed.notes]
        if parsed.two_columns:
            notes.append(f"{parsed.source}: direct scores are written as step 0, tuned ones as step 1.")
    seen: set[tuple[str | None, str, float, str | None]] = set()
    for row in rows:
        key = (row.benchmark, row.model, row.step, row.seed)
        if key in seen:
            raise InputError(
                f"scores must be unique, got {row.benchmark or 'that'} of {row.model} at {row.step:g} twice"
            )
        seen.add(key)
    return CollectedRows(rows=tuple(rows), notes=(*notes, *missing_cells(rows)))


def missing_cells(rows: Sequence[TrajectoryRow]) -> list[str]:
    """A sentence that names the models without any score on a benchmark; none where every model has one on each."""
    benchmarks, models = dict.fromkeys(row.benchmark for row in rows), dict.fromkeys(row.model for row in rows)
    held = {(row.benchmark, row.model) for row in rows}
    missing = [(b, m) for b in benchmarks for m in models if (b, m) not in held]
    if not missing:
        return []
    shown = "; ".join(f"{b}, {m}" for b, m in missing[:NAMED])
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return [
        f"{len(missing)} of {len(benchmarks) * len(models)} pairs of benchmark and model have no score: {shown}{more}."
    ]
