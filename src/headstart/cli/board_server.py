"""Commands of whoever hosts a board: serve, work, back up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headstart.cli.board_client import TokenFile
from headstart.cli.common import tell

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The board's folder; made if need be.")]


def serve(
    folder: Folder,
    plan: Annotated[
        str | None,
        typer.Option(help="Plan whose tasks, recipe, levels and seeds are measured from now on; TOML or JSON."),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of models: each subfolder may be submitted by its name."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes on this machine.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each cell. Sealed with the protocol.")] = 1,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where the local workers compute.")] = "auto",
) -> None:
    """Host a board: submissions, a queue, a public ledger and the ranking, from one folder.

    The first start prints a token for the administrator, once. Everything is in the folder: copy it to move the board.

    Example: `headstart board serve board/ --plan plan.toml --models models/`

    Example: `headstart board serve board/ --host 0.0.0.0 --port 80 --workers 0`
    """
    from headstart.board.server.serve import serve as run
    from headstart.board.server.serve import set_up
    from headstart.tune.executors.devices import check_device

    check_device(device)
    setup = set_up(folder, plan=plan, models=models)

    def ready(url: str) -> None:
        tell(f"the board is at {url}/ (queue: {url}/queue, administration: {url}/admin)")
        if setup.registered:
            tell(f"models that may be submitted by name: {', '.join(setup.registered)}")
        if setup.protocol is None:
            tell("it has no protocol yet, and takes no submissions: start it again with --plan")
        if setup.admin_token is not None:
            tell("token of the administrator, shown this once:")
            typer.echo(setup.admin_token)

    options = ("--threads", str(threads), "--device", device)
    run(setup, host=host, port=port, workers=workers, worker_options=options, ready=ready)


def work(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the board.")],
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where fetched models and runs are kept.")] = Path(
        "board-work"
    ),
    models: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder whose subfolders are the registered models, by name."),
    ] = None,
    cells: Annotated[
        int | None, typer.Option(min=1, help="Cells at a time; by default one per GPU, or what the cores hold.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each cell. Sealed with the protocol.")] = 1,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where the cells compute.")] = "auto",
    executor: Annotated[
        str,
        typer.Option(metavar="local|ray", help="As of `headstart tune`; a cluster's runs are not cut off the network."),
    ] = "local",
    address: Annotated[str | None, typer.Option(help="Ray cluster to join, such as auto.")] = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Stop when there is nothing to do.")] = False,
    token_file: TokenFile = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Send the token over http to another machine all the same.")
    ] = False,
) -> None:
    """Work for a board: ask it for jobs, measure models in a closed box, hand in the scores.

    The token (scope worker) comes from --token-file or the variable HEADSTART_BOARD_TOKEN; the box sees neither.

    Example: `headstart board work https://board.example.org --models models/ --token-file worker.token`
    """
    import os
    import sys
    import threading

    from headstart.board.client import BoardClient, board_token
    from headstart.board.worker.measure import TuneMeasure
    from headstart.board.worker.sandbox import network_wall
    from headstart.board.worker.work import Worker
    from headstart.tune.executors import check_executor
    from headstart.tune.executors.devices import check_device

    check_device(device)
    check_executor(executor, address=address)
    if os.environ.get("HEADSTART_BOARD_LOCAL_WORKER"):

        def end_with_parent() -> None:
            while os.read(0, 4096):
                pass
            os._exit(0)

        threading.Thread(target=end_with_parent, daemon=True).start()
    if not network_wall():
        tell("this system does not allow runs to be cut off from the network: they are told to stay offline only")
    folder.mkdir(parents=True, exist_ok=True)
    with BoardClient(url, token=board_token(token_file), insecure=insecure) as client:
        measure = TuneMeasure(
            client=client,
            folder=folder.resolve(),
            models=None if models is None else models.resolve(),
            workers=cells,
            threads=threads,
            device=device,
            executor=executor,
            address=address,
        )
        done = Worker(client=client, measure=measure).work(until_idle=until_idle)
    print(f"headstart: {done} jobs done", file=sys.stderr)


def backup(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="New folder for the copy.")],
) -> None:
    """Copy a board that uses SQLite, also while it runs; the copy is a board that can be served.

    The database is copied as of one moment and checked, then the runs and items it names, and the settings.

    Example: `headstart board backup board/ --out backup-2030-01-31/`
    """
    from headstart.board.server.backup import back_up

    copied = back_up(folder, out)
    tell(f"{copied.submissions} submissions and {copied.entries} entries of the ledger, ending in {copied.head}")


def merge(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS...", help="Folders of `headstart tune`.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the merged tables go.")],
) -> None:
    """Put runs of different models together, if one protocol measured them all.

    Example: `headstart board merge board/runs/*/0001 --out merged/`
    """
    from headstart.tune.merge import merge_runs, write_merged

    merged = merge_runs(runs)
    write_merged(out, merged)
    tell(f"{len(merged.seals)} runs under protocol {merged.protocol_hash}: {out / 'trajectories.parquet'}")
