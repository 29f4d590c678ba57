"""Commands that bring files in and out: import list, import results, export results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.common import Columns, Reading, ScoreRange, Seed, check_outputs, parse_range, tell
from headstart.cli.completion import complete_writers
from headstart.cli.reading import parse_columns, parse_reading
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.data.readers.reader import Given


def list_readers(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A file or folder, to see which reader recognises it and why.")
    ] = None,
) -> None:
    """List the kinds of files that are read, and by what each is recognised; or say which kind a file is.

    Example: `headstart import list`

    Example: `headstart import list results.json`
    """
    from headstart.data.readers import READERS
    from headstart.data.readers.reader import Given

    if file is not None:
        _say_kind(Given(file))
        return
    for name in READERS.names():
        try:
            reader = READERS[name]
        except InputError as error:
            typer.echo(f"{name:<18} {error.message}")
            continue
        offered = READERS.provider(name)
        typer.echo(f"{name:<18} {reader.title}{f' (from the package {offered})' if offered else ''}")
        typer.echo(f"{'':<18} recognised by {reader.looks_for}")


def _say_kind(given: Given) -> None:
    """Which reader a file is for, and which others recognise it too.

    Raises:
        InputError: If none recognises it.
    """
    from headstart.data.readers import asked, read_measurements, recognise

    found = recognise(given)
    if found is None:
        read_measurements(given)  # raises, with what was looked for
        return
    typer.echo(f"{given.source}: {found.name} ({found.reader.title}): {found.why}")
    if given.is_folder:
        typer.echo(f"{len(found.files)} files are read, {len(found.skipped)} are not")
        return
    for name, why in asked(given):
        if why is not None and name != found.name:
            typer.echo(f"also {name}: {why}; --read reader={name} reads it so")


def import_results(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files and folders; - for standard input.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Trajectories file: .csv, .tsv, .jsonl or .parquet.")
    ] = Path("trajectories.csv"),
    read: Reading = None,
    columns: Columns = None,
    score_range: ScoreRange = None,
) -> None:
    """Collect results of other tools, whatever kind they are, into one trajectories file.

    Example: `headstart import results wandb_export.csv -o results.csv`

    Example: `headstart import results runs/ --read metric=accuracy -o results.csv`

    Example: `headstart import results logs/ --read step=0 -o results.csv`
    """
    from headstart.data.collected import collect_rows
    from headstart.data.trajectory_files import write_trajectories

    check_outputs(output)
    found = collect_rows(
        sources,
        columns=parse_columns(columns),
        score_range=parse_range(score_range),
        options=parse_reading(read),
    )
    write_trajectories(found.rows, output)
    for note in found.notes:
        tell(note)
    tell(f"wrote {output}")


def export_results(
    source: Annotated[
        str,
        typer.Argument(metavar="RESULTS", help="Measurements, or the JSON document of an audit; - for standard input."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="File to write, or new folder for a format of many.")
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="every-eval-ever, eval-results, csv, parquet, markdown or junit.",
            autocompletion=complete_writers,
        ),
    ],
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BENCHMARK=OWNER/NAME",
            help="Data set of a benchmark on the Hugging Face hub; may be given several times.",
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="What the results are called; by default as the file.")] = None,
    read: Reading = None,
    columns: Columns = None,
    score_range: ScoreRange = None,
    seed: Seed = 0,
) -> None:
    """Write scores, ranks and rank sets in a format that other tools and sites read.

    Example: `headstart export results results.csv --to markdown -o RANKING.md`

    Example: `headstart export results audit.json --to junit -o ranks.xml`

    Example: `headstart export results results.csv --to every-eval-ever --title my-board -o records`

    Example: `headstart export results results.csv --to eval-results --dataset mmlu=cais/mmlu -o repositories`
    """
    from headstart.data.writers import WRITERS, write_published
    from headstart.report.published import published_results

    writer = WRITERS[to]
    if not writer.folder:
        check_outputs(output)
    found, notes = published_results(
        source,
        columns=parse_columns(columns),
        options=parse_reading(read),
        score_range=parse_range(score_range),
        title=title,
        datasets=_datasets(dataset or []),
        seed=seed,
    )
    written = write_published(found, to, output)
    for note in notes:
        tell(note)
    tell(f"wrote {output}" + (f", {len(written)} files" if writer.folder else ""))


def _datasets(pairs: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, dataset = (part.strip() for part in pair.rpartition("="))
        if not (name and equals and dataset):
            raise InputError(f"--dataset must be BENCHMARK=OWNER/NAME, got {pair!r}")
        found[name] = dataset
    return found
