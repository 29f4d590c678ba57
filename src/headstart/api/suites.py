"""``headstart.rank_suite`` for scripts and notebooks: many benchmarks in one ranking."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headstart.api.sources import Frame
from headstart.report.suite_document import suite_table
from headstart.report.suite_page import suite_page, write_suite_page
from headstart.suite.missing import MissingRule, complete
from headstart.suite.reading import Ranges, read_suite
from headstart.suite.suite import rank_suite as run_suite
from headstart.suite.values import Suite

if TYPE_CHECKING:
    import polars as pl

Source = str | os.PathLike[str] | Frame
"""A file, or a data frame."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SuiteResult:
    """A suite that shows itself: what to do, the ranking as a frame, and its page.

    Args:
        values: Everything that was found, as plain values.
    """

    values: Suite

    def ranking(self) -> pl.DataFrame:
        """A row for each model, the first rank on top: ranks under every rule and rigging counts (null: never)."""
        import polars as pl

        return pl.DataFrame(dict(suite_table(self.values)))

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all.

        Raises:
            InputError: If the file cannot be written.
        """
        write_suite_page(self.values, path)

    def html(self) -> str:
        """The page."""
        return suite_page(self.values)

    def __repr__(self) -> str:
        return f"<suite of {len(self.values.models)} models, {len(self.values.tasks)} tasks: {self.values.sentence}>"


def rank_suite(
    tables: Source | Sequence[Source],
    *,
    aggregation: str = "mean",
    missing: MissingRule = "drop-models",
    tasks: Collection[str] | None = None,
    less_is_better: Collection[str] = (),
    columns: Mapping[str, str] | None = None,
    score_range: tuple[float, float] | Ranges | None = None,
    rigging: bool | None = None,
    seed: int = 0,
) -> SuiteResult:
    """Rank models over many benchmarks, under every usual rule, before and after tuning where the tables have both.

    Args:
        tables: A file or data frame, or several.
        aggregation: The rule that ranks; one of ``headstart.suite.aggregations.AGGREGATIONS``.
        missing: Where a score is missing: leave out its model, its task, or refuse.
        tasks: Only these; all when None.
        less_is_better: Tasks to be turned round.
        columns: The tables' own names of columns, such as ``{"score": "acc"}``.
        score_range: Range of all scores, or of single tasks by name.
        rigging: Whether to count how many tasks bring each model to the first rank; of small suites when None.
        seed: Of the draws behind the rank sets.

    Raises:
        InputError: If a table or an option is bad, naming file, row and field.

    >>> import polars as pl
    >>> board = pl.DataFrame({"model": ["a", "b"], "law": [0.7, 0.6], "code": [0.5, 0.4]})
    >>> rank_suite(board).ranking()["direct_rank"].to_list()
    [1, 2]
    """
    given: Sequence[object] = tables if isinstance(tables, list | tuple) else [tables]
    ranges: Ranges | None = {None: score_range} if isinstance(score_range, tuple) else score_range
    cells = read_suite(given, columns=columns, ranges=ranges, less_is_better=less_is_better, tasks=tasks)
    found = run_suite(
        complete(cells, missing),
        source=cells.source,
        aggregation=aggregation,
        rigging=rigging,
        notes=cells.notes,
        seed=seed,
    )
    return SuiteResult(values=found)
