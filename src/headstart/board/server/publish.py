"""Building the ranking's pages from the database, in a process of its own: an audit takes seconds of computing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select

from headstart.board.server import tables
from headstart.board.server.clock import iso
from headstart.board.server.exposure import luck_of_best
from headstart.board.server.results import published_rows
from headstart.board.server.settings import read_settings
from headstart.board.server.store import Store, Transaction
from headstart.board.site.build import BuiltSite, build_site
from headstart.board.site.from_audit import benchmark_from
from headstart.board.site.from_comparison import benchmarks_from
from headstart.board.site.values import Benchmark, Entry, LedgerEntry, Link, Model, Place, Point, Release, Seal
from headstart.errors import HeadstartError, InputError
from headstart.report.wording import number

SITE = "site"
LINKS = (Link(label="Queue", address="/queue"), Link(label="Submit", address="/submit"))
_LEDGER_SHOWN = 5000


def is_stale(connection: Connection) -> bool:
    """Whether the ranking is not what the pages show: something was published or taken out since the last release."""
    release, table = tables.release, tables.ledger
    built = connection.execute(select(func.max(release.c.ledger_sequence))).scalar() or 0
    # Entries are canonical JSON, in which these texts can stand for nothing else.
    moved = or_(table.c.entry.like('%"to":"published"%'), table.c.entry.like('%"from":"published"%'))
    return (
        connection.execute(select(table.c.sequence).where(table.c.sequence > built, moved).limit(1)).first() is not None
    )


def is_missing(connection: Connection, folder: Path) -> bool:
    """Whether the pages of the last release are gone, as in a folder that was restored from a copy."""
    release = tables.release
    shown = connection.execute(select(release.c.published).order_by(release.c.number.desc()).limit(1)).scalar()
    return bool(shown) and not (folder / SITE / "index.html").is_file()


def publish(folder: Path, store: Store, *, title: str) -> BuiltSite | None:
    """Build the pages anew, and note the release in the database and in the ledger; None while nothing is published.

    Raises:
        InputError: If the pages cannot be written.
    """
    with store.read() as connection:
        head = connection.execute(select(tables.ledger_head)).one()
        release, published = release_of(connection, title=title, created_at=iso(store.clock.now()) or "")
        last = connection.execute(select(func.max(tables.release.c.number))).scalar() or 0
    if release is None and (last == 0 or not (folder / SITE).exists()):
        return None
    if release is None:  # all that was published was withdrawn: nothing of it stays
        shutil.rmtree(folder / SITE)
        built = None
    else:
        built = build_site(release, folder / SITE)

    def note(write: Transaction) -> None:
        write.connection.execute(
            insert(tables.release).values(
                number=last + 1,
                ledger_sequence=head.sequence,
                ledger_hash=head.hash,
                folder=SITE,
                published=published,
                created_at=write.now,
            )
        )
        write.append("release", number=last + 1, built_from=head.hash, published=published)

    store.write(note)
    return built


def release_of(connection: Connection, *, title: str, created_at: str) -> tuple[Release | None, int]:
    """What the pages show, and how many models are in it; None without any."""
    submission = tables.submission
    protocols = connection.execute(
        select(tables.protocol)
        .where(tables.protocol.c.id.in_(select(submission.c.protocol_id).where(submission.c.state == "published")))
        .order_by(tables.protocol.c.created_at.desc())
    ).all()
    if not protocols:
        return None, 0
    benchmarks: list[Benchmark] = []
    for protocol in protocols:
        rows = published_rows(connection, protocol.id)
        seal = seal_of(protocol)
        for name in dict.fromkeys(str(row["benchmark"]) for row in rows):
            mine = [row for row in rows if row["benchmark"] == name]
            several = len(protocols) > 1
            benchmarks.append(benchmark_of(name if not several else f"{name} ({protocol.name})", mine, seal))
    models = _models(connection)
    last = connection.execute(select(func.max(tables.release.c.number))).scalar() or 0
    return (
        Release(
            title=title,
            id=str(last + 1),
            created_at=created_at,
            benchmarks=tuple(benchmarks),
            models=models,
            ledger=_ledger(connection),
            links=LINKS,
        ),
        len(models),
    )


def benchmark_of(name: str, rows: Sequence[Mapping[str, Any]], seal: Seal) -> Benchmark:
    """One benchmark: audited where the scores allow it, else the ranks of the scores with a note that says why not."""
    import polars as pl

    from headstart.auditing.audit import audit
    from headstart.auditing.comparison import compare
    from headstart.data.trajectory_files import read_results, require_auditable
    from headstart.data.two_columns import TwoColumns

    frame = pl.DataFrame([{**row, "benchmark": name} for row in rows], infer_schema_length=None)
    kept = frame.drop([column for column in frame.columns if frame[column].null_count() == frame.height])
    try:
        costs = "cost_per_step" in kept.columns
        read = read_results(kept, benchmark=name, cost_unit="device seconds" if costs else None)
        if isinstance(read, TwoColumns):
            compared = benchmarks_from(compare(read))
            if compared:
                return _sealed(compared[0], seal)
            raise InputError("fewer than two models have both scores")
        require_auditable(read)
        return benchmark_from(audit(read, backtest_fraction=None), seals=(seal,))
    except HeadstartError as error:
        return plain_benchmark(name, rows, seal, why=str(error))


def plain_benchmark(name: str, rows: Sequence[Mapping[str, Any]], seal: Seal, *, why: str) -> Benchmark:
    """The ranks of the scores at the first and the last level, without anything an audit would add.

    Args:
        name: Of the benchmark.
        rows: Of the trajectories.
        seal: Of the protocol.
        why: Why there is no audit.
    """
    points: dict[str, dict[int, list[Mapping[str, Any]]]] = {}
    for row in rows:
        if row["score"] is not None:
            points.setdefault(row["model"], {}).setdefault(row["step"], []).append(row)
    measured = {
        model: tuple(
            Point(
                step=float(step),
                score=sum(row["score"] for row in found) / len(found),
                stderr=_pooled([row["stderr"] for row in found]),
            )
            for step, found in sorted(steps.items())
        )
        for model, steps in points.items()
    }
    level = max((one[-1].step for one in measured.values()), default=0.0)
    direct, tuned = _places(measured, 0.0), _places(measured, level)
    return Benchmark(
        name=name,
        level=level,
        entries=tuple(
            Entry(
                model=model,
                direct=direct.get(model),
                tuned=tuned.get(model),
                missing=None if model in direct and model in tuned else "not measured at this level",
                trajectory=measured[model],
            )
            for model in sorted(measured, key=lambda model: (tuned[model].rank if model in tuned else 10**9, model))
        ),
        notes=(f"No audit yet: {why}.", f"Tuned ranks are those of the scores at step {number(level)}."),
        seals=(seal,),
    )


def seal_of(protocol: Row[Any]) -> Seal:
    """A protocol's seal, with what it fixes."""
    resolution: dict[str, Any] = protocol.resolution or {}
    facts = [("Levels", ", ".join(str(level) for level in resolution.get("levels", [])))]
    facts += [("Seeds", ", ".join(str(seed) for seed in resolution.get("seeds", [])))]
    for key in ("hardware", "versions"):
        values: dict[str, Any] = resolution.get(key, {})
        facts += [(f"{key.capitalize()}: {name}", str(value)) for name, value in values.items()]
    return Seal(hash=protocol.protocol_hash or "", created_at=iso(protocol.created_at), facts=tuple(facts))


