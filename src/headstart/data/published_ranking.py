"""Published rankings: a rank, a model and a score in each row, as a leaderboard shows them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.data.columns import binomial_stderr
from headstart.data.metrics import check_more_is_better
from headstart.errors import InputError, together
from headstart.io.table import Cell, Table
from headstart.io.text import check_name, mixed_percentages, shown_number

_MEDALS = {"🥇": "1", "🥈": "2", "🥉": "3"}
_ONE = re.compile(r"^[#=Tt]?\s*(\d+)\s*(?:=|st|nd|rd|th|\.)?$")
_RANGE = re.compile(r"^\[?\s*(\d+)\s*(?:-|–|—|to|,)\s*(\d+)\s*\]?$")
_MISSING = ("", "-", "–", "—", "n/a", "na", "nan", "none")


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedRanking:
    """One ranking as published.

    Args:
        source: What to call the file in messages.
        benchmark: Name; empty where the file names none.
        models: Distinct names, in the order of the file.
        score: One each; higher is better.
        stderr: Standard error of each score; nan where unknown.
        first, last: The ranks published: the same number twice for a single rank.
        by_order: Whether the file shows no ranks, so that its order is the ranking.
        plan_hash: Hash of the sealed plan of each score; None where it says none.
        basis: Where the standard errors come from.
        notes: What was taken for granted, a sentence each.
    """

    source: str
    benchmark: str
    models: tuple[str, ...]
    score: Float[FloatArray, " models"]
    stderr: Float[FloatArray, " models"]
    first: Int[IntArray, " models"]
    last: Int[IntArray, " models"]
    by_order: bool
    plan_hash: tuple[str | None, ...]
    basis: str
    notes: tuple[str, ...] = ()

    def above(self, rows: Int[IntArray, " some_models"]) -> Bool[BoolArray, "some_models models"]:
        """``[i, j]``: the i-th of these models is shown strictly above model j."""
        return self.last[rows, None] < self.first

    def shown(self, model: int) -> str:
        """A model's rank as published."""
        low, high = int(self.first[model]), int(self.last[model])
        return str(low) if low == high else f"{low}–{high}"


def rankings_of(
    table: Table,
    own: Mapping[str, str],
    heading: str,
    source: str,
    score_range: tuple[float, float] | None,
    lower_is_better: bool,
) -> list[PublishedRanking]:
    """One ranking for each benchmark of a table.

    Args:
        table: A row for each model.
        own: The table's name of every field that it has, ``model`` and ``score`` among them.
        heading: Name of the benchmark where the rows name none.
        source: What complaints call the file.
        score_range: Smallest and largest possible score; None for [0, 1].
        lower_is_better: Whether smaller scores are better.

    Raises:
        InputError: With every problem of the table.
    """
    problems = list(table.problems)
    if not lower_is_better:
        try:
            check_more_is_better(own["score"], "the score", source=source, line=table.header, field=own["score"])
        except InputError as error:
            message = f"{error.message.partition(';')[0]}; --lower-is-better says that smaller scores are better"
            raise InputError(message, file=source, row=table.header, field=own["score"]) from None
    problems += _mixed_percentages(table, own)
    groups: dict[str, list[_Row]] = {}
    unscored: dict[str, list[_Row]] = {}
    for number, cells in table.rows:
        row = _row(number, cells, own, source, problems)
        if row is not None and math.isnan(row.score):
            unscored.setdefault(row.benchmark or heading, []).append(row)
        elif row is not None:
            groups.setdefault(row.benchmark or heading, []).append(row)
    if not (groups or problems):
        problems.append(InputError("must hold a score, got none", field=own["score"]))
    found: list[PublishedRanking] = []
    for name, rows in groups.items():
        try:
            found.append(_ranking(name, rows, own, source, score_range, lower_is_better, unscored.get(name, [])))
        except InputError as error:
            problems.append(error)
    if problems:
        raise together(problems).located(file=source)
    return found


