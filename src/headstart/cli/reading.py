"""How commands read result files, and what they do with one that holds two columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.cli.common import check_outputs, parse_range, tell
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.data.readers.reader import ReadOptions
    from headstart.data.trajectories import Trajectories
    from headstart.data.two_columns import TwoColumns


def parse_columns(text: str | None) -> dict[str, str] | None:
    """Pairs ``field=column``, separated by commas."""
    if text is None:
        return None
    found: dict[str, str] = {}
    for pair in text.split(","):
        name, equals, column = (part.strip() for part in pair.partition("="))
        if not (name and equals and column):
            raise InputError(f"--columns must be FIELD=COLUMN pairs such as score=acc,model=name, got {text!r}")
        if name in found:
            raise InputError(f"--columns must name each field once, got {name!r} twice in {text!r}")
        found[name] = column
    return found


def parse_reading(pairs: Sequence[str] | None) -> ReadOptions:
    """Pairs ``key=value`` of ``--read``."""
    from headstart.cli.completion import READING
    from headstart.data.readers.reader import ReadOptions

    found: dict[str, str] = {}
    several: dict[str, list[str]] = {"metric": [], "task": []}
    for pair in pairs or ():
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (equals and value) or key not in READING:
            raise InputError(f"--read must be KEY=VALUE with one of the keys {', '.join(READING)}, got {pair!r}")
        if key in found:
            raise InputError(f"--read must give each key once, got {key} twice")
        if key in several:
            several[key].append(value)
        else:
            found[key] = value
    return ReadOptions(
        reader=found.get("reader"),
        metric=tuple(several["metric"]) or None,
        tasks=tuple(several["task"]),
        model=found.get("model"),
        step=_step(found.get("step")),
        layout=found.get("layout"),
        newest=_yes("newest", found),
        flip=_yes("flip", found),
        heading=found.get("heading"),
    )


def _step(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        step = float(value)
    except ValueError:
        step = -1.0
    if not 0 <= step < math.inf:
        raise InputError(f"--read step must be a number >= 0, got {value!r}")
    return step


def _yes(key: str, found: Mapping[str, str]) -> bool:
    value = found.get(key, "no")
    if value not in ("yes", "no"):
        raise InputError(f"--read {key} must be yes or no, got {value!r}")
    return value == "yes"


def read_curves(
    source: str,
    *,
    benchmark: str | None = None,
    columns: str | None = None,
    reading: Sequence[str] | None = None,
    score_range: str | None = None,
    cost_per_step: float | None = None,
    cost_unit: str | None = None,
) -> Trajectories:
    """The trajectories of a file, with its notes told."""
    from headstart.data.trajectory_files import read_trajectories

    found = read_trajectories(
        source,
        benchmark=benchmark,
        columns=parse_columns(columns),
        score_range=parse_range(score_range),
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
        options=parse_reading(reading),
    )
    _tell_notes(source, found.notes)
    return found


def read_anything(
    source: str,
    *,
    benchmark: str | None = None,
    columns: str | None = None,
    reading: Sequence[str] | None = None,
    score_range: str | None = None,
    cost_per_step: float | None = None,
    cost_unit: str | None = None,
) -> Trajectories | TwoColumns:
    """Trajectories fit for an audit, or two columns, with the notes told."""
    from headstart.data.trajectories import Trajectories
    from headstart.data.trajectory_files import read_results, require_auditable

    found = read_results(
        source,
        benchmark=benchmark,
        columns=parse_columns(columns),
        score_range=parse_range(score_range),
        cost_per_step=cost_per_step,
        cost_unit=cost_unit,
        options=parse_reading(reading),
    )
    if isinstance(found, Trajectories):
        try:
            require_auditable(found)
        except InputError as error:
            raise error.located(file=_named(source)) from None
    _tell_notes(source, found.notes)
    return found


def audit_two_columns(
    table: TwoColumns,
    source: str,
    *,
    seed: int,
    json: str | None,
    html: Path | None,
    unused: Mapping[str, object],
    quiet: bool = False,
) -> None:
    """Compare two columns and publish the comparison; options that need curves are refused.

    Args:
        table: What the file holds.
        source: Its name.
        seed: Of the draws behind the rank sets.
        json: Where the document goes; ``-`` for standard output, None for nowhere.
        html: Where the page goes; None for nowhere.
        unused: ReadOptions that need curves, by name, each None where it was not given.
        quiet: Print only what to do.
    """
    from headstart.auditing.comparison import compare
    from headstart.io.atomic import write_json
    from headstart.report.comparison_document import comparison_document
    from headstart.report.comparison_text import print_comparison

    check_outputs(html, json=json)
    _refuse([name for name, value in unused.items() if value is not None], source)
    try:
        found = compare(table, source=Path(_named(source)).name, seed=seed)
    except InputError as error:
        raise error.located(file=_named(source)) from None
    if json is not None:
        write_json(json, comparison_document(found))
    if html is not None:
        from headstart.report.comparison_page import write_comparison_page

        write_comparison_page(found, html)
        tell(f"wrote {html}")
    if json != "-":
        print_comparison(found, quiet=quiet)
    if len(found.benchmarks) > 1 and not quiet:
        tell(f"One ranking over all {len(found.benchmarks)} benchmarks: headstart suite {source}")


def _refuse(given: Sequence[str], source: str) -> None:
    if given:
        raise InputError(
            f"{', '.join(given)} needs scores at three or more amounts of tuning, got two columns; without it the "
            "columns are compared",
            file=_named(source),
        )


def _named(source: str) -> str:
    return "standard input" if source == "-" else source


def _tell_notes(source: str, notes: Sequence[str]) -> None:
    for note in notes:
        tell(f"{_named(source)}: {note}")