def _places(measured: Mapping[str, Sequence[Point]], level: float) -> dict[str, Place]:
    scores = {model: point for model, points in measured.items() for point in points if point.step == level}
    found: dict[str, Place] = {}
    for model, point in scores.items():
        rank = 1 + sum(other.score > point.score for other in scores.values())
        last = sum(other.score >= point.score for other in scores.values())
        found[model] = Place(score=point.score, stderr=point.stderr, rank=rank, shared_rank=rank, last_place=last)
    return found


def _pooled(errors: Sequence[float | None]) -> float | None:
    known = [error for error in errors if error is not None]
    return sum(known) / len(known) if known and len(known) == len(errors) else None


def _sealed(benchmark: Benchmark, seal: Seal) -> Benchmark:
    from dataclasses import replace

    return replace(benchmark, seals=(seal,))


def _models(connection: Connection) -> tuple[Model, ...]:
    """What is known of every model in the ranking: its team, its attempts, its weights, and what luck may add."""
    submission, team, model, result = tables.submission, tables.team, tables.model_ref, tables.result
    rows = connection.execute(
        select(
            submission,
            team.c.name.label("team_name"),
            model.c.kind,
            model.c.source,
            model.c.commit,
            result.c.trajectories,
            result.c.seal_hash,
            result.c.report,
        )
        .join(team, team.c.id == submission.c.team_id)
        .join(model, model.c.id == submission.c.model_ref_id)
        .join(result, result.c.submission_id == submission.c.id)
        .where(submission.c.state == "published")
        .order_by(submission.c.number)
    ).all()
    found: dict[str, Model] = {}
    for row in rows:
        mine = (submission.c.team_id == row.team_id, submission.c.protocol_id == row.protocol_id)
        attempts = connection.execute(
            select(func.count()).select_from(submission).where(*mine, submission.c.number <= row.number)
        ).scalar_one()
        measured = connection.execute(
            select(func.count())
            .select_from(submission)
            .join(result, result.c.submission_id == submission.c.id)
            .where(*mine)
        ).scalar_one()
        facts = [("Submission", row.id), ("Digest of the weights", row.weights_sha256 or "")]
        if row.kind == "hub":
            facts += [("Hub", row.source), ("Commit", row.commit)]
        facts += [("Seal of the run", row.seal_hash), *_overlap(row.report)]
        found.setdefault(
            row.name,
            Model(
                name=row.name,
                team=row.team_name,
                attempts=attempts,
                facts=tuple(facts),
                remarks=tuple(_luck(row.trajectories, measured)),
            ),
        )
    return tuple(found.values())


