"""What ``headstart solve`` says about a contest, as JSON data (schema ``headstart.solution/1``) and as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, cast

from headstart.contest.contest import Contest
from headstart.errors import ComputationError, InputError
from headstart.solve.gaming import gaming_sections
from headstart.solve.level import stabilising_level
from headstart.solve.mixed import MixedSolution, solve_mixed
from headstart.solve.noise import noise_threshold, solve_noisy
from headstart.solve.prices import price_table
from headstart.solve.prove import prove
from headstart.solve.pure import PureSolution, Verdict, solve_pure

SCHEMA = "headstart.solution/1"

PROVEN_UP_TO = 60
"""Contests with more models are answered in floating point: a proof compares every pair, at every precision needed."""

ORDER_CONDITION = "one strict order before and after the free effort"
"""The proof's one condition that compares scores and so may need ball arithmetic."""

Json = dict[str, Any]

Progress = Callable[[str, float], None]


def solution_document(
    contest: Contest,
    document: Mapping[str, object],
    *,
    all_pairs: bool = False,
    mixed: bool | None = None,
    tolerance: float = 0.01,
    exploitability: float = 5e-3,
    seed: int = 0,
    progress: Progress | None = None,
) -> Json:
    """Everything known about the contest, proved where it can be.

    Args:
        contest: The contest in floating point.
        document: The same from ``formats.read_document``, constants as they are written.
        all_pairs: Whether to price every pair and not only neighbours.
        mixed: Whether to look for a mixed equilibrium; None: only where no pure one exists.
        tolerance: Gain from gaming that counts as none, as a share of first reward minus last.
        exploitability: Where to stop improving a mixed equilibrium, as a share of what is contested (docs/mixed).
        seed: Seed of whatever is random.
        progress: Called with what is being done and the share that is finished.

    Raises:
        ComputationError: If a mixed equilibrium was asked for and is too large to compute.
    """
    tell = progress or _silent
    noisy = contest.noise_sd is not None and bool((contest.noise_sd > 0).any())
    numeric = solve_pure(contest)
    proof = None
    if contest.n <= PROVEN_UP_TO and contest.noise_sd is None:
        tell("proving the verdict", 0.1)
        proof = _proof(document)
    pure = _proved_pure(proof, numeric) if proof else _numeric_pure(numeric)
    tell("stabilising level", 0.3)
    solution: Json = {
        "level": contest.level,
        "ranking": [contest.names[m] for m in cast("list[int]", contest.order().tolist())],
        "pure": pure,
        "prices": [asdict(row) for row in price_table(contest, all_pairs=all_pairs)],
        "stabilising_level": _level(contest, proof),
        "mixed": None,
        "mixed_reason": "a pure equilibrium answers already; --mixed computes it all the same",
    }
    tell("what gaming gains", 0.4)
    solution |= gaming_sections(contest, tolerance)
    if noisy:
        tell("equilibria under noise", 0.5)
        return solution | noise_sections(contest, numeric, seed)
    if mixed or (mixed is None and pure["verdict"] == "none"):
        tell("mixed equilibrium", 0.5)
        found = solve_mixed(
            contest, tolerance=exploitability, seed=seed, progress=lambda at: tell(f"mixed: {at.sweeps} sweeps", 0.7)
        )
        solution |= {"mixed": mixed_section(found), "mixed_reason": None}
    elif mixed is False:
        solution["mixed_reason"] = "switched off"
    return solution


def _silent(_what: str, _share: float) -> None:
    """Progress nobody watches."""


def mixed_section(found: MixedSolution) -> Json:
    """A mixed equilibrium with its measured exploitability, models in the contest's order."""
    per_model = zip(
        found.names, found.expected_effort.tolist(), found.expected_cost.tolist(), found.payoff.tolist(),
        found.idle_probability.tolist(), strict=True,
    )  # fmt: skip
    keys = ("name", "expected_effort", "expected_cost", "payoff", "idle_probability")
    return {
        "method": found.method,
        "why": found.why,
        "status": found.status,
        "exploitability": found.exploitability,
        "exploitability_share": found.exploitability_share,
        "models": [dict(zip(keys, row, strict=True)) for row in per_model],
        "inversion_probability": found.inversion_probability.tolist(),
        "expected_kendall_tau": found.expected_kendall_tau,
        "note": found.note,
    }


def noise_sections(contest: Contest, without_noise: PureSolution, seed: int) -> Json:
    """The verdict of a contest whose scores carry noise: a rank-order tournament.

    Prices and the stabilising level beside it are those of the same contest without noise.
    """
    found = solve_noisy(contest, seed=seed)
    verdict: Verdict = "exists" if found.equilibria else "none" if found.status == "none exists" else "undecided"
    first = found.equilibria[0] if found.equilibria else None
    threshold = noise_threshold(contest)
    return {
        "pure": {
            "verdict": verdict,
            "unique": None,
            "proof": found.proof,
            "efforts": first.efforts.tolist() if first else None,
            "witness": None,
            "reason": found.reason,
            "conditions": _conditions([], without_noise),
        },
        "noise": {
            "status": found.status,
            "equilibria": [
                {
                    "efforts": e.efforts.tolist(),
                    "payoffs": e.payoffs.tolist(),
                    "regret_bound": e.regret_bound,
                    "rank_probabilities": e.rank_probabilities.tolist(),
                    "expected_kendall_tau": e.expected_kendall_tau,
                }
                for e in found.equilibria
            ],
            "nobody_tunes_from_scale": {"status": threshold.status, "low": threshold.low, "high": threshold.high},
            "without_noise": without_noise.verdict,
        },
        "mixed_reason": "scores carry noise: see noise",
    }


