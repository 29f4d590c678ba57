"""Results as a table: CSV and Parquet, which headstart reads again as a long table."""

from __future__ import annotations

from headstart.data.writers.published import Published, Writer
from headstart.io.delimited import write_delimited
from headstart.io.parquet import write_parquet
from headstart.io.table import Columns

_ALWAYS = ("benchmark", "model", "step", "score")
_COLUMNS = (*_ALWAYS, "stderr", "n_items", "seed", "rank", "best_rank", "worst_rank")


def columns_of(published: Published) -> Columns:
    """The columns of the table; optional ones without any value are left out."""
    columns = {name: [getattr(one, name) for one in published.scores] for name in _COLUMNS}
    return {
        name: values
        for name, values in columns.items()
        if name in _ALWAYS or any(value is not None for value in values)
    }


def _csv(published: Published) -> bytes:
    return write_delimited(columns_of(published), separator=",")


def _parquet(published: Published) -> bytes:
    return write_parquet(columns_of(published))


CSV = Writer(title="CSV", render=_csv)
PARQUET = Writer(title="Parquet", render=_parquet)
