"""The command of the runner: tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypedDict

import typer

from headstart.cli.common import JsonOut, check_outputs, tell
from headstart.errors import InputError, Terminated


class Options(TypedDict):
    """How cells run, as executors take it."""

    address: str | None
    workers: int | None
    threads: int
    device: str
    gpus_per_cell: float


NOT_COMPLETED = 3
"""Exit status where cells failed: the others are finished and collected."""


def tune(
    plan: Annotated[
        str | None, typer.Argument(metavar="PLAN", help="Plan, TOML or JSON; - for standard input.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Run folder; by default runs/ and the plan's name.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run, what it would cost and what is missing; run nothing.")
    ] = False,
    status: Annotated[
        Path | None,
        typer.Option("--status", metavar="FOLDER", help="Say what runs, what failed and what is left to pay there."),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(metavar="local|ray", help="Processes on this machine, or tasks on a Ray cluster."),
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to join, such as auto; by default one on this machine.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Cells at a time; by default one per GPU, or what the cores hold.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads of each cell. Sealed, because sums depend on it.")
    ] = 1,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where the cells compute.")] = "auto",
    gpus_per_cell: Annotated[
        float,
        typer.Option(help="Share of a GPU that a cell takes, such as 0.5 for two cells on each. It changes no number."),
    ] = 1.0,
    json: JsonOut = None,
) -> int:
    """Run a tune-before-test plan on real models; the same command again continues where it stopped.

    Example: `headstart tune plan.toml --dry-run`

    Example: `headstart tune plan.toml --out runs/tonight --workers 2 --threads 4`

    Example: `headstart tune plan.toml --device cuda --gpus-per-cell 0.5`

    Example: `headstart tune plan.toml --executor ray --address auto`

    Example: `headstart tune --status runs/tonight`
    """
    from headstart.io.atomic import envelope, write_json
    from headstart.report import tuning as texts
    from headstart.tune.executors import check_executor, make_executor
    from headstart.tune.plan_file import read_plan

    check_outputs(json=json)
    if status is not None:
        if plan is not None:
            raise InputError("PLAN must be left out with --status, which reads a run folder alone", field="PLAN")
        from headstart.tune.status import SCHEMA, read_status, status_document

        found = read_status(status)
        if json is not None:
            write_json(json, envelope(SCHEMA) | status_document(found))
        if json != "-":
            texts.print_status(found)
        return 0
    if plan is None:
        raise InputError("PLAN is missing: name a plan, or a run folder with --status", field="PLAN")
    check_executor(executor, address=address)
    options = Options(address=address, workers=workers, threads=threads, device=device, gpus_per_cell=gpus_per_cell)
    read = read_plan(plan)
    folder = out if out is not None else Path("runs") / read.name
    if folder.exists() and not folder.is_dir():
        raise InputError("must be a folder, got a file", file=str(folder), field="--out")
    from headstart.tune.prepare import missing_packages, require_packages
    from headstart.tune.termination import terminable

    if dry_run:
        from headstart.tune.dry_run import SCHEMA, DryRun, dry_run_document
        from headstart.tune.dry_run import dry_run as look

        lacking = missing_packages(read, executor=executor)
        if lacking:
            found = DryRun.without_packages(read, folder, lacking)
        else:
            with terminable(), make_executor(executor, **options) as chosen:
                found = look(read, folder, executor=chosen)
        if json is not None:
            write_json(json, envelope(SCHEMA) | dry_run_document(found))
        if json != "-":
            texts.print_dry_run(found)
        return 0
    require_packages(read, executor=executor)
    from headstart.report.tuning_progress import progress
    from headstart.tune.run import run_plan
    from headstart.tune.run_report import SCHEMA, report_document

    with terminable(), make_executor(executor, **options) as chosen, progress() as watch:
        try:
            report = run_plan(read, folder, executor=chosen, plan_file=None if plan == "-" else plan, watch=watch)
        except (KeyboardInterrupt, Terminated):
            tell("what was finished is kept; the same command continues")
            raise
    if json is not None:
        write_json(json, envelope(SCHEMA) | report_document(report))
    if json != "-":
        texts.print_run(report)
    for failed in report.failed:
        tell(f"failed: {failed.cell.id}: {failed.reason}")
    return NOT_COMPLETED if report.failed else 0
