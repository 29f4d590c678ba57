"""``headstart.compare`` for scripts and notebooks: scores before and after tuning, without anything between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headstart.api.sources import Frame
from headstart.auditing.comparison import compare as run_compare
from headstart.auditing.comparison_values import Comparison
from headstart.data.trajectories import Trajectories
from headstart.data.trajectory_files import read_results
from headstart.data.two_columns import TwoColumns
from headstart.errors import InputError
from headstart.report.comparison_page import comparison_page, write_comparison_page


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ComparisonResult:
    """A comparison of two columns that shows itself: what to do, and its page.

    Args:
        values: Everything that was found, as plain values.
    """

    values: Comparison

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all.

        Raises:
            InputError: If the file cannot be written.
        """
        write_comparison_page(self.values, path)

    def html(self) -> str:
        """The page."""
        return comparison_page(self.values)

    def __repr__(self) -> str:
        return f"<comparison of {self.values.source or 'two columns'}: {self.values.decision.sentence}>"


def compare(
    table: str | os.PathLike[str] | Frame | TwoColumns,
    *,
    benchmark: str | None = None,
    columns: Mapping[str, str] | None = None,
    score_range: tuple[float, float] | None = None,
    least_tau: float = 0.9,
    seed: int = 0,
) -> ComparisonResult:
    """Compare direct with tuned scores: ranks before and after, ties, movers, and what to publish.

    Args:
        table: A file, a data frame (polars or pandas), or two columns.
        benchmark: Which one; all when not given.
        columns: The table's own names of columns, such as ``{"score": "acc"}``.
        score_range: Range of the scores, where it is not (0, 1).
        least_tau: Agreement from which on two rankings count as the same.
        seed: Of the draws behind the rank sets.

    Raises:
        InputError: If the table is bad, or holds whole trajectories, naming file, row and field.

    >>> import polars as pl
    >>> frame = pl.DataFrame({"model": ["a", "b", "c"], "direct": [0.3, 0.5, 0.4], "tuned": [0.6, 0.55, 0.5]})
    >>> compare(frame).values.benchmarks[0].models[0].name
    'a'
    """
    read: Trajectories | TwoColumns = (
        table
        if isinstance(table, TwoColumns)
        else read_results(table, benchmark=benchmark, columns=columns, score_range=score_range)
    )
    if isinstance(read, Trajectories):
        raise InputError("holds scores at more than two amounts of tuning; headstart.audit uses all of them")
    name = Path(table).name if isinstance(table, str | os.PathLike) else ""
    return ComparisonResult(values=run_compare(read, source=name, least_tau=least_tau, seed=seed))