def _mixed_percentages(table: Table, own: Mapping[str, str]) -> Iterator[InputError]:
    """Columns in which some numbers of one benchmark have a percent sign and others have none."""
    benchmarks: dict[object, list[tuple[int, Mapping[str, Cell]]]] = {}
    for number, row in table.rows:
        benchmarks.setdefault(str(row.get(own.get("benchmark", ""))), []).append((number, row))
    for column in (own[name] for name in ("score", "stderr") if name in own):
        for rows in benchmarks.values():
            mixed = mixed_percentages(((number, row.get(column)) for number, row in rows), column)
            if mixed is not None:
                yield mixed


@dataclass(frozen=True, kw_only=True)
class _Row:
    number: int
    benchmark: str
    model: str
    score: float
    stderr: float
    n_items: float
    ranks: tuple[int, int] | None
    plan_hash: str | None


def _row(
    number: int, cells: Mapping[str, Cell], own: Mapping[str, str], source: str, problems: list[InputError]
) -> _Row | None:
    """One row, its score nan where it has none; None where it is bad."""

    def cell(field: str) -> Cell:
        return cells.get(own[field]) if field in own else None

    try:
        model = cell("model")
        model = check_name(model.strip() if isinstance(model, str) else model, own["model"])
        score = _number(cell("score"), own["score"])
        stderr, n_items = (_number(cell(name), own.get(name, name)) for name in ("stderr", "n_items"))
        ranks = _ranks(cell, own)
    except InputError as error:
        problems.append(error.located(file=source, row=number))
        return None
    benchmark, plan_hash = cell("benchmark"), cell("plan_hash")
    return _Row(
        number=number,
        benchmark=str(benchmark).strip() if benchmark is not None else "",
        model=model,
        score=score,
        stderr=stderr,
        n_items=n_items,
        ranks=ranks,
        plan_hash=str(plan_hash).strip() or None if plan_hash is not None else None,
    )


def _number(cell: Cell, field: str) -> float:
    """A number as tables show it, with a percent sign or an error behind it; nan where there is none."""
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in _MISSING):
        return math.nan
    if isinstance(cell, bool) or not isinstance(cell, (int, float, str)):
        raise InputError(f"{field} must be a number, got {str(cell)[:40]!r}", field=field)
    if isinstance(cell, str):
        shown = shown_number(cell)
        if shown is None:
            raise InputError(f"{field} must be a number, got {cell.strip()[:40]!r}", field=field)
        return float(shown)
    return float(cell)


def _ranks(cell: Callable[[str], Cell], own: Mapping[str, str]) -> tuple[int, int] | None:
    """First and last rank that a row shows, the widest form first: both ends, a range, one rank."""
    if {"best_rank", "worst_rank"} <= own.keys():
        ends = [_one_rank(cell(name), own[name]) for name in ("best_rank", "worst_rank")]
        if ends[0] is not None and ends[1] is not None:
            return _ordered(ends[0][0], ends[1][1], own["worst_rank"])
    for name in ("ranks", "rank"):
        if name in own and (found := _one_rank(cell(name), own[name])) is not None:
            return _ordered(*found, own[name])
    return None


def _one_rank(cell: Cell, field: str) -> tuple[int, int] | None:
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in _MISSING):
        return None
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and float(cell).is_integer() and cell >= 1:
        return int(cell), int(cell)
    if isinstance(cell, str):
        text = cell.strip()
        text = _MEDALS.get(text, text)
        if single := _ONE.match(text):
            return int(single.group(1)), int(single.group(1))
        if several := _RANGE.match(text):
            return int(several.group(1)), int(several.group(2))
    raise InputError(f"{field} must be a rank such as 2 or a range such as 2-4, got {str(cell)[:40]!r}", field=field)


def _ordered(low: int, high: int, field: str) -> tuple[int, int]:
    if not 1 <= low <= high:
        raise InputError(f"{field} must be a rank from 1 or a rising range, got {low}-{high}", field=field)
    return low, high


