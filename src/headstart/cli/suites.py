"""The command for many benchmarks at once: suite."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.common import (
    Columns,
    HtmlOut,
    JsonOut,
    Reading,
    Seed,
    check_outputs,
    parse_range,
    progress_bar,
    tell,
)
from headstart.cli.completion import complete_aggregation, complete_missing
from headstart.cli.reading import parse_columns, parse_reading
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.report.page import Section
    from headstart.suite.missing import MissingRule
    from headstart.suite.price.pricing import SuitePricing
    from headstart.suite.values import Suite


def suite(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES...",
            help="Scores of one or many tasks each: direct and tuned, leaderboards, trajectories, and what `headstart "
            "import list` lists, folders too; a table in Markdown, such as a README; - for standard input.",
        ),
    ],
    aggregation: Annotated[
        str,
        typer.Option(
            help="Rule that makes one ranking of all tasks: mean, zscore, win-rate, win-share, median, majority or "
            "borda.",
            autocompletion=complete_aggregation,
        ),
    ] = "mean",
    missing: Annotated[
        str,
        typer.Option(
            metavar="drop-models|drop-tasks|refuse",
            help="Where a score is missing: leave out its model, leave out its task, or stop.",
            autocompletion=complete_missing,
        ),
    ] = "drop-models",
    tasks: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Only these tasks; of a leaderboard, the columns to take.")
    ] = None,
    less_is_better: Annotated[
        list[str] | None,
        typer.Option(metavar="TASK", help="Task of which less is better, turned round; may be given several times."),
    ] = None,
    read: Reading = None,
    columns: Columns = None,
    score_range: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[TASK=]LOW:HIGH",
            help="Range of the scores, of all tasks or of one, where it is not 0:1; may be given several times.",
        ),
    ] = None,
    rigging: Annotated[
        bool | None,
        typer.Option(
            "--rigging/--no-rigging",
            help="Count how many tasks bring each model to the first rank; up to 200 models unless said otherwise.",
        ),
    ] = None,
    prices: Annotated[
        bool,
        typer.Option("--prices", help="What places cost under each rule, and whether more tasks can replace tuning."),
    ] = False,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER,...", help="Levels of tuning before the test for --prices, in steps; 0 by default."
        ),
    ] = None,
    seed: Seed = 0,
    json: JsonOut = None,
    csv: Annotated[
        str | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write the ranking as a table (.csv, .tsv, .jsonl, .parquet); - for standard output.",
        ),
    ] = None,
    html: HtmlOut = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only what to do.")] = False,
) -> None:
    """Rank models over many benchmarks: under every usual rule, before and after tuning, and what rigging takes.

    Example: `headstart suite results.csv --html suite.html`

    Example: `headstart suite leaderboard.csv --aggregation win-rate --score-range 0:100 --csv -`

    Example: `headstart suite mmlu.csv gsm8k.csv wikitext.csv --less-is-better wikitext --score-range wikitext=0:50`

    Example: `headstart suite README.md --score-range 0:100`

    Example: `headstart suite runs/ --read metric=acc_norm`

    Example: `headstart suite trajectories.csv --prices --level 0,500`
    """
    from headstart.data.readers.reader import given_of, with_columns
    from headstart.suite.missing import complete
    from headstart.suite.reading import read_suite
    from headstart.suite.suite import rank_suite

    check_outputs(html, None if csv in (None, "-") else Path(csv), json=json)
    if json == "-" and csv == "-":
        raise InputError("standard output takes one document, got --json - and --csv -")
    rule = _missing_rule(missing)
    levels = _levels(level, prices)
    names = None if tasks is None else [name.strip() for name in tasks.split(",")]
    own, options, ranges = parse_columns(columns), parse_reading(read), _ranges(score_range or [])
    sources = [given_of(file, with_columns(options, own)) for file in files]  # each is read once, standard input too
    cells = read_suite(
        sources, columns=own, ranges=ranges, less_is_better=less_is_better or (), tasks=names, options=options
    )
    whole = complete(cells, rule)
    with progress_bar() as progress:
        found = rank_suite(
            whole, source=cells.source, aggregation=aggregation, rigging=rigging, notes=cells.notes, seed=seed,
            progress=progress,
        )  # fmt: skip
        priced = None
        if prices:
            from headstart.suite.price.pricing import price_suite
            from headstart.suite.price.reading import read_tasks

            measured = read_tasks(sources, columns=own, ranges=ranges, only=names, options=options)
            priced = price_suite(measured, levels=levels, seed=seed, progress=progress)
    _publish(found, priced, json=json, csv=csv, html=html, quiet=quiet)


def _publish(
    found: Suite, priced: SuitePricing | None, *, json: str | None, csv: str | None, html: Path | None, quiet: bool
) -> None:
    from headstart.io.atomic import write_json
    from headstart.io.delimited import write_delimited
    from headstart.io.tables import write_table
    from headstart.report.suite_document import suite_document, suite_table

    # the files first: whoever reads the text through `| head` closes the pipe before its end
    if csv is not None and csv != "-":
        write_table(csv, suite_table(found))
        tell(f"wrote {csv}")
    if html is not None:
        from headstart.report.suite_page import write_suite_page

        further: tuple[Section, ...] = ()
        if priced is not None:
            from headstart.report.suite_prices_page import prices_sections

            further = prices_sections(priced)
        write_suite_page(found, html, further=further)
        tell(f"wrote {html}")
    if json is not None:
        document = suite_document(found)
        if priced is not None:
            from headstart.report.suite_prices_document import prices_document

            document["prices"] = prices_document(priced)
        write_json(json, document)
    if csv == "-":
        sys.stdout.write(write_delimited(suite_table(found), separator=",").decode())
    if "-" not in (json, csv):
        from headstart.report.suite_text import print_suite

        print_suite(found, quiet=quiet)
        if priced is not None and not quiet:
            from headstart.report.suite_prices_text import print_prices

            print_prices(priced)


def _levels(text: str | None, prices: bool) -> list[float]:
    """Levels of ``--level``, rising."""
    if text is None:
        return [0.0]
    if not prices:
        raise InputError("--level is for prices, got it without --prices")
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        raise InputError(f"--level must be numbers separated by commas, got {text!r}") from None
    if not all(0 <= value < math.inf for value in found):
        raise InputError(f"--level must be finite numbers >= 0, got {text!r}")
    return found


def _missing_rule(text: str) -> MissingRule:
    from headstart.suite.missing import RULES

    for rule in RULES:
        if rule == text:
            return rule
    raise InputError(f"--missing must be one of {', '.join(RULES)}, got {text!r}")


def _ranges(given: Sequence[str]) -> dict[str | None, tuple[float, float]]:
    """Ranges by task; None for the one of all others."""
    found: dict[str | None, tuple[float, float]] = {}
    for text in given:
        task, named, bounds = text.rpartition("=")
        parsed = parse_range(bounds)
        if parsed is not None:
            found[task if named else None] = parsed
    return found
