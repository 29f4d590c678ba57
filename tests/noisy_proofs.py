"""Proofs under noise: contests to prove, ways to alter a proof a little, and whether an altered one says the truth.

The truth is decided by the solver's floating point (``incentive`` and ``dominance_level``), which shares nothing with
the verifier.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from headstart.certificate import digest, verify
from headstart.contest.contest import Contest
from headstart.contest.contest_file import contest_from_document
from headstart.errors import HeadstartError
from headstart.solve.dominance import dominance_level
from headstart.solve.incentive import ScoreNoise, incentive
from headstart.solve.incentive.field import reward_field
from headstart.solve.prove import prove

Proof = dict[str, Any]

COST = {"kind": "power", "scale": 1, "exponent": 1, "free": 0}


def model(name: str, kind: str, cost: object = COST, cap: object = None, **curve: object) -> Proof:
    return {"name": name, "curve": {"kind": kind, **curve}, "cost": cost, "max_effort": cap}


def document(*models: Proof, rewards: object, noise: object, level: object = 0) -> Proof:
    whole = {
        "schema": "headstart.contest/1", "level": level, "rewards": rewards, "tie_break": "capability",
        "noise_sd": noise, "models": list(models),
    }  # fmt: skip
    return json.loads(json.dumps(whole), parse_float=Decimal)


CONTESTS = {
    "two exponentials": document(
        model("a", "exponential", floor=0.2, ceiling=0.9, rate=0.01),
        model("b", "exponential", floor=0.2, ceiling=0.8, rate=0.01),
        rewards={"kind": "winner", "value": 500}, noise=0.05, level=150,
    ),
    "every family": document(
        model("a", "logit_power", L=0.25, U=0.9, alpha=-3.1, beta=1.2),
        model("b", "points", effort=[0, 100, 500, 2000], score=[0.3, 0.5, 0.65, 0.7], cap=1500),
        model("c", "exponential", {"kind": "points", "effort": [0, 50, 90], "cost": [0, 50, 130]}, floor=0.4,
              ceiling=0.8, rate=0.002),
        model("d", "linear", intercept=0.1, slope=0.00001),
        rewards={"kind": "linear", "value": 900}, noise=[0.01, 0.02, 0.015, 0.02], level=300,
    ),
    "uneven rewards and free effort": document(
        model("a", "logit_power", {**COST, "free": 5}, L=0.25, U=0.9, alpha=-1, beta=0.7),
        model("b", "points", {**COST, "exponent": 2}, effort=[0, 50], score=[0.3, 0.6]),
        model("c", "logit_power", L=0.25, U=0.8, alpha=-2, beta=0.8, cap=0),
        rewards=[900, 250, 0], noise=0.03, level=5,
    ),
}  # fmt: skip


@cache
def proof_text(name: str) -> str:
    """The proof of a contest above, as JSON text."""
    return json.dumps(prove(CONTESTS[name]))


def leaves(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], object]]:
    """Every place of a document that is no table or list, and what stands there."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def replaced(proof: Proof, path: tuple[Any, ...], value: object) -> Proof:
    altered = copy.deepcopy(proof)
    inner = altered
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return altered


def alternatives(value: object) -> list[object]:
    """Other values of the same kind, near and far."""
    if value is None:
        return ["1", "0", True]
    if isinstance(value, bool):
        return [not value, None]
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return [f"{value}x", {"interval": "exact", "linear": "winner", "winner": "linear"}.get(str(value), "")]
    near = [number * Decimal(factor) for factor in ("0.5", "0.9", "0.99", "1.01", "1.1", "2", "10")]
    return [*(str(n.normalize()) for n in near), str(-number - 1), "0", "1e5000", str(value) + "0001"]


def mutations(proof: Proof) -> Iterator[tuple[tuple[Any, ...], Proof]]:
    """The proof with one thing altered, signed anew."""
    for path, value in leaves(proof):
        if path[0] in ("sha256", "created_at", "headstart_version") or path[-1] == "name":
            continue
        for other in alternatives(value):
            yield path, signed(replaced(proof, path, other))
    for i, ends in enumerate(proof["incentive"]["ends"]):
        for at in range(len(ends)):
            shorter = copy.deepcopy(proof)
            del shorter["incentive"]["ends"][i][at]
            yield ("incentive", "ends", i, at), signed(shorter)
    for key in ("incentive", "dominance"):
        without = {**proof, key: None}
        yield (key,), signed(without)


