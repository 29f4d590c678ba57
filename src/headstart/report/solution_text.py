"""A solution document as text for a terminal or a pipe."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from headstart.report.console import stdout
from headstart.report.gaming_text import gaming_lines

Json = dict[str, Any]

MOST_ROWS = 40
"""Prices shown on the terminal; the JSON file has them all."""


def print_solution(solution: Json) -> None:
    """What gaming gains and every equilibrium agrees on, then the verdict, prices of ranks and equilibria."""
    console = stdout()

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    pure, level = solution["pure"], solution["stabilising_level"]
    for line in gaming_lines(solution):
        say(line)
    say("")
    say(_verdict(pure, solution["level"]))
    say(_level(level))
    say("")
    _prices(console, solution["prices"])
    if solution["mixed"]:
        _mixed(console, solution["mixed"], solution["ranking"])
    if "noise" in solution:
        _noise(console, solution)
    for condition in pure["conditions"]:
        holds = {True: "holds", False: "fails", None: "not established"}[condition["holds"]]
        say(f"  {condition['name']}: {holds}" + (f" ({condition['why']})" if condition.get("why") else ""))


def _verdict(pure: Json, level: float) -> str:
    protocol = "direct evaluation" if level == 0 else f"tune-before-test at level {level:g}"
    known = {"exact": "proved in exact arithmetic", "interval": "proved in ball arithmetic"}.get(
        pure["proof"], "in floating point, not proved"
    )
    if pure["verdict"] == "exists":
        unique = {True: "the only pure equilibrium is", False: "a pure equilibrium, not the only one, is"}.get(
            pure["unique"], "a pure equilibrium (uniqueness not established) is"
        )
        what = "that nobody tunes" if not any(pure["efforts"]) else "that everybody spends its free effort"
        return f"Under {protocol} {unique} {what} ({known})."
    if pure["verdict"] == "none":
        why = _witness(pure["witness"]) if pure["witness"] else pure["reason"]  # noisy scores: no single deviation
        return f"Under {protocol} no pure equilibrium exists ({known}): {why}."
    return f"Under {protocol} the verdict is undecided: {pure['reason']}."


def _witness(witness: Json) -> str:
    if "cost" not in witness:
        return (
            f"{witness['model']} takes {witness['overtakes']}'s place with {witness['proved_effort']:g} steps and gains"
        )
    return (
        f"{witness['model']} takes {witness['overtakes']}'s place with any effort above {witness['effort']:.6g}, "
        f"which costs {witness['cost']:.6g} and gains {witness['gain']:.6g} net"
    )


def _level(level: Json) -> str:
    known = "" if level["proof"] == "numeric" else ", proved"
    if level["status"] == "finite":
        return f"Nobody tuning is an equilibrium from level {level['level']:.8g} on{known}."
    if level["status"] == "union":
        parts = " and ".join(
            f"[{low:.6g}, {'oo' if high is None else format(high, '.6g')}]" for low, high in level["intervals"]
        )
        return f"The stable levels are {parts}: {level['reason']}."
    return f"Stabilising level: {level['status']} ({level['reason']}){known}."


def _mixed(console: Console, mixed: Json, ranking: list[str]) -> None:
    exact = mixed["method"] in ("closed form", "pure")
    known = "exact" if exact else f"nobody gains more than {mixed['exploitability']:.3g} by deviating"
    console.print(
        f"What happens instead: a mixed equilibrium ({mixed['method']}; {known}).", markup=False, soft_wrap=True
    )
    if mixed["status"] != "converged":
        console.print("It did not converge to the tolerance asked for.", markup=False)
    tau = mixed["expected_kendall_tau"]
    console.print(f"The ranking agrees with the untuned one to an expected Kendall tau of {tau:.3f}.", markup=False)
    table = Table(box=None, pad_edge=False)
    for name in ("model", "expected effort", "expected cost", "payoff", "does not tune"):
        table.add_column(name, justify="left" if name == "model" else "right")
    rows = {row["name"]: row for row in mixed["models"]}
    for name in ranking[:MOST_ROWS]:
        row = rows[name]
        values = [f"{row[key]:.6g}" for key in ("expected_effort", "expected_cost", "payoff")]
        table.add_row(name, *values, f"{100 * row['idle_probability']:.1f} %")
    console.print(table)
    console.print()


def _noise(console: Console, solution: Json) -> None:
    noise, names = solution["noise"], solution["ranking"]
    console.print(f"With noisy scores: {solution['pure']['reason']}", markup=False, soft_wrap=True)
    for equilibrium in noise["equilibria"]:
        efforts = ", ".join(f"{effort:.6g}" for effort in equilibrium["efforts"])
        console.print(
            f"  efforts {efforts} (contest order); nobody gains more than {equilibrium['regret_bound']:.3g}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    threshold = noise["nobody_tunes_from_scale"]
    if threshold["status"] == "finite":
        console.print(
            f"  {threshold['high']:.4g} times this noise is enough that none of the {len(names)} tunes", markup=False
        )
    console.print("  prices and levels above are those without noise", markup=False)
    console.print()


def _prices(console: Console, prices: list[Json]) -> None:
    table = Table(title="Price of each rank", title_justify="left", box=None, pad_edge=False)
    table.add_column("model")
    table.add_column("overtakes")
    table.add_column("further effort", justify="right")
    table.add_column("cost", justify="right")
    table.add_column("")
    for row in prices[:MOST_ROWS]:
        effort, cost = ("-" if row[key] is None else f"{row[key]:.6g}" for key in ("effort", "cost"))
        table.add_row(row["model"], row["overtakes"], effort, cost, row["reason"] or "")
    console.print(table)
    if len(prices) > MOST_ROWS:
        console.print(f"... and {len(prices) - MOST_ROWS} more: see --json", markup=False)
    console.print()
