"""The same small discretised contests given to Gambit, to QuantEcon and to headstart.

Each contest is put on a grid; Gambit and QuantEcon get the grid game written out as payoff tables, headstart solves
it as it is. For every solver: processor seconds (its own process, compiled code loaded before), the largest regret on
the grid as Gambit measures it, the exploitability of the strategies in the continuous game (both as shares of first
minus last reward) and what the game pays the first two developers. A solver that is not done in time, or finds
nothing, is reported as such. Writes bench/results/mixed_vs_others.json.

    PYTHONPATH=src python bench/mixed_vs_others.py
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import platform
import time
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from headstart.contest import Contest, CostTable, CurveTable, Linear, PowerCost
from headstart.contest.rewards import geometric, linear
from headstart.solve.mixed import exploitability
from headstart.solve.mixed.axis import ScoreAxis
from headstart.solve.mixed.bounds import bounds
from headstart.solve.mixed.effort_grid import FORBIDDEN, EffortGrid
from headstart.solve.mixed.linear_program import solve_program
from headstart.solve.mixed.regret_matching import Learner, learn

# models, reward shape, regular cells
CASES = [(2, "evenly spaced", 20), (2, "evenly spaced", 100), (3, "geometric", 4), (3, "geometric", 10),
         (3, "evenly spaced", 10), (4, "geometric", 3), (5, "geometric", 1)]  # fmt: skip
SOLVERS = {2: ("headstart", "gambit lcp", "quantecon lemke_howson"), 3: ("headstart", "gambit logit", "gambit gnm",
           "quantecon mclennan_tourky")}  # fmt: skip
LOADING = 300.0  # seconds of patience while a solver is loaded and compiled


def ladder_of(n: int, shape: str, cells: int) -> EffortGrid:
    rewards = linear(n, 1.0) if shape == "evenly spaced" else geometric(n, 1.0, ratio=0.5)
    contest = Contest(
        names=tuple(f"m{i}" for i in range(n)),
        curves=CurveTable.batch(Linear(intercept=np.linspace(0.3, 0.0, n), slope=np.ones(n)), n),
        costs=CostTable.batch(PowerCost(), n), rewards=rewards,
    )  # fmt: skip
    axis = ScoreAxis.of(contest)
    return EffortGrid.build(axis, bounds(axis), cells)


def written_out(grid: EffortGrid) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rewards = grid.axis.contest.rewards
    reward, n = (rewards - rewards[-1]) / grid.bounds.contested, rewards.size
    own = [np.flatnonzero(c < FORBIDDEN) for c in grid.cost]
    tables = [np.zeros([points.size for points in own]) for _ in range(n)]
    halves = {t: [sum(up) for up in product([0, 1], repeat=t)] for t in range(n)}
    for choice in product(*(range(points.size) for points in own)):
        point = np.array([own[i][c] for i, c in enumerate(choice)])
        for i in range(n):
            ahead, tied = int((point > point[i]).sum()), int((point == point[i]).sum()) - 1
            tables[i][choice] = np.mean([reward[ahead + up] for up in halves[tied]]) - grid.cost[i, point[i]]
    return tables, own


def solve(solver: str, grid: EffortGrid, tables: list[np.ndarray], own: list[np.ndarray]) -> list[np.ndarray]:
    if solver == "headstart":
        if grid.axis.contest.n == 2 or np.ptp(np.diff(grid.axis.contest.rewards)) < 1e-9:
            strategy = solve_program(grid).strategy
        else:
            learner = Learner.start(grid, seed=0, compiled=True)
            learn(learner, target=1e-4, sweeps=100_000, report=lambda _: False)
            strategy = learner.average
        return [strategy[i, points] for i, points in enumerate(own)]
    if solver.startswith("gambit"):
        import pygambit as gbt

        game = gbt.StrategicGame.from_arrays(*tables)
        if solver == "gambit logit":
            last = gbt.nash.logit_solve(game).equilibrium
            equilibria = [] if last is None else [last]
        elif solver == "gambit lcp":
            equilibria = gbt.nash.lcp_solve(game, rational=False, stop_after=1).equilibria
        else:
            equilibria = gbt.nash.gnm_solve(game).equilibria
        if not equilibria:
            return []
        return [np.array([p for _, p in equilibria[0][str(i + 1)]]) for i in range(len(own))]
    import quantecon.game_theory as qe

    n = len(own)
    players = [qe.Player(np.moveaxis(t, range(n), [(k - i) % n for k in range(n)])) for i, t in enumerate(tables)]
    game = qe.NormalFormGame(players)
    return list(qe.lemke_howson(game) if n == 2 else qe.mclennan_tourky(game, epsilon=1e-3))


def work(solver: str, case: tuple[int, str, int], pipe: Any) -> None:
    # a first, tiny contest loads and compiles whatever the solver needs
    small = ladder_of(case[0], case[1], 1)
    solve(solver, small, *written_out(small))
    grid = ladder_of(*case)
    tables, own = written_out(grid)
    pipe.send("ready")
    begin = time.process_time()
    strategies = solve(solver, grid, tables, own)
    pipe.send((time.process_time() - begin, strategies))


def measure(solver: str, case: tuple[int, str, int], limit: float) -> dict[str, Any]:
    n, shape, cells = case
    grid = ladder_of(n, shape, cells)
    tables, own = written_out(grid)
    row: dict[str, Any] = {
        "models": n, "rewards": shape, "strategies": [int(points.size) for points in own], "solver": solver
    }  # fmt: skip
    ours, theirs = mp.get_context("spawn").Pipe(duplex=False)
    process = mp.get_context("spawn").Process(target=work, args=(solver, case, theirs))
    process.start()
    theirs.close()
    answer, status = None, f"not done in {limit:g} s"
    try:
        if ours.poll(LOADING) and ours.recv() == "ready" and ours.poll(limit):
            answer = ours.recv()
    except EOFError:
        status = "ended without an answer"
    process.kill()
    process.join()
    if answer is None:
        return row | {"status": status}
    import pygambit as gbt

    spent, found = answer
    if not found:
        return row | {"status": "found none", "processor_seconds": round(spent, 4)}
    strategies = [np.maximum(s, 0) / np.maximum(s, 0).sum() for s in found]  # some solvers round below 0
    profile = gbt.StrategicGame.from_arrays(*tables).mixed_strategy_profile([s.tolist() for s in strategies], False)
    strategy = np.zeros(grid.cost.shape)
    for i, points in enumerate(own):
        strategy[i, points] = strategies[i]
    contest = grid.axis.contest
    measured = exploitability(contest, grid.profile(strategy))
    stakes = contest.rewards[0] - contest.rewards[-1]
    return row | {
        "status": "done", "processor_seconds": round(spent, 4),
        "ladder_regret": float(profile.max_regret()) * grid.bounds.contested / stakes,
        "exploitability_share": measured.upper / stakes, "payoffs": [round(float(p), 5) for p in measured.payoff[:2]],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=60.0, help="wall-clock seconds per solver and contest")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "mixed_vs_others.json")
    options = parser.parse_args()
    rows = []
    for case in CASES:
        for solver in SOLVERS[min(case[0], 3)]:
            rows.append(measure(solver, case, options.limit))
            print(*rows[-1].values(), sep="  ", flush=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
               "load_average": [round(x, 1) for x in os.getloadavg()], "python": platform.python_version()}  # fmt: skip
    result = {"made_by": "bench/mixed_vs_others.py", "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
              "machine": machine, "limit_seconds": options.limit, "rows": rows}  # fmt: skip
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
