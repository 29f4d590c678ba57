"""The command of the runner: tune."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.common import JsonOut, check_outputs, tell
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.tune.executors import Executor

NOT_COMPLETED = 3


def tune(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Plan, TOML or JSON; - for standard input.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Run folder; by default runs/ and the plan's name.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run, what it would cost and what is missing; run nothing.")
    ] = False,
    executor: Annotated[
        str, typer.Option(metavar="local|ray", help="Processes on this machine, or tasks on a Ray cluster.")
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
    json: JsonOut = None,
) -> int:
    """Run a tune-before-test plan on real models; the same command again continues where it stopped.

    Example: `headstart tune plan.toml --dry-run`

    Example: `headstart tune plan.toml --out runs/tonight --workers 2 --threads 4`

    Example: `headstart tune plan.toml --executor ray --address auto`
    """
    from headstart.formats.plan_file import read_plan
    from headstart.tune.prepare import require_packages
    from headstart.tune.run import CellReport, Watch, run_plan

    class Lines(Watch):
        def finished(self, cell: CellReport) -> None:
            tell(f"{cell.cell.id}: {cell.outcome or 'failed'}")

    check_outputs(json=json)
    read = read_plan(plan)
    folder = out if out is not None else Path("runs") / read.name
    require_packages(read, executor=executor)
    with _executor(executor, address, workers, threads, device) as chosen:
        report = run_plan(read, folder, executor=chosen, plan_file=None if plan == "-" else plan, watch=Lines())
    for failed in report.failed:
        tell(f"failed: {failed.cell.id}: {failed.reason}")
    return NOT_COMPLETED if report.failed else 0


def _executor(name: str, address: str | None, workers: int | None, threads: int, device: str) -> Executor:
    if name == "local":
        from headstart.tune.executors.local import LocalExecutor

        if address is not None:
            raise InputError("--address must be given together with --executor ray")
        return LocalExecutor(workers=workers, threads=threads, device=device)
    raise InputError(f"--executor must be local or ray, got {name!r}")