def _proof(document: Mapping[str, object]) -> Json | None:
    """A proof, or None where there is none: too close to tell, or beyond the verifier (an exponent above 1000)."""
    try:
        return prove(document)
    except (ComputationError, InputError):
        return None


def _witness(numeric: PureSolution) -> Json | None:
    return asdict(numeric.witness) if numeric.witness else None


def _numeric_pure(numeric: PureSolution) -> Json:
    return {
        "verdict": numeric.verdict,
        "unique": numeric.unique,
        "proof": numeric.proof,
        "efforts": None if numeric.efforts is None else numeric.efforts.tolist(),
        "witness": _witness(numeric),
        "reason": numeric.reason,
        "conditions": _conditions([], numeric),
    }


def _proved_pure(proof: Json, numeric: PureSolution) -> Json:
    """The proved verdict; the deviation's infimum, cost and gain come from the solver, and agree with the proof's."""
    pure = cast("Json", proof["pure"])
    witness = None
    if pure["witness"] is not None:
        proved = cast("Json", pure["witness"])
        witness = (_witness(numeric) or {}) | {"proved_effort": float(proved["effort"])}
        if (witness.get("model"), witness.get("overtakes")) != (proved["model"], proved["overtakes"]):
            witness = {
                "model": proved["model"],
                "overtakes": proved["overtakes"],
                "proved_effort": float(proved["effort"]),
            }
    return {
        "verdict": pure["verdict"],
        "unique": pure["unique"],
        "proof": pure["proof"],
        "efforts": None if pure["efforts"] is None else [float(e) for e in pure["efforts"]],
        "witness": witness,
        "reason": _REASONS[pure["verdict"]],
        "conditions": _conditions(cast("list[Json]", proof["conditions"]), numeric, str(pure["proof"])),
    }


def _conditions(proved: list[Json], numeric: PureSolution, arithmetic: str = "exact") -> list[Json]:
    """The proof's conditions, in the solver's words where it has some, then those the proof did not need.

    The proof decides its conditions from parameters, exactly, but for the order of scores at two levels.
    """
    why = {c.name: c.why for c in numeric.conditions}
    names = {str(condition["name"]) for condition in proved}
    rest = [asdict(c) for c in numeric.conditions if c.name not in names]
    established = [
        {**c, "why": why.get(str(c["name"])), "proof": arithmetic if c["name"] == ORDER_CONDITION else "exact"}
        for c in proved
    ]
    return established + [{**c, "proof": "numeric" if c["holds"] is not None else None} for c in rest]


_REASONS = {
    "exists": "no place is worth its price to anybody who does not hold it",
    "none": "the only candidate for an equilibrium is broken by the witness",
}


def _level(contest: Contest, proof: Json | None) -> Json:
    """The stable set: as proved where the proof settles it, else in floating point with what is proved of it."""
    claim = cast("Json | None", proof["stabilising_level"]) if proof else None
    settled = None if claim is None else _settled_level(contest, claim)
    if settled is not None:
        return settled
    found = stabilising_level(contest)
    level: Json = {
        "status": found.status,
        "level": found.level,
        "proof": found.proof,
        "reason": found.reason,
        "intervals": [list(pair) for pair in found.intervals],
    }
    if claim is None or claim["status"] != "finite":
        return level
    # proved: stable for good from some level on, and not just below it; whether also at lower levels is not
    high = float(claim["high"])
    level |= {"proved_low": float(claim["low"]), "proved_high": high}
    if found.status == "unknown":
        return level | {
            "reason": f"stable for good from {high:g} on (proved); lower levels are not settled: {found.reason}"
        }
    return level | ({"proof": claim["proof"]} if found.status == "finite" else {})


def _settled_level(contest: Contest, claim: Json) -> Json | None:
    """The stable set where the claim says all of it; None where it leaves lower levels open."""
    if claim["status"] == "zero":
        why = "nobody tuning is an equilibrium under direct evaluation already"
        return {"status": "zero", "level": 0.0, "proof": claim["proof"], "reason": why, "intervals": [[0.0, None]]}
    if claim["status"] == "infinite" and float(claim["from"]) == 0:
        why = "no level is stable: the deviation that pays never stops paying"
        return {"status": "infinite", "level": None, "proof": claim["proof"], "reason": why, "intervals": []}
    if claim["status"] == "finite" and claim["half_line"]:
        low, high = float(claim["low"]), float(claim["high"])
        level = _within(contest, low, high)
        return {
            "status": "finite", "level": level, "proof": claim["proof"], "reason": "stable exactly from this level on",
            "intervals": [[level, None]], "proved_low": low, "proved_high": high,
        }  # fmt: skip
    return None


def _within(contest: Contest, low: float, high: float) -> float:
    """The level inside its proved enclosure, to the accuracy of floating point."""
    for _ in range(60):
        middle = (low + high) / 2
        verdict = solve_pure(contest.at_level(middle)).verdict
        if verdict == "undecided" or middle in (low, high):
            break
        low, high = (low, middle) if verdict == "exists" else (middle, high)
    return high
