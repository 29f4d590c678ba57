"""A simulated arms race as a page: efforts and ranks over rounds, labelled as a simulation throughout."""

from __future__ import annotations

import os
from collections.abc import Sequence

from headstart.errors import InputError
from headstart.io.atomic import write_text
from headstart.report.page import render, sections_of, shell
from headstart.report.wording import amount, count, share
from headstart.solve.dynamics import Simulation

SHOWN_ROUNDS = 200
"""Rounds drawn: enough to see an arms race escalate and reset, few enough for a phone."""

DYNAMICS_WORDS = {"best-response": "best-response play", "regret": "regret play"}


def write_simulation_page(
    simulation: Simulation,
    names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str = "Simulated arms race",
    cost_unit: str = "cost units",
) -> None:
    """Write the simulation's page to ``path``, whole or not at all.

    Args:
        simulation: What was played.
        names: Developers in the order of the simulation's columns.
        path: File to write.
        title: Title of the page.
        cost_unit: Unit of costs and rewards.

    Raises:
        InputError: If the names do not match the simulation, or the file cannot be written.
    """
    write_text(path, simulation_page(simulation, names, title=title, cost_unit=cost_unit))


def simulation_page(
    simulation: Simulation,
    names: Sequence[str],
    *,
    title: str = "Simulated arms race",
    cost_unit: str = "cost units",
) -> str:
    """The simulation's page as HTML; arguments as ``write_simulation_page``."""
    from headstart.report.charts_simulation import efforts_chart, ranks_chart

    rounds, models = simulation.efforts.shape
    if len(names) != models:
        raise InputError(f"names must be {models} names, got {len(names)}")
    shown = min(int(rounds), SHOWN_ROUNDS)
    charts = {
        "efforts": efforts_chart(simulation, names, shown),
        "ranks": ranks_chart(simulation, names, shown),
    }
    headline, sentences = simulation_words(simulation, names, cost_unit)
    context = {
        "simulation": simulation,
        "names": list(names),
        "rounds": int(rounds),
        "shown": shown,
        "charts": charts,
        "cost_unit": cost_unit,
        "dynamics": DYNAMICS_WORDS[simulation.dynamics],
        "headline": headline,
        "sentences": sentences,
        "count": count,
    }
    parts = (
        ("rounds", "Round by round", False),
        ("developers", "Developers", False),
        ("method", "How it was played", False),
    )
    sections = sections_of("simulation", parts, context)
    header = render("simulation/header.html", context)
    return shell(title=title, description=headline, header=header, sections=sections)


def simulation_words(simulation: Simulation, names: Sequence[str], cost_unit: str) -> tuple[str, list[str]]:
    """A headline and sentences about how play went."""
    rounds = int(simulation.efforts.shape[0])
    headline = {
        "settled": "The simulated race settles.",
        "cycle": "The simulated race never ends: it repeats itself.",
        "ended": f"The simulated race had not settled after {count(rounds, 'round')}.",
    }[simulation.status]
    sentences = [
        f"All developers together spend {amount(simulation.mean_cost, cost_unit)} per round, on average over rounds "
        f"{simulation.summarised[0] + 1} to {simulation.summarised[1]}."
    ]
    if simulation.period is not None:
        sentences.insert(0, f"The same efforts come back every {count(simulation.period, 'round')}.")
    leader = int(simulation.first_share.argmax())
    sentences.append(
        f"{names[leader]} is first most often, in {share(float(simulation.first_share[leader]))} of the rounds."
    )
    if simulation.mean_kendall_tau is not None:
        sentences.append(
            "The ranking shown agrees with the one without any tuning to a Kendall’s tau of "
            f"{simulation.mean_kendall_tau:.2f} on average; 1 is the same order."
        )
    return headline, sentences
