"""Readers of measurements: one registry of the kinds of files, each recognised by what it holds.

A kind is one ``Reader``. Every command that takes measurements reads them through ``read_measurements``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from headstart.data.measurements import Measurements
from headstart.data.readers.folder import FoundFile, files_of
from headstart.data.readers.layouts import read_layout
from headstart.data.readers.reader import Given, Reader, ReadOptions, given_of
from headstart.errors import InputError
from headstart.io.table import TableFormat
from headstart.registry import Registry


def _complaint(found: object) -> str | None:
    if isinstance(found, TableFormat):
        return "must be a Reader, got a TableFormat, which belongs into the group headstart.formats"
    return None if isinstance(found, Reader) else f"must be a Reader, got {type(found).__name__}"


_HERE = "headstart.data.readers"

READERS: Registry[Reader] = Registry(
    "reader",
    group="headstart.readers",
    lazy={
        "inspect": f"{_HERE}.inspect_log:INSPECT",
        "every-eval-ever": f"{_HERE}.every_eval_ever:EVERY_EVAL_EVER",
        "leaderboard": f"{_HERE}.leaderboard:LEADERBOARD",
        "lm-eval": f"{_HERE}.lm_eval:LM_EVAL",
        "trainer-state": f"{_HERE}.trainer_state:TRAINER_STATE",
        "eval-results": f"{_HERE}.eval_results:EVAL_RESULTS",
        "leaderboard-table": f"{_HERE}.leaderboard_table:LEADERBOARD_TABLE",
        "wandb": f"{_HERE}.wandb:WANDB",
        "runs": f"{_HERE}.runs:RUNS",
        "primary-score": f"{_HERE}.primary_score:PRIMARY_SCORE",
        "two-columns": f"{_HERE}.layouts:TWO_COLUMNS",
        "wide": f"{_HERE}.layouts:WIDE",
        "long": f"{_HERE}.layouts:LONG",
        "nested": f"{_HERE}.layouts:NESTED",
    },
    complaint=_complaint,
)
"""Readers by name, in the order in which they are asked; the first that recognises a file reads it.

Packages add theirs under the entry-point group ``headstart.readers``; they are asked after those of headstart.
"""


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """Which reader a file is for.

    Args:
        name: Of the reader.
        reader: The reader.
        why: By what it recognised the file, a sentence.
        files: What it is to read: the file itself, or those of a folder.
        skipped: Files of a folder that are of no kind that is read from folders.
    """

    name: str
    reader: Reader
    why: str
    files: tuple[Given, ...]
    skipped: tuple[str, ...] = ()


def recognise(given: Given, options: ReadOptions | None = None) -> Recognised | None:
    """The reader that a file, a folder or a data frame is for; None where none recognises it.

    Raises:
        InputError: If the file cannot be read, it is not what the reader asked for reads, or a folder holds files of
            several kinds.
    """
    options = options or ReadOptions()
    if given.is_folder:
        return _of_folder(given, options)
    if options.reader is not None:
        found = _asked_for(given, options.reader)
        if found is None:
            raise InputError(
                f"is not what the reader {options.reader} reads, which looks for {READERS[options.reader].looks_for}",
                file=given.source,
            )
    else:
        found = _first(given, _loaded())
    return None if found is None else Recognised(name=found[0], reader=found[1], why=found[2], files=(given,))


def read_measurements(given: object, options: ReadOptions | None = None) -> Measurements:
    """Every score of a file, a folder of files, standard input or a data frame.

    Args:
        given: A path, ``"-"`` for standard input, or a data frame of polars or pandas.
        options: What it does not say itself.

    Raises:
        InputError: If no reader recognises it, saying what was looked for; or whatever the reader complains of.
    """
    options = options or ReadOptions()
    given = given_of(given, options)
    found = recognise(given, options)
    if found is None:
        return _unrecognised(given, options)
    return found.reader.read(found.files, options)


def asked(given: Given) -> list[tuple[str, str | None]]:
    """Every reader with the reason for which it recognises a file, or None; what cannot be loaded is left out."""
    answers: list[tuple[str, str | None]] = []
    for name, reader in _loaded().items():
        answers.append((name, reader.recognises(given)))
    return answers


def _loaded() -> dict[str, Reader]:
    """All readers but those of other packages that do not load; ``_broken`` names these where nothing else helps."""
    found: dict[str, Reader] = {}
    for name in READERS.names():
        with suppress(InputError):
            found[name] = READERS[name]
    return found


def _first(given: Given, readers: Mapping[str, Reader]) -> tuple[str, Reader, str] | None:
    for name, reader in readers.items():
        why = reader.recognises(given)
        if why is not None:
            return name, reader, why
    return None


def _of_folder(given: Given, options: ReadOptions) -> Recognised | None:
    readers = {name: reader for name, reader in _loaded().items() if reader.many}
    kinds: dict[str, tuple[Reader, str, list[FoundFile]]] = {}
    skipped: list[str] = []
    for file in files_of(given, options.layout):
        found = _first(file, readers) if options.reader is None else _asked_for(file, options.reader, many=True)
        if found is None:
            skipped.append(file.source)
        else:
            name, reader, why = found
            kinds.setdefault(name, (reader, why, []))[2].append(file)
    if not kinds:
        return None
    if len(kinds) > 1:
        shown = ", ".join(f"{name} ({len(files)}, such as {files[0].source})" for name, (_, _, files) in kinds.items())
        raise InputError(f"must hold files of one kind, got {shown}; reader=NAME names one", file=given.source)
    ((name, (reader, why, files)),) = kinds.items()
    return Recognised(name=name, reader=reader, why=why, files=tuple(files), skipped=tuple(skipped))


def _asked_for(given: Given, name: str, *, many: bool = False) -> tuple[str, Reader, str] | None:
    """The reader of a name, if it recognises the file."""
    reader = READERS[name]
    if many and not reader.many:
        raise InputError(f"must be a file for the reader {name}, which reads no folders")
    why = reader.recognises(given)
    return None if why is None else (name, reader, why)


def _unrecognised(given: Given, options: ReadOptions) -> Measurements:
    """Complain: as the reader of plain tables does where the file is a table, else with what was looked for.

    Raises:
        InputError: Always.
    """
    if given.is_folder:
        many = [name for name in READERS.own if READERS[name].many]
        raise InputError(f"holds no file of a kind that is read from folders ({', '.join(many)})", file=given.source)
    try:
        return read_layout([given], options)
    except InputError as error:
        problem = error.problems[0]
        nearly = given.header and not problem.message.startswith("missing columns")
        if nearly or given.path is None:
            raise  # a table of a known layout but for what is complained of
        raise InputError(
            f"{problem.message}; looked for {', '.join(READERS.names())}{_broken()} "
            "(headstart import list says by what each is recognised)",
            file=given.source,
            row=problem.row,
            field=problem.field,
        ) from None


def _broken() -> str:
    """Readers of other packages that do not load."""
    found: list[str] = []
    for name in READERS.names():
        try:
            READERS[name]
        except InputError as error:
            found.append(error.message)
    return f"; not asked: {'; '.join(found)}" if found else ""


__all__ = ["READERS", "Recognised", "asked", "read_measurements", "recognise"]
