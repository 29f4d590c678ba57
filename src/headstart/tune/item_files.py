"""Files of items, JSON lines or Parquet, read so that every complaint can name its row and field."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from headstart.errors import InputError
from headstart.io.json_tables import json_objects
from headstart.io.text import binary_kind, decode, read_bytes, suggestion


@dataclass(frozen=True, kw_only=True)
class Record:
    """One item as it stands in its file.

    Args:
        file: Name of the file, for complaints.
        row: Line in a text file; row, counted from 1, in Parquet.
        cells: Values by key; a value of None counts as not given.
    """

    file: str
    row: int
    cells: Mapping[str, object]

    def text(self, *keys: str, empty: bool = False) -> str:
        """The text under the one of ``keys`` (a name and its aliases) that is there."""
        key = self.key(*keys)
        return self.check_text(self.cells[key], key, empty=empty)

    def texts(self, *keys: str, at_least: int = 1) -> tuple[str, ...]:
        """The list of texts, none of them blank and all different, under the one of ``keys`` that is there."""
        key = self.key(*keys)
        value = self.cells[key]
        if not isinstance(value, list):
            raise self.complaint(f"{key} must be a list of texts, got {_short(value)}", key)
        values = cast("list[object]", value)
        if len(values) < at_least:
            raise self.complaint(f"{key} must hold at least {at_least} texts, got {len(values)}", key)
        texts = tuple(self.check_text(one, f"{key}[{at}]") for at, one in enumerate(values))
        for at, one in enumerate(texts):
            if one in texts[:at]:
                raise self.complaint(f"{key} must all differ, got {_short(one)} twice", f"{key}[{at}]")
        return texts

    def index(self, key: str, below: int) -> int:
        """The whole number under ``key``, in ``0..below - 1``."""
        value = self.cells[self.key(key)]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.complaint(
                f"{key} must be the index of the right choice, a whole number, got {_short(value)}", key
            )
        if not 0 <= value < below:
            raise self.complaint(f"{key} must be in 0..{below - 1}, as there are {below} choices, got {value}", key)
        return value

    def key(self, *keys: str) -> str:
        """The one of ``keys`` that is there."""
        there = [key for key in keys if self.cells.get(key) is not None]
        if len(there) > 1:
            raise self.complaint(f"only one of {' and '.join(there)} may be given", there[1])
        if not there:
            near = suggestion(keys[0], self.cells)
            raise self.complaint(f"{' or '.join(keys)} is missing{near}", keys[0])
        return there[0]

    def check_text(self, value: object, field: str, *, empty: bool = False) -> str:
        """``value`` itself when it is text that can be tokenised and, unless allowed, not blank."""
        if not isinstance(value, str):
            raise self.complaint(f"{field} must be text, got {_short(value)}", field)
        if not empty and not value.strip():
            raise self.complaint(f"{field} must not be blank, got {value!r}", field)
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise self.complaint(f"{field} must be text, got half a character in {_short(value)}", field) from None
        return value

    def complaint(self, message: str, field: str) -> InputError:
        """An error that names this item and ``field``."""
        return InputError(message, file=self.file, row=self.row, field=field)


def read_records(path: str) -> tuple[Iterator[Record], str]:
    """The items of a ``.jsonl``, ``.ndjson`` or ``.parquet`` file, one by one, and the SHA-256 of its bytes.

    Raises:
        InputError: If the file cannot be read or is empty; while iterating, if a line is not a JSON object.
    """
    data = read_bytes(path)
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InputError("is empty; a split must hold items", file=path)
    records = _parquet(data, path) if path.lower().endswith(".parquet") else _json_lines(decode(data, path), path)
    return records, hashlib.sha256(data).hexdigest()


def _json_lines(text: str, path: str) -> Iterator[Record]:
    for row, cells in json_objects(text, path):
        yield Record(file=path, row=row, cells=cells)


def _parquet(data: bytes, path: str) -> Iterator[Record]:
    if binary_kind(data) != "Parquet":
        raise InputError("is not what its name says: it must be a Parquet file", file=path)
    import polars as pl  # here, because it takes longer to import than most commands run

    try:
        rows = pl.read_parquet(io.BytesIO(data)).rows(named=True)
    # polars reports some damaged files by a panic, which is not an Exception
    except (Exception, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"is a damaged Parquet file: {reason}", file=path) from None
    for row, cells in enumerate(rows, start=1):
        yield Record(file=path, row=row, cells=cells)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
