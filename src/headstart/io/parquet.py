"""Tables in Parquet files."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager

from headstart.errors import InputError
from headstart.io.table import Columns, Table, TableFormat
from headstart.io.text import binary_kind


def read_parquet(data: bytes, source: str) -> Table:
    """Read the table of a Parquet file.

    Raises:
        InputError: If it is no such file, or damaged.
    """
    if binary_kind(data) != "Parquet":
        raise InputError("is not what its name says: it must be a Parquet file", file=source)
    import polars as pl  # here, because it takes longer to import than most commands run

    try:
        with _panics_unheard():
            frame = pl.read_parquet(io.BytesIO(data))
            records = frame.rows(named=True)
    # polars reports some damaged files by a panic, which is not an Exception
    except (Exception, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"is a damaged Parquet file: {reason}", file=source) from None
    return Table(
        source=source, text=False, columns=tuple(frame.columns), rows=tuple(enumerate(records, start=1)), header=None
    )


@contextmanager
def _panics_unheard() -> Generator[None]:
    """Keep what Rust writes about a panic from standard error: the error raised says it. Anything else is passed on."""
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all
        yield
        return
    with tempfile.TemporaryFile() as heard:
        os.dup2(heard.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            if not failed and heard.seek(0, os.SEEK_END):
                heard.seek(0)
                os.write(2, heard.read())


def write_parquet(columns: Columns) -> bytes:
    """The columns as the bytes of a Parquet file."""
    import polars as pl  # here, because it takes longer to import than most commands run

    stream = io.BytesIO()
    pl.DataFrame({name: list(values) for name, values in columns.items()}).write_parquet(stream)
    return stream.getvalue()


PARQUET = TableFormat(name="Parquet", read=read_parquet, write=write_parquet)