def coarser(proof: Proof) -> Iterator[tuple[tuple[Any, ...], Proof]]:
    """The proof with a smaller tolerance and fewer cells, or a lower level: too lenient a check would pass it."""
    for factor in ("0.8", "0.95", "0.99") if proof["dominance"] is not None else ():
        lower = format((Decimal(proof["dominance"]["level"]) * Decimal(factor)).normalize(), "f")
        yield ("dominance", "level"), signed({**proof, "dominance": {**proof["dominance"], "level": lower}})
    for factor in ("0.3", "0.7", "0.95", "0.98"):
        for every in (1, 2, 5, 1000):
            claim = dict(proof["incentive"])
            claim["tolerance"] = format((Decimal(claim["tolerance"]) * Decimal(factor)).normalize(), "f")
            claim["ends"] = [ends[every - 1 :: every] for ends in claim["ends"]]
            yield ("incentive", "tolerance and ends"), signed({**proof, "incentive": claim})


def signed(proof: Proof) -> Proof:
    return {**proof, "sha256": digest(proof)}


def contest_of(proof: Proof):
    """The contest inside a proof, in floating point."""
    return contest_from_document(plain(proof["contest"]))


def plain(value: Any, key: str = "") -> Any:
    """A document with numbers as floats."""
    if isinstance(value, dict):
        return {name: plain(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, str | Decimal) or key in ("name", "kind", "schema", "tie_break"):
        return value
    number = float(Decimal(value))
    return int(number) if key == "k" else number


def says_the_truth(proof: Proof) -> bool:
    """Whether what an accepted proof claims is so, by floating point (with its rounding allowed for)."""
    claim, dominance = proof["incentive"], proof["dominance"]
    try:
        contest = contest_of(proof)
        gain = lambda: float(incentive(contest, tolerance=1e-3).share.max())  # noqa: E731
    except (
        HeadstartError
    ):  # points of a cost that is not convex: the solver reads none, the verifier needs no convexity
        lines = _least_lines(proof)
        contest = contest_of(lines)
        gain = lambda: _gain_on_a_grid(contest, proof)  # noqa: E731
    if claim is not None and gain() > float(Decimal(claim["tolerance"])) + 1e-9:
        return False
    if dominance is not None:
        known = dominance_level(contest).level
        if known is None or known > float(Decimal(dominance["level"])) * (1 + 1e-9):
            return False
    return True


def _least_lines(proof: Proof) -> Proof:
    """The proof with the steepest line below each cost by points in its place."""
    altered = copy.deepcopy(proof)
    for own in altered["contest"]["models"]:
        if own["cost"]["kind"] == "points":
            effort, cost = (np.array(own["cost"][key], dtype=float) for key in ("effort", "cost"))
            slope = min(*(cost[1:] / effort[1:]), (cost[-1] - cost[-2]) / (effort[-1] - effort[-2]))
            own["cost"] = {"kind": "power", "scale": repr(float(slope)), "exponent": "1", "free": "0"}
    return altered


def _gain_on_a_grid(contest: Contest, proof: Proof) -> float:
    """The largest gain over many efforts, as a share; costs by points from the proof, the rest from the contest."""
    stake = float(contest.rewards[0] - contest.rewards[-1])
    field = reward_field(contest.scores(), contest.rewards, ScoreNoise.of(contest))
    gains = [0.0]
    for i, own in enumerate(proof["contest"]["models"]):
        reach = float(np.asarray(contest.costs.effort_at(np.full(contest.n, stake)))[i])
        effort = min(reach, float(contest.max_effort[i])) * np.linspace(0, 1, 4001) ** 2
        which = np.full(effort.size, i)
        cost = np.asarray(contest.costs.take(which).cost(effort))
        if own["cost"]["kind"] == "points":
            x, y = (np.array(own["cost"][key], dtype=float) for key in ("effort", "cost"))
            beyond = y[-1] + (y[-1] - y[-2]) / (x[-1] - x[-2]) * (effort - x[-1])
            cost = np.where(effort > x[-1], beyond, np.interp(effort, x, y))
        earned = field.value(which, np.asarray(contest.curves.take(which).score(contest.level + effort)))
        gains.append(float((earned - earned[0] - cost).max()) / stake)
    return max(gains)


def accepted(proofs: Iterator[tuple[tuple[Any, ...], Proof]]) -> tuple[int, list[tuple[tuple[Any, ...], Proof]]]:
    """How many were tried, and those that the verifier accepts."""
    tried, kept = 0, []
    for path, altered in proofs:
        tried += 1
        if verify(altered).ok:
            kept.append((path, altered))
    return tried, kept
