"""The group of commands that publish and host a leaderboard, and the one that builds its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import board_client, board_server
from headstart.cli.common import Columns, CostUnit, Rewards, ScoreRange, Seed, parse_range, progress_bar, tell
from headstart.cli.reading import parse_columns

board = typer.Typer(no_args_is_help=True, help="Publish a ranking that does not pay to game.")


@board.command()
def build(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUNS",
            help="Folders of `headstart tune`, tables as `headstart audit` reads them, audits as JSON.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the pages go; an earlier build is updated.")
    ] = Path("site"),
    title: Annotated[str, typer.Option(help="Name of the leaderboard; by default the benchmarks' names.")] = "",
    about: Annotated[
        list[str] | None, typer.Option(help="A paragraph above the ranking; may be given several times.")
    ] = None,
    benchmark: Annotated[
        list[str] | None, typer.Option(help="Show this benchmark alone; may be given several times, in that order.")
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(min=0, help="Published level, in steps, of those reported; by default the one recommended."),
    ] = None,
    rewards: Rewards = None,
    columns: Columns = None,
    score_range: ScoreRange = None,
    cost_unit: CostUnit = None,
    date: Annotated[
        str | None,
        typer.Option(metavar="2026-01-31", help="Date of the results; by default the time of the newest file read."),
    ] = None,
    draws: Annotated[int | None, typer.Option(help="Posterior draws behind every interval.")] = None,
    seed: Seed = 0,
) -> None:
    """Build a leaderboard's pages: a folder that any web server shows, or no server at all.

    Direct beside tuned ranks, shared where noise leaves models tied, with the price of the next rank and what gaming
    gains; a page for every model and benchmark; method, seal, ledger and downloads. The same files give the same bytes.

    Example: `headstart board build runs/tonight -o site/`

    Example: `headstart board build results.csv --title "Our leaderboard" --level 1000 -o site/`

    Example: `headstart board build audit.json results.csv -o site/`
    """
    from headstart.board.site.build import build_site, check_folder
    from headstart.board.site.gather import Options, release_from

    check_folder(out)
    options = Options(
        benchmarks=tuple(benchmark or ()),
        level=level,
        rewards=rewards,
        columns=parse_columns(columns),
        score_range=parse_range(score_range),
        cost_unit=cost_unit,
        draws=draws,
        seed=seed,
    )
    with progress_bar() as progress:
        release = release_from(
            runs, title=title, about=about or (), created_at=date, options=options, progress=progress
        )
    built = build_site(release, out)
    changed = f"{len(built.written)} of {len(built.files)} files written"
    removed = f", {len(built.removed)} removed" if built.removed else ""
    tell(f"{changed}{removed}: open {built.path / 'index.html'}")


for command in (board_server.serve, board_server.work, board_server.backup, board_server.merge):
    board.command()(command)
for command in (
    board_client.submit,
    board_client.status,
    board_client.watch,
    board_client.withdraw,
    board_client.token,
    board_client.export,
):
    board.command()(command)
board.command("verify-ledger")(board_client.verify_ledger)
