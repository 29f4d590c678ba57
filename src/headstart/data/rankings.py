"""Files with published rankings: which of their tables has a rank, a model and a score."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from headstart.data.published_ranking import PublishedRanking, rankings_of
from headstart.errors import InputError
from headstart.io.documents import read_json
from headstart.io.markdown_tables import is_markdown, read_markdown_tables
from headstart.io.table import Cell, Table
from headstart.io.tables import read_table
from headstart.io.text import STDIN, read_bytes, suggestion

FIELDS: dict[str, tuple[str, ...]] = {
    "model": ("name", "system", "method", "contestant", "submission"),
    "score": ("tuned", "accuracy", "average", "mean", "avg", "acc"),
    "rank": ("#", "place", "position", "tuned_rank"),
    "ranks": ("ranks that noise allows", "rank set", "rank_set", "rank range", "rank_range", "tuned_ranks"),
    "best_rank": ("rank_low", "best rank"),
    "worst_rank": ("rank_high", "worst rank"),
    "stderr": ("standard error", "standard_error", "std_err", "se", "sem", "tuned_stderr"),
    "n_items": ("items", "n", "questions"),
    "benchmark": ("task", "dataset"),
    "plan_hash": ("seal", "plan hash", "protocol hash", "protocol_hash"),
}
"""What a column may be, and other names under which it is understood."""

_PLAIN_KEYS = frozenset(
    (
        "models",
        "ranking",
        "rankings",
        "rows",
        "standings",
        "entries",
        "leaderboard",
        "results",
        "data",
        "boards",
        "benchmarks",
    )
)
"""Keys of a JSON document that name no benchmark."""


def read_rankings(
    given: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] | None = None,
    benchmark: str | None = None,
    score_range: tuple[float, float] | None = None,
    lower_is_better: bool = False,
) -> tuple[PublishedRanking, ...]:
    """Read a published table: CSV, TSV, Parquet, JSON, JSON lines, or the tables of a Markdown file.

    A JSON document may hold the table under any key. Of an audit (``headstart.audit/1``) it is the recommended level,
    or the last one; of a comparison (``headstart.comparison/1``) the tuned column.

    Args:
        given: Path; ``-`` for standard input.
        columns: The file's own name of a field of ``FIELDS``.
        benchmark: Which one; all when None.
        score_range: Smallest and largest possible score; for errors from numbers of items where it is not [0, 1].
        lower_is_better: Whether smaller scores are better; they are then turned round.

    Raises:
        InputError: With every problem of the file.
    """
    source = "standard input" if os.fspath(given) == STDIN else os.fspath(given)
    tables = _tables(given, source)
    fitting = [(name, table, own) for name, table in tables if (own := _recognise(table, columns or {})) is not None]
    if not fitting:
        seen = "; ".join(", ".join(table.columns) for _, table in tables[:3]) or "no table"
        raise InputError(f"must hold a table with the columns model and score, got: {seen}", file=source)
    found: list[PublishedRanking] = []
    for name, table, own in fitting:
        heading = name if len(fitting) > 1 or source.lower().endswith(".json") else ""
        found += rankings_of(table, own, heading, source, score_range, lower_is_better)
    if benchmark is not None:
        names = [one.benchmark for one in found]
        found = [one for one in found if one.benchmark == benchmark]
        if not found:
            listed = ", ".join(filter(None, names)) or "none by name"
            message = f"benchmark must be one of {listed}, got {benchmark!r}{suggestion(benchmark, names)}"
            raise InputError(message, file=source, field="benchmark")
    return tuple(found)


def _tables(given: str | os.PathLike[str], source: str) -> list[tuple[str, Table]]:
    """Every table of the file with its heading."""
    if is_markdown(given):
        return list(read_markdown_tables(read_bytes(given), source))
    if Path(given).suffix.lower() == ".json":
        document = read_json(given)
        if isinstance(document, dict):
            return list(_tables_in(cast("dict[str, object]", document), source))
    return [("", read_table(given))]


def _tables_in(document: dict[str, object], source: str) -> Iterator[tuple[str, Table]]:
    """The lists of objects in a JSON document that name a model and a score."""
    schema = document.get("schema")
    if schema == "headstart.audit/1":
        yield from _audit_table(document, source)
        return
    seal = document.get("plan_hash") or document.get("seal")
    shared = {"plan_hash": seal} if isinstance(seal, str) else {}
    yield from _lists("", document, source, shared)


def _audit_table(document: dict[str, object], source: str) -> Iterator[tuple[str, Table]]:
    levels = _objects(document.get("levels"))
    decision = document.get("decision")
    wanted = cast("dict[str, object]", decision).get("level") if isinstance(decision, dict) else None
    chosen = [one for one in levels if one.get("level") == wanted] or levels[-1:]
    for level in chosen[:1]:
        yield f"{document.get('benchmark', '')}", _of_records(_objects(level.get("standings")), source, {})


def _objects(value: object) -> list[dict[str, object]]:
    """The objects in a list."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, object]", item) for item in items if isinstance(item, dict)]


def _lists(name: str, value: object, source: str, shared: Mapping[str, Cell]) -> Iterator[tuple[str, Table]]:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        own = fields.get("benchmark") or fields.get("name")
        for key, inner in fields.items():
            below = own if isinstance(own, str) else name if key.lower() in _PLAIN_KEYS else key
            yield from _lists(below, inner, source, shared)
    elif isinstance(value, list):
        items = cast("list[object]", value)
        records = _objects(items)
        table = _of_records(records, source, shared)
        if records and _recognise(table, {}) is not None:
            yield name, table
        else:
            for item in items:
                yield from _lists(name, item, source, shared)


def _of_records(records: Sequence[Mapping[str, object]], source: str, shared: Mapping[str, Cell]) -> Table:
    rows: list[tuple[int, Mapping[str, Cell]]] = []
    for at, record in enumerate(records, 1):
        rows.append((at, {**shared, **{key: _joined(cell) for key, cell in record.items()}}))
    names = dict.fromkeys(name for _, row in rows for name in row)
    return Table(source=source, text=False, columns=tuple(names), rows=tuple(rows))


def _joined(cell: Cell) -> Cell:
    """A pair of ranks as text."""
    if isinstance(cell, list):
        ends = cast("list[object]", cell)
        return f"{ends[0]}–{ends[1]}" if len(ends) == 2 else None
    return cell


def _recognise(table: Table, columns: Mapping[str, str]) -> dict[str, str] | None:
    """The file's own name of each field; None where it names no model or no score.

    Raises:
        InputError: If a column that was named is not there.
    """
    by_name = {column.strip().lower(): column for column in reversed(table.columns)}
    own: dict[str, str] = {}
    for field, aliases in FIELDS.items():
        if field in columns:
            if columns[field] not in table.columns:
                listed = ", ".join(table.columns)
                near = suggestion(columns[field], table.columns)
                message = f'{field} must be a column of the file ({listed}), got "{columns[field]}"{near}'
                raise InputError(message, file=table.source, row=table.header)
            own[field] = columns[field]
            continue
        word = next((word for word in (field, *aliases) if word in by_name), None)
        if word is not None and by_name[word] not in columns.values():
            own[field] = by_name[word]
    unknown = [field for field in columns if field not in FIELDS]
    if unknown:
        near = suggestion(unknown[0], FIELDS)
        message = f'columns must name known fields ({", ".join(FIELDS)}), got "{unknown[0]}"{near}'
        raise InputError(message, file=table.source)
    return own if {"model", "score"} <= own.keys() else None
