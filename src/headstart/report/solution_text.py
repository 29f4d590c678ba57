"""The answer of ``headstart solve`` as text for a terminal or a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from headstart.report.console import stdout
from headstart.report.gaming_text import gaming_lines
from headstart.solve.mixed import MixedSolution
from headstart.solve.prices import RankPrice
from headstart.solve.solution import NoiseAnswer, ProvedLevel, ProvedWitness, PureAnswer, Solution

MOST_ROWS = 40
"""Prices shown on the terminal; the JSON file has them all."""


def print_solution(solution: Solution) -> None:
    """What gaming gains and every equilibrium agrees on, then the verdict, prices of ranks and equilibria."""
    console = stdout()

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    for line in gaming_lines(solution):
        say(line)
    say("")
    say(_verdict(solution.pure, solution.level))
    say(_level(solution.stabilising_level))
    say("")
    _prices(console, solution.prices)
    if solution.mixed is not None:
        _mixed(console, solution.mixed, solution.ranking)
    if solution.noise is not None:
        _noise(console, solution.noise, solution.pure.reason, len(solution.ranking))
    for condition in solution.pure.conditions:
        holds = {True: "holds", False: "fails", None: "not established"}[condition.holds]
        say(f"  {condition.name}: {holds}" + (f" ({condition.why})" if condition.why else ""))


def _verdict(pure: PureAnswer, level: float) -> str:
    protocol = "direct evaluation" if level == 0 else f"tune-before-test at level {level:g}"
    known = {"exact": "proved in exact arithmetic", "interval": "proved in ball arithmetic"}.get(
        pure.proof, "in floating point, not proved"
    )
    if pure.verdict == "exists":
        kinds = {True: "the only pure equilibrium is", False: "a pure equilibrium, not the only one, is"}
        unknown = "a pure equilibrium (uniqueness not established) is"
        unique = unknown if pure.unique is None else kinds[pure.unique]
        what = "that everybody spends its free effort" if pure.efforts is not None and pure.efforts.any() else ""
        return f"Under {protocol} {unique} {what or 'that nobody tunes'} ({known})."
    if pure.verdict == "none":
        why = _witness(pure.witness) if pure.witness else pure.reason  # noisy scores: no single deviation
        return f"Under {protocol} no pure equilibrium exists ({known}): {why}."
    return f"Under {protocol} the verdict is undecided: {pure.reason}."


def _witness(witness: ProvedWitness) -> str:
    who = f"{witness.model} takes {witness.overtakes}'s place"
    if witness.effort is None:
        return f"{who} with {witness.proved_effort:g} steps and gains"
    return (
        f"{who} with any effort above {witness.effort:.6g}, "
        f"which costs {witness.cost:.6g} and gains {witness.gain:.6g} net"
    )


def _level(level: ProvedLevel) -> str:
    known = "" if level.proof == "numeric" else ", proved"
    if level.status == "finite":
        return f"Nobody tuning is an equilibrium from level {level.level:.8g} on{known}."
    if level.status == "union":
        parts = " and ".join(
            f"[{low:.6g}, {'oo' if high is None else format(high, '.6g')}]" for low, high in level.intervals
        )
        return f"The stable levels are {parts}: {level.reason}."
    if level.status == "partial":
        rest = level.reason.removeprefix(f"stable from {level.level:.8g} on")  # the reason stands alone in the document
        proved = known and " (proved)"
        return f"Nobody tuning is an equilibrium from level {level.level:.8g} on{proved}{rest}."
    return f"Stabilising level: {level.status} ({level.reason}){known}."


def _mixed(console: Console, mixed: MixedSolution, ranking: tuple[str, ...]) -> None:
    exact = mixed.method in ("closed form", "pure")
    known = "exact" if exact else f"nobody gains more than {mixed.exploitability:.3g} by deviating"
    console.print(f"What happens instead: a mixed equilibrium ({mixed.method}; {known}).", markup=False, soft_wrap=True)
    if mixed.status != "converged":
        console.print("It did not converge to the tolerance asked for.", markup=False)
    tau = mixed.expected_kendall_tau
    console.print(f"The ranking agrees with the untuned one to an expected Kendall tau of {tau:.3f}.", markup=False)
    table = Table(box=None, pad_edge=False)
    for name in ("model", "expected effort", "expected cost", "payoff", "does not tune"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name in ranking[:MOST_ROWS]:
        m = mixed.names.index(name)
        values = [f"{column[m]:.6g}" for column in (mixed.expected_effort, mixed.expected_cost, mixed.payoff)]
        table.add_row(name, *values, f"{100 * mixed.idle_probability[m]:.1f} %")
    console.print(table)
    console.print()


def _noise(console: Console, noise: NoiseAnswer, reason: str, models: int) -> None:
    console.print(f"With noisy scores: {reason}", markup=False, soft_wrap=True)
    for equilibrium in noise.found.equilibria:
        efforts = ", ".join(f"{effort:.6g}" for effort in equilibrium.efforts)
        console.print(
            f"  efforts {efforts} (contest order); nobody gains more than {equilibrium.regret_bound:.3g}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    if noise.threshold.high is not None:
        enough = f"{noise.threshold.high:.4g} times this noise is enough that none of the {models} tunes"
        console.print(f"  {enough}", markup=False)
    console.print("  prices and levels above are those without noise", markup=False)
    console.print()


def _prices(console: Console, prices: tuple[RankPrice, ...]) -> None:
    table = Table(title="Price of each rank", title_justify="left", box=None, pad_edge=False)
    table.add_column("model")
    table.add_column("overtakes")
    table.add_column("further effort", justify="right")
    table.add_column("cost", justify="right")
    table.add_column("")
    for row in prices[:MOST_ROWS]:
        effort, cost = ("-" if value is None else f"{value:.6g}" for value in (row.effort, row.cost))
        table.add_row(row.model, row.overtakes, effort, cost, row.reason or "")
    console.print(table)
    if len(prices) > MOST_ROWS:
        console.print(f"... and {len(prices) - MOST_ROWS} more: see the JSON document", markup=False)
    console.print()