def _ranking(
    name: str,
    rows: Sequence[_Row],
    own: Mapping[str, str],
    source: str,
    score_range: tuple[float, float] | None,
    lower_is_better: bool,
    unscored: Sequence[_Row],
) -> PublishedRanking:
    seen: dict[str, int] = {}
    for row in rows:
        if row.model in seen:
            message = f"model must be listed once, got {row.model!r} again (first in row {seen[row.model]})"
            raise InputError(message, file=source, row=row.number, field=own["model"])
        seen[row.model] = row.number
    missing = [row for row in rows if row.ranks is None]
    ranked = {"rank", "ranks", "best_rank"} & own.keys()
    by_order = len(missing) == len(rows)
    if missing and not by_order:
        field = own[next(iter(sorted(ranked)))]
        raise InputError(
            f"{field} must be given for every model or none", file=source, row=missing[0].number, field=field
        )
    score = np.array([row.score for row in rows])
    stderr, basis = _errors(rows, score, score_range, own, source)
    ends = [row.ranks or (at, at) for at, row in enumerate(rows, 1)]
    notes = ["The table shows no ranks, so the order of its rows is taken as the ranking."] if by_order else []
    for row in unscored:
        if row.ranks is not None and row.ranks[0] < max(last for _, last in ends):
            message = f"{own['score']} must be a number where a rank above another model is shown, got none for"
            raise InputError(f"{message} {row.model!r}", file=source, row=row.number, field=own["score"])
    if unscored:
        names = [row.model for row in unscored]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        notes.append(f"No score, and so left out of the check: {shown}.")
    return PublishedRanking(
        source=source,
        benchmark=name,
        models=tuple(row.model for row in rows),
        score=-score if lower_is_better else score,
        stderr=stderr,
        first=np.array([low for low, _ in ends], dtype=np.int64),
        last=np.array([high for _, high in ends], dtype=np.int64),
        by_order=by_order,
        plan_hash=tuple(row.plan_hash for row in rows),
        basis=basis,
        notes=tuple(notes),
    )


def _errors(
    rows: Sequence[_Row],
    score: Float[FloatArray, " models"],
    score_range: tuple[float, float] | None,
    own: Mapping[str, str],
    source: str,
) -> tuple[Float[FloatArray, " models"], str]:
    """Standard errors as given, else binomial ones from numbers of items; and what they rest on."""
    stderr, n_items = np.array([row.stderr for row in rows]), np.array([row.n_items for row in rows])
    for field, values, least in (("stderr", stderr, 0.0), ("n_items", n_items, 1.0)):
        bad = np.flatnonzero(~np.isnan(values) & ~((values >= least) & (values < np.inf)))
        if bad.size:
            at = int(bad[0])
            message = f"{own[field]} must be a number of at least {least:g}, got {values[at]:g}"
            raise InputError(message, file=source, row=rows[at].number, field=own[field])
    wanted = np.isnan(stderr) & ~np.isnan(n_items)
    if not wanted.any():
        return stderr, "the standard errors that the table gives" if not np.isnan(stderr).all() else "nothing"
    low, high = score_range or (0.0, 1.0)
    outside = np.flatnonzero(wanted & ~((score >= low) & (score <= high)))
    if outside.size:
        at = int(outside[0])
        message = (
            f"{own['score']} must be within the score range [{low:g}, {high:g}] for an error from the number of items"
        )
        raise InputError(
            f"{message}, got {score[at]:g}; --score-range 0:100 declares percentages",
            file=source,
            row=rows[at].number,
            field=own["score"],
        )
    share = (score[wanted] - low) / (high - low)
    stderr[wanted] = (high - low) * binomial_stderr(share, n_items[wanted])
    given = "" if np.isnan(stderr[~wanted]).all() else "the standard errors that the table gives, and "
    return stderr, f"{given}binomial standard errors from the numbers of items"