def _overlap(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How much of each task's test stands in its train split, as the run measured it."""
    found: list[tuple[str, str]] = []
    for task in report.get("tasks", []):
        overlap: dict[str, Any] = task.get("overlap") or {}
        test: dict[str, Any] = overlap.get("test") or {}
        if "normalised" in test and "n_items" in test:
            found.append(
                (f"Test items of {task.get('task')} in its train split", f"{test['normalised']} of {test['n_items']}")
            )
    return found


def _luck(rows: Sequence[Any], measured: int) -> list[str]:
    if measured < 2:
        return []
    return [
        f"{benchmark}: the team had {measured} variants measured; the best of so many equally good ones is expected to "
        f"exceed its true score by up to {luck['expected_luck']:.4f} at step {luck['step']}."
        for benchmark, luck in luck_of_best(rows, measured).items()
        if luck["expected_luck"] is not None
    ]


def _ledger(connection: Connection) -> tuple[LedgerEntry, ...]:
    """The last entries of the ledger; the whole is offered by the server as a file."""
    table = tables.ledger
    rows = connection.execute(select(table).order_by(table.c.sequence.desc()).limit(_LEDGER_SHOWN)).all()
    found: list[LedgerEntry] = []
    for row in reversed(rows):
        entry = json.loads(row.entry)
        found.append(
            LedgerEntry(
                seq=row.sequence,
                time=entry["at"],
                event=str(entry.get("to") or entry["kind"]),
                subject=str(entry.get("submission") or entry.get("protocol") or f"release {entry.get('number')}"),
                hash=row.hash,
            )
        )
    return tuple(found)


def main() -> None:
    """Build the pages of the board in the folder that is named first."""
    folder = Path(sys.argv[1])
    settings = read_settings(folder)
    store = Store(settings.database_url(folder))
    try:
        publish(folder, store, title=settings.title)
    finally:
        store.close()


if __name__ == "__main__":
    main()
