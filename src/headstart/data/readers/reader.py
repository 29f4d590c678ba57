"""What a reader of measurements is, what it is given to look at, and how a caller may help it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import cast

from headstart.data.markdown_table import read_markdown_table
from headstart.data.measurements import Measurements
from headstart.errors import InputError
from headstart.io.documents import parse_json
from headstart.io.json_values import mapping
from headstart.io.markdown_tables import is_markdown
from headstart.io.table import Table
from headstart.io.tables import read_table
from headstart.io.text import STDIN, binary_kind, decode, read_bytes


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What a caller says where a file does not, or where it holds more than is wanted.

    Args:
        reader: Name of the reader to use, in place of the one that recognises the file.
        columns: The file's own name of a column, such as ``{"score": "acc"}``.
        metric: Which metric to take, where the file holds several; of several names each task takes the first it has.
        tasks: Which tasks to take; all when empty.
        model: Name of the model, for a file that holds one and does not say which.
        step: Step of scores whose file says none: 0 for models that were not tuned.
        layout: Where model, step, task and seed stand in the paths below a folder; see ``data.folder_layout``.
        newest: Of several files for the same score take the newest.
        flip: Turn scores of which less is better round within ``score_range``: ``low + high - score``.
        score_range: Smallest and largest possible score; [0, 1] when None.
        heading: Above the table that is meant, of a Markdown file that holds several.
    """

    reader: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    metric: str | tuple[str, ...] | None = None
    tasks: tuple[str, ...] = ()
    model: str | None = None
    step: float | None = None
    layout: str | None = None
    newest: bool = False
    flip: bool = False
    score_range: tuple[float, float] | None = None
    heading: str | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics asked for, the preferred one first."""
        return self.metric if isinstance(self.metric, tuple) else () if self.metric is None else (self.metric,)

    def turned(self, score: float) -> float:
        """A score of which less is better as one of which more is."""
        low, high = self.score_range or (0.0, 1.0)
        return low + high - score


class Given:
    """A file, a folder, standard input or a data frame, of which a reader looks at as much as it needs.

    Args:
        given: A path, ``"-"``, or a data frame of polars or pandas.
        columns: The file's own names of columns.
        heading: Above the table that is meant, of a Markdown file that holds several.

    Every view is made once: readers that look at the same bytes do not parse them again.
    """

    def __init__(self, given: object, columns: Mapping[str, str] | None = None, *, heading: str | None = None) -> None:
        self.given = given
        self.columns = dict(columns or {})
        self.heading = heading
        is_path = isinstance(given, (str, os.PathLike))
        self.path = os.fspath(cast("str | os.PathLike[str]", given)) if is_path else None
        self.is_file = self.path is not None and (self.path == STDIN or not os.path.isdir(self.path))

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files."""
        return self.path is not None and not self.is_file

    @property
    def source(self) -> str:
        """What to call it in messages."""
        if self.path is None:
            return "data frame"
        return "standard input" if self.path == STDIN else self.path

    @property
    def stem(self) -> str:
        """What a benchmark is called that nothing names."""
        return "benchmark" if self.path in (None, STDIN) else Path(self.path or "").stem

    @cached_property
    def data(self) -> bytes:
        """The bytes of a file; nothing for a folder or a data frame.

        Raises:
            InputError: If it cannot be read, or is larger than ``io.text.MOST_BYTES``.
        """
        return read_bytes(self.path or "") if self.is_file else b""

    @cached_property
    def document(self) -> object:
        """The JSON document that the file is, with NaN where Python wrote one; None where it is none."""
        begin = self.data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if begin not in (b"{", b"["):
            return None
        try:
            return parse_json(decode(self.data, self.source), allow_nan=True)
        except (InputError, ValueError, RecursionError):
            return None

    @property
    def fields(self) -> Mapping[str, object]:
        """The fields of a JSON document that is an object; none otherwise."""
        return mapping(self.document)

    @cached_property
    def table(self) -> Table | None:
        """The table that it is; None where it is none, and ``table_error`` says why."""
        if self.is_folder:
            return None
        try:
            if self.path is not None and is_markdown(self.path):
                model = self.columns.get("model", "model")
                return read_markdown_table(self.data, self.source, model=model, heading=self.heading)
            return read_table(self.given, None if self.path is None else self.data)
        except InputError as error:
            self._table_error = error
            return None

    @property
    def table_error(self) -> InputError | None:
        """Why it is no table."""
        return getattr(self, "_table_error", None) if self.table is None else None

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns; none where it is no table, or a nested document."""
        return () if self.table is None or self.table.nested else self.table.columns

    @property
    def is_zip(self) -> bool:
        """Whether the file is a zip archive."""
        return (binary_kind(self.data[:8]) or "").startswith("a zip archive")


@dataclass(frozen=True, kw_only=True)
class Example:
    """A small made-up file of the kind that a reader reads.

    Args:
        name: What the file may be called, with the folders that its place says something by.
        data: Its bytes.
        options: What the reader must be told to read it.
    """

    name: str
    data: bytes
    options: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of file that holds measurements; see ``data.readers`` for how to register another.

    Args:
        title: What messages and documentation call the kind.
        looks_for: What a file of the kind is recognised by, to be read after "recognised by".
        recognises: A sentence that says by what the file was recognised, or None where it is of another kind. It must
            not raise for a file of another kind.
        read: The measurements of a file that was recognised.
        example: A small file of the kind: the documentation shows it, tests and the fuzzing bench damage it.
        many: Whether several files of the kind, such as those of a folder, make one set; ``read`` is then given all of
            them and must treat them as one.
    """

    title: str
    looks_for: str
    recognises: Callable[[Given], str | None]
    read: Callable[[Sequence[Given], ReadOptions], Measurements]
    example: Callable[[], Example]
    many: bool = False


def given_of(file: object, options: ReadOptions) -> Given:
    """What a reader looks at, made of a path, ``"-"`` or a data frame where it is not made yet."""
    return file if isinstance(file, Given) else Given(file, options.columns, heading=options.heading)


def with_columns(options: ReadOptions, columns: Mapping[str, str] | None) -> ReadOptions:
    """The options with names of columns that were given apart."""
    return replace(options, columns={**options.columns, **(columns or {})})
