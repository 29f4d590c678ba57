"""Commands that start from a contest: solve, certify, verify, simulate, catalog, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from headstart.cli.common import ContestFile, HtmlOut, JsonOut, Seed, check_outputs, progress_bar, tell
from headstart.errors import ComputationError, InputError


def solve(
    contest: ContestFile,
    mixed: Annotated[
        bool | None,
        typer.Option(
            "--mixed/--no-mixed", help="Compute a mixed equilibrium; by default only where no pure one exists."
        ),
    ] = None,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Price every pair, not only neighbours.")] = False,
    noise: Annotated[
        float | None,
        typer.Option(metavar="SD", help="Standard deviation of the observed scores, in place of the contest's own."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Gain from gaming that counts as none, as a share of first reward minus last.")
    ] = 0.01,
    exploitability: Annotated[
        float, typer.Option(help="Where to stop improving a mixed equilibrium, as a share of what is contested.")
    ] = 5e-3,
    seed: Seed = 0,
    json: JsonOut = None,
) -> int:
    """Solve a contest: what gaming gains, from which level it gains nothing, prices of ranks, equilibria with proofs.

    Example: `headstart solve contest.toml`

    Example: `headstart solve contest.toml --noise 0.004`

    Example: `headstart solve contest.toml --mixed --all-pairs --json -`
    """
    from headstart.contest.contest_file import contest_from_document, read_document
    from headstart.io.atomic import write_json
    from headstart.report.solution_document import solution_document
    from headstart.report.solution_text import print_solution
    from headstart.solve.solution import solve_contest

    check_outputs(json=json)
    document = read_document(contest)
    game = contest_from_document(document, source=contest)
    if noise is not None:
        game = game.with_noise(noise)
    with progress_bar() as progress:
        found = solve_contest(
            game, document, all_pairs=all_pairs, mixed=mixed, tolerance=tolerance, exploitability=exploitability,
            seed=seed, progress=progress,
        )  # fmt: skip
    if json is not None:
        write_json(json, solution_document(found))
    if json != "-":
        print_solution(found)
    if "note" in document:
        tell(f"note: {document['note']}")
    if found.mixed is not None and found.mixed.status != "converged":
        tell("the mixed equilibrium did not converge: its measured exploitability stands beside it")
        return 3
    return 0


def certify(
    contest: ContestFile,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Proof file; - for standard output.")],
    tolerance: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="With noise_sd: prove that nobody gains more by tuning, as a share of first reward minus last; by "
            "default the least share that is proved in reasonable time.",
        ),
    ] = None,
) -> None:
    """Prove the verdict, the prices and the stabilising level of a contest, and write the proof.

    Of a contest with noise_sd it proves how little anybody gains, and from which level on not tuning is dominant.

    Example: `headstart certify contest.toml -o proof.json`
    """
    from headstart.certificate import verify as check
    from headstart.contest.contest_file import read_document
    from headstart.io.atomic import JsonValue, write_json
    from headstart.solve.prove import prove

    check_outputs(json=output)
    document = read_document(contest)
    try:
        proof = prove(document, tolerance=tolerance)
    except InputError as error:
        raise error.located(file=contest) from None
    found = check(proof)
    if not found.ok:
        raise ComputationError(f"the proof found does not pass its own verification: {found.reason}")
    write_json(output, cast("JsonValue", proof))
    for claim in found.claims:
        tell(f"proved: {claim}")
    if "note" in document:
        tell(f"note: {document['note']}")


def verify(
    proof: Annotated[str, typer.Argument(metavar="PROOF", help="Proof file written by certify; - for standard input.")],
) -> None:
    """Check a proof with code that shares nothing with the solver.

    Example: `headstart verify proof.json`
    """
    from headstart.certificate import verify as check
    from headstart.io.documents import read_json

    found = check(read_json(proof))
    if not found.ok:
        raise InputError(f"the proof is refused: {found.reason}", file=proof)
    for claim in found.claims:
        typer.echo(f"verified: {claim}")


def simulate(
    contest: ContestFile,
    dynamics: Annotated[
        str, typer.Option(metavar="best-response|regret", help="Best replies in turn, or no-regret learning.")
    ] = "best-response",
    rounds: Annotated[int, typer.Option(help="Rounds at most.")] = 2000,
    seed: Seed = 0,
    json: JsonOut = None,
    html: HtmlOut = None,
) -> None:
    """Play a contest round after round: the arms race that a missing equilibrium means. A simulation, not a prediction.

    Example: `headstart simulate contest.toml --html arms-race.html`

    Example: `headstart simulate contest.toml --dynamics regret --rounds 5000 --seed 7 --json -`
    """
    from headstart.contest.contest_file import read_contest
    from headstart.io.atomic import envelope, write_json
    from headstart.report.simulation import print_simulation, simulation_document
    from headstart.solve.dynamics import simulate as play

    if dynamics != "best-response" and dynamics != "regret":
        raise InputError(f"--dynamics must be best-response or regret, got {dynamics!r}")
    check_outputs(html, json=json)
    game = read_contest(contest)
    with progress_bar() as progress:
        found = play(game, dynamics, rounds=rounds, seed=seed, progress=progress)
    if json is not None:
        write_json(json, envelope("headstart.simulation/1") | simulation_document(game, found))
    if html is not None:
        from headstart.report.page_simulation import write_simulation_page

        write_simulation_page(found, game.names, html)
        tell(f"wrote {html}")
    if json != "-":
        print_simulation(game, found)


def catalog(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Contest to show; none lists all.")] = None,
) -> None:
    """Show known contests with their sources and answers; each is a file that solve reads.

    Example: `headstart catalog`

    Example: `headstart catalog two-place-jump`
    """
    from headstart.contest.catalog import catalogue_names, read_catalogue_entry

    if name is None:
        for entry in map(read_catalogue_entry, catalogue_names()):
            typer.echo(f"{entry.name:<32} {entry.expected.title}")
        return
    entry = read_catalogue_entry(name)
    typer.echo(f"# {entry.expected.title}\n# Source: {entry.expected.source}\n# File: {entry.contest_file}\n")
    typer.echo(entry.contest_file.read_text(encoding="utf-8"))
    typer.echo("# The known answer\n")
    typer.echo((entry.contest_file.parent / "expected.toml").read_text(encoding="utf-8"), nl=False)


exporting = typer.Typer(no_args_is_help=True, help="Write a contest or results for other tools.")


@exporting.command("nfg")
def export_nfg(
    contest: ContestFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Gambit file, .nfg.")],
    levels: Annotated[int, typer.Option(help="Efforts each developer chooses among.")] = 5,
) -> None:
    """Write the contest on a grid of efforts as a normal-form game that Gambit reads.

    Example: `headstart export nfg contest.toml -o contest.nfg --levels 7`
    """
    from headstart.contest.contest_file import read_contest
    from headstart.contest.gambit import write_nfg

    write_nfg(read_contest(contest), output, levels=levels)
    tell(f"wrote {output}")
