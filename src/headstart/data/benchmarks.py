"""Which benchmark of a file is meant, and what its scores may be."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.data.columns import Line, complaint
from headstart.data.metrics import check_more_is_better
from headstart.data.rows import TrajectoryRow
from headstart.errors import InputError, together
from headstart.io.text import suggestion


def listed_benchmarks(rows: Sequence[TrajectoryRow], lines: Sequence[Line], source: str) -> list[str]:
    """Names of the benchmarks in the order of their first row; none where no row names one.

    Raises:
        InputError: If some rows name a benchmark and others do not, with every such row.
    """
    listed = [name for name in dict.fromkeys(row.benchmark for row in rows) if name is not None]
    unnamed = [at for at, row in enumerate(rows) if row.benchmark is None]
    if listed and unnamed:
        must = "benchmark must be named in every row or in none"
        raise together([complaint(must, source=source, line=lines[at], field="benchmark") for at in unnamed])
    return listed


def check_wanted(wanted: str | None, listed: Sequence[str], source: str) -> None:
    """Refuse a benchmark that a file with named benchmarks does not hold, naming those it does.

    Raises:
        InputError: If it is not there.
    """
    if wanted is not None and listed and wanted not in listed:
        raise InputError(
            f"benchmark must be one of those in the file ({', '.join(listed)}), got {wanted!r}"
            + suggestion(wanted, listed),
            file=source,
            field="benchmark",
        )


def choose_benchmark(
    rows: Sequence[TrajectoryRow], lines: Sequence[Line], wanted: str | None, source: str, fallback: str
) -> tuple[str, list[int]]:
    """Name of the one benchmark to take, and positions of its rows.

    Raises:
        InputError: If it is not there, is not told, or less of it is better.
    """
    listed = listed_benchmarks(rows, lines, source)
    if not listed:
        return wanted or fallback, list(range(len(rows)))
    check_wanted(wanted, listed, source)
    if wanted is None and len(listed) > 1:
        raise InputError(
            f"holds {len(listed)} benchmarks ({', '.join(listed)}); benchmark must name one (headstart suite ranks "
            "over all of them)",
            file=source,
        )
    name = wanted or listed[0]
    check_more_is_better(name, "benchmark", source=source, field="benchmark", whole=False)
    return name, [at for at, row in enumerate(rows) if row.benchmark == name]


def with_range_hint(error: InputError, score_range: tuple[float, float] | None) -> InputError:
    """The error with a word on how another range is declared, at the first score outside the one assumed."""
    single = list(error.problems)
    for at, one in enumerate(single):
        if score_range is None and "score range" in one.message:
            hint = f"{one.message}; another range is declared as score_range"
            single[at] = InputError(hint, file=one.file, row=one.row, field=one.field)
            break
    return together(single)
