"""The downloads of a site: the ranking, the scores behind it and the ledger, as CSV, JSON and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from headstart import __version__
from headstart.board.site.exports import every_eval_ever
from headstart.board.site.values import Benchmark, Download, Entry, Place, Release, Untuned
from headstart.board.site.wording import marks

SCHEMA = "headstart.release/1"

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Starts of a text that spreadsheets take for a formula."""

Row = dict[str, Any]

_TEXT, _WHOLE, _NUMBER = pl.String(), pl.Int64(), pl.Float64()
_PLACE = {"rank": _WHOLE, "best_rank": _WHOLE, "worst_rank": _WHOLE, "score": _NUMBER, "stderr": _NUMBER}

RANKING = pl.Schema(
    {
        "benchmark": _TEXT,
        "tier": _TEXT,
        "model": _TEXT,
        "level": _NUMBER,
        "published_rank": _WHOLE,
        "last_place": _WHOLE,
        **_PLACE,
        "measured": pl.Boolean(),
        "direct_published_rank": _WHOLE,
        **{f"direct_{key}": kind for key, kind in _PLACE.items()},
        "next_rank_overtakes": _TEXT,
        "next_rank_steps": _NUMBER,
        "next_rank_steps_low": _NUMBER,
        "next_rank_steps_high": _NUMBER,
        "next_rank_price": _NUMBER,
        "cost_unit": _TEXT,
        "next_rank_tied": pl.Boolean(),
        "next_rank_reason": _TEXT,
        "gain": _NUMBER,
        "gain_low": _NUMBER,
        "gain_high": _NUMBER,
        "gain_steps": _NUMBER,
        "remarks": _TEXT,
        "team": _TEXT,
        "attempts": _WHOLE,
    }
)
SCORES = pl.Schema({"benchmark": _TEXT, "model": _TEXT, "step": _NUMBER, "score": _NUMBER, "stderr": _NUMBER})
LEDGER = pl.Schema({"seq": _WHOLE, "time": _TEXT, "event": _TEXT, "subject": _TEXT, "hash": _TEXT})


EXPORTS: tuple[Callable[[Release], Iterable[Download]], ...] = (every_eval_ever,)
"""Further formats: each gives the files of a release, which are offered beside those below."""


def downloads(release: Release) -> tuple[Download, ...]:
    """Every file offered; those that the release brings come last."""
    about = {one.name: one for one in release.models}
    ranking = [row for one in release.benchmarks for row in _ranking(one)]
    for row in ranking:
        model = about.get(row["model"])
        row |= {"team": model.team if model else None, "attempts": model.attempts if model else None}
    scores = [row for one in release.benchmarks for row in _scores(one)]
    found = [
        *_both("ranking", "The ranking: one row for each model and benchmark", ranking, RANKING),
        *_both("trajectories", "The measured scores, as headstart audit reads them", scores, SCORES),
    ]
    if release.ledger:
        lines = [asdict(line) for line in release.ledger]
        found += _both("ledger", "The ledger, oldest line first", lines, LEDGER)
    found.append(Download(name="release.json", title="Everything that the pages show", data=_document(release)))
    return (*found, *(one for export in EXPORTS for one in export(release)), *release.downloads)


def csv_bytes(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    r"""Rows as a CSV file in which no text starts like a formula; numbers keep their signs.

    >>> csv_bytes([{"a": "=1+1", "b": -1.5}], ["a", "b"])
    b"a,b\n'=1+1,-1.5\n"
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return stream.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _both(name: str, title: str, rows: Sequence[Row], schema: pl.Schema) -> list[Download]:
    """A table as CSV and as Parquet."""
    stream = io.BytesIO()
    pl.DataFrame(rows, schema=schema).write_parquet(stream, compression="zstd", statistics=False)
    return [
        Download(name=f"{name}.csv", title=f"{title} (CSV)", data=csv_bytes(rows, list(schema))),
        Download(name=f"{name}.parquet", title=f"{title} (Parquet)", data=stream.getvalue()),
    ]


def _ranking(benchmark: Benchmark) -> list[Row]:
    tuned = [_entry(benchmark, entry) for entry in benchmark.entries]
    return tuned + [_untuned(benchmark, one) for one in benchmark.untuned]


def _entry(benchmark: Benchmark, entry: Entry) -> Row:
    price, gain = entry.next_rank, entry.gain
    row: Row = {
        "benchmark": benchmark.name,
        "tier": "tuned",
        "model": entry.model,
        "level": benchmark.level,
        "published_rank": None if entry.tuned is None else entry.tuned.shared_rank,
        "last_place": None if entry.tuned is None else entry.tuned.last_place,
        **_place(entry.tuned, ""),
        "measured": None if entry.tuned is None else entry.tuned.measured,
        "direct_published_rank": None if entry.direct is None else entry.direct.shared_rank,
        **_place(entry.direct, "direct_"),
        "cost_unit": benchmark.cost_unit,
        "remarks": "; ".join(mark for mark, _ in marks(entry)),
    }
    if price is not None:
        row |= {
            "next_rank_overtakes": price.overtakes,
            "next_rank_steps": price.effort,
            "next_rank_steps_low": price.low,
            "next_rank_steps_high": price.high,
            "next_rank_price": price.cost,
            "next_rank_tied": price.tied,
            "next_rank_reason": price.reason,
        }
    if gain is not None:
        row |= {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high, "gain_steps": entry.gain_effort}
    return row


def _place(place: Place | None, prefix: str) -> Row:
    return {} if place is None else {f"{prefix}{key}": getattr(place, key) for key in _PLACE}


def _untuned(benchmark: Benchmark, one: Untuned) -> Row:
    """A contestant that cannot be tuned has bounds only, so its rank is empty."""
    bound = next((bound for bound in one.bounds if bound.level == benchmark.level), None)
    return {
        "benchmark": benchmark.name,
        "tier": "cannot be tuned",
        "model": one.model,
        "level": benchmark.level,
        "best_rank": None if bound is None else bound.best_rank,
        "worst_rank": None if bound is None else bound.worst_high,
        "direct_rank": one.direct_rank,
        "direct_best_rank": one.direct_low,
        "direct_worst_rank": one.direct_high,
        "direct_score": one.score,
        "direct_stderr": one.stderr,
    }


def _scores(benchmark: Benchmark) -> list[Row]:
    rows = [
        {"benchmark": benchmark.name, "model": entry.model, **asdict(point)}
        for entry in benchmark.entries
        for point in entry.trajectory
    ]
    return sorted(rows, key=lambda row: (row["model"], row["step"]))


def _document(release: Release) -> bytes:
    """The release as JSON; no time but its own, so that the same release gives the same bytes."""
    shown = {key: value for key, value in asdict(release).items() if key != "downloads"}
    document = {"schema": SCHEMA, "headstart_version": __version__, **shown}
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
