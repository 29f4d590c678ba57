"""A release from what an organiser has: folders of ``headstart tune``, tables of scores, documents of audits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from headstart.auditing.audit import audit
from headstart.auditing.comparison import compare
from headstart.board.site.audit_file import AuditForm, is_audit, read_audit
from headstart.board.site.from_audit import benchmark_from, benchmark_of_document, measured_points
from headstart.board.site.from_comparison import benchmarks_from
from headstart.board.site.seals import SealedRun, read_sealed
from headstart.board.site.values import Benchmark, Model, Release, Seal
from headstart.contest.arrays import require
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import read_results, read_rows, require_auditable
from headstart.data.two_columns import TwoColumns
from headstart.errors import InputError
from headstart.io.documents import read_json
from headstart.progress import Progress, silent

RUN_TABLES = ("trajectories.parquet", "trajectories.csv", "trajectories.tsv", "trajectories.jsonl")
"""Names of the table in a run's folder, in the order looked for."""

_COLUMNS = ("benchmark", "model", "step", "score", "stderr", "n_items", "seed", "cost_per_step", "outcome", "plan_hash")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How tables are read and audited; see ``headstart audit``.

    Args:
        benchmarks: Those to show, in this order; all when empty.
        level: Published level, in steps; by default the one that each audit recommends.
        rewards: What ranks are worth, in the short form; by default the audit's assumption.
        columns: The tables' own names of columns, such as ``{"score": "acc"}``.
        score_range: Range of the scores in tables, where it is not (0, 1).
        cost_unit: Unit of costs, for tables with costs.
        draws: Posterior draws behind every interval; by default as many as the rewards allow.
        seed: Of the posterior draws.
    """

    benchmarks: tuple[str, ...] = ()
    level: float | None = None
    rewards: str | None = None
    columns: Mapping[str, str] | None = None
    score_range: tuple[float, float] | None = None
    cost_unit: str | None = None
    draws: int | None = None
    seed: int = 0


@dataclass(kw_only=True)
class _Found:
    """What the inputs hold, before anything is computed."""

    rows: dict[str, dict[Path, list[TrajectoryRow]]] = field(default_factory=dict[str, dict[Path, list[TrajectoryRow]]])
    audits: dict[str, AuditForm] = field(default_factory=dict[str, AuditForm])
    sealed: dict[str, SealedRun] = field(default_factory=dict[str, SealedRun])
    models: dict[str, Model] = field(default_factory=dict[str, Model])
    files: list[Path] = field(default_factory=list[Path])


def release_from(
    paths: Sequence[str | os.PathLike[str]],
    *,
    title: str = "",
    about: Sequence[str] = (),
    created_at: str | None = None,
    options: Options | None = None,
    progress: Progress = silent,
) -> Release:
    """Read runs, tables and audits, and audit the tables: everything that a site shows.

    Tables that hold the same benchmark are put together if the same sealed plan measured them. An audit of a benchmark
    given beside its table is taken as it is, with the table's scores.

    Args:
        paths: Folders of ``headstart tune``; tables as ``headstart audit`` reads them; documents of audits.
        title: Name of the leaderboard; by default the benchmarks' names.
        about: What the leaderboard is for, one paragraph each.
        created_at: Date of the release, as ISO 8601; by default the time of the newest file, so that the same files
            give the same bytes.
        options: How tables are read and audited.
        progress: Called with what is being done and the share that is finished.

    Raises:
        InputError: If an input is bad, naming file, row and field.
    """
    chosen = options or Options()
    found = _Found()
    for path in dict.fromkeys(Path(os.path.realpath(path)) for path in paths):
        _take(found, path, chosen)
    names = list(dict.fromkeys([*found.audits, *found.rows]))
    if chosen.benchmarks:
        for name in chosen.benchmarks:
            require(name in names, "benchmark", f"one of those given ({', '.join(names)})", name)
        names = list(dict.fromkeys(chosen.benchmarks))
    if not names:
        raise InputError("RUNS must name at least one folder of a run, table or audit")
    benchmarks: list[Benchmark] = []
    for at, name in enumerate(names):
        progress(f"audit of {name}", at / len(names))
        benchmarks += _benchmarks(found, name, chosen)
    progress("audited", 1.0)
    return Release(
        title=title.strip() or ", ".join(names[:3]) + (" and more" if len(names) > 3 else ""),
        created_at=_newest(found.files) if created_at is None else _in_utc(created_at),
        about=tuple(about),
        benchmarks=tuple(benchmarks),
        models=tuple(found.models.values()),
    )


def _take(found: _Found, path: Path, options: Options) -> None:
    """One input of whichever kind."""
    if path.is_dir():
        table = next((path / name for name in RUN_TABLES if (path / name).is_file()), None)
        if table is None:
            raise InputError(
                f"must hold a table of a run ({', '.join(RUN_TABLES)}): the run may not have finished", file=str(path)
            )
        _take_table(found, table, options)
        sealed = read_sealed(path)
        if sealed is not None:
            found.sealed[sealed.seal.hash] = sealed
            found.models |= {one.name: one for one in sealed.models}
        return
    if path.suffix.lower() == ".json" and is_audit(read_json(path)):
        form = read_audit(path)
        if form.benchmark in found.audits:
            raise InputError(f"a second audit of {form.benchmark}; give one for each benchmark", file=str(path))
        found.audits[form.benchmark] = form
        found.files.append(path)
        return
    _take_table(found, path, options)


def _take_table(found: _Found, path: Path, options: Options) -> None:
    for row in read_rows(path, columns=options.columns):
        by_file = found.rows.setdefault(row.benchmark or path.stem, {})
        by_file.setdefault(path, []).append(row)
    found.files.append(path)


def _benchmarks(found: _Found, name: str, options: Options) -> tuple[Benchmark, ...]:
    tables = found.rows.get(name, {})
    seals = _seals(found.sealed, tables)
    form = found.audits.get(name)
    if form is not None:
        read = _read(found, name, options) if tables else None
        points = measured_points(read) if isinstance(read, Trajectories) else None
        return (benchmark_of_document(form, points=points, level=options.level, seals=seals),)
    read = _read(found, name, options)
    source = ", ".join(path.name for path in tables)
    if isinstance(read, TwoColumns):
        shown = benchmarks_from(compare(read, source=source, seed=options.seed))
        if not shown:
            raise InputError(f"{name} must hold at least two models with both scores", file=str(next(iter(tables))))
        return tuple(replace(one, seals=seals) for one in shown)
    require_auditable(read)
    audited = audit(
        read,
        source=source,
        rewards=options.rewards,
        backtest_fraction=None,
        draws=options.draws,
        seed=options.seed,
    )
    return (benchmark_from(audited, level=options.level, seals=seals),)


def _read(found: _Found, name: str, options: Options) -> Trajectories | TwoColumns:
    tables = found.rows[name]
    rows = [row for one in tables.values() for row in one]
    costs = any(row.cost_per_step is not None for row in rows)
    unit = options.cost_unit if costs else None
    if len(tables) == 1:
        (path,) = tables
        named = name if any(row.benchmark is not None for row in rows) else None
        return read_results(
            path, benchmark=named, columns=options.columns, score_range=options.score_range, cost_unit=unit
        )
    _check_together(found, name)
    import polars as pl

    columns = {key: [name if key == "benchmark" else getattr(row, key) for row in rows] for key in _COLUMNS}
    frame = pl.DataFrame(columns, infer_schema_length=None)
    return read_results(frame, benchmark=name, score_range=options.score_range, cost_unit=unit)


def _check_together(found: _Found, name: str) -> None:
    """Scores are put together only if one protocol measured them, each once."""
    tables = found.rows[name]
    hashes = {path: {row.plan_hash for row in rows} for path, rows in tables.items()}
    if len({_protocol(found, one) for own in hashes.values() for one in own}) > 1:
        listed = "; ".join(f"{path}: {', '.join(str(one)[:12] for one in own)}" for path, own in hashes.items())
        raise InputError(f"{name} was measured under different sealed plans, so it cannot be one ranking ({listed})")
    seen: dict[tuple[str, float, str | None], Path] = {}
    for path, rows in tables.items():
        for row in rows:
            key = (row.model, row.step, row.seed)
            if seen.setdefault(key, path) != path:
                message = f"{row.model} on {name} at step {row.step:g} is in {seen[key]} already"
                raise InputError(message, file=str(path), field="model")


def _protocol(found: _Found, plan_hash: str | None) -> str | None:
    """Of a plan whose seal is known; otherwise the plan stands for itself."""
    sealed = found.sealed.get(plan_hash or "")
    return plan_hash if sealed is None else sealed.protocol


def _seals(known: Mapping[str, SealedRun], tables: Mapping[Path, Iterable[TrajectoryRow]]) -> tuple[Seal, ...]:
    """The seals that the rows name; one without its document is shown by its hash alone."""
    hashes = sorted({row.plan_hash for rows in tables.values() for row in rows if row.plan_hash is not None})
    return tuple(known[one].seal if one in known else Seal(hash=one) for one in hashes)


def _in_utc(date: str) -> str:
    """A date or time with its zone, so that it means the same everywhere."""
    try:
        time = datetime.fromisoformat(date)
    except ValueError:
        message = f"the date of the results must be a day or a time in ISO 8601, such as 2026-01-31, got {date!r}"
        raise InputError(message, field="created_at") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="seconds")


def _newest(files: Iterable[Path]) -> str:
    seconds = max(int(path.stat().st_mtime) for path in files)
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
