"""Simulated play as text and as JSON data (schema ``headstart.simulation/1``)."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from headstart.contest.contest import Contest
from headstart.report.console import stdout
from headstart.solve.dynamics import Simulation

LABEL = "A simulation of play, not a prediction and not an equilibrium."


def summary(simulation: Simulation) -> str:
    """How play went, in a sentence."""
    rounds = simulation.efforts.shape[0]
    if simulation.status == "settled":
        return f"Play settled after {rounds} rounds: nobody wants to move."
    if simulation.status == "cycle":
        return f"Play runs in circles: it repeats itself every {simulation.period} rounds."
    return f"Play had neither settled nor repeated itself after {rounds} rounds."


def simulation_document(contest: Contest, simulation: Simulation) -> dict[str, Any]:
    """Everything played, as JSON data; models in the contest's order."""
    first, beyond = simulation.summarised
    return {
        "label": LABEL,
        "dynamics": simulation.dynamics,
        "status": simulation.status,
        "summary": summary(simulation),
        "settings": dict(simulation.settings),
        "period": simulation.period,
        "summarised_rounds": [first, beyond],
        "mean_cost_per_round": simulation.mean_cost,
        "mean_kendall_tau": simulation.mean_kendall_tau,
        "models": [_model(contest, simulation, m) for m in range(contest.n)],
    }


def _model(contest: Contest, simulation: Simulation, m: int) -> dict[str, Any]:
    return {
        "name": contest.names[m],
        "mean_effort": float(simulation.mean_effort[m]),
        "amplitude": float(simulation.amplitude[m]),
        "first_share": float(simulation.first_share[m]),
        "regret": None if simulation.regret is None else float(simulation.regret[m]),
        "efforts": simulation.efforts[:, m].tolist(),
        "ranks": simulation.ranks[:, m].tolist(),
    }


def print_simulation(contest: Contest, simulation: Simulation) -> None:
    """The summary, then what each developer does over the rounds it is about."""
    console = stdout()
    console.print(summary(simulation), markup=False, soft_wrap=True)
    console.print(LABEL, markup=False, soft_wrap=True)
    first, beyond = simulation.summarised
    console.print(f"\nRounds {first + 1} to {beyond}: {simulation.mean_cost:.6g} burnt per round", markup=False)
    table = Table(box=None, pad_edge=False)
    columns = ["model", "mean effort", "amplitude", "rounds in first place"]
    if simulation.regret is not None:
        columns.append("regret per round")
    for column in columns:
        table.add_column(column, justify="left" if column == "model" else "right")
    for m, name in enumerate(contest.names):
        row = [f"{simulation.mean_effort[m]:.6g}", f"{simulation.amplitude[m]:.6g}", f"{simulation.first_share[m]:.1%}"]
        if simulation.regret is not None:
            row.append(f"{simulation.regret[m]:.3g}")
        table.add_row(name, *row)
    console.print(table)
