"""What ``headstart solve`` says about a contest, as JSON data (schema ``headstart.solution/1``) and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from headstart.contest.contest import Contest
from headstart.errors import ComputationError
from headstart.solve.level import stabilising_level
from headstart.solve.prices import price_table
from headstart.solve.prove import prove
from headstart.solve.pure import PureSolution, solve_pure

SCHEMA = "headstart.solution/1"

PROVEN_UP_TO = 60
"""Contests with more models are answered in floating point: a proof compares every pair, at every precision needed."""

Json = dict[str, Any]


def solution_document(contest: Contest, document: Mapping[str, object], *, all_pairs: bool = False) -> Json:
    """Everything known about the contest without noise, proved where it can be.

    Args:
        contest: The contest in floating point.
        document: The same from ``formats.read_document``, constants as they are written.
        all_pairs: Whether to price every pair and not only neighbours.
    """
    numeric = solve_pure(contest)
    proof = _proof(document) if contest.n <= PROVEN_UP_TO and contest.noise_sd is None else None
    return {
        "level": contest.level,
        "ranking": [contest.names[m] for m in cast("list[int]", contest.order().tolist())],
        "pure": _proved_pure(proof, numeric) if proof else _numeric_pure(numeric),
        "prices": [asdict(row) for row in price_table(contest, all_pairs=all_pairs)],
        "stabilising_level": _level(contest, proof),
        "mixed": None,
    }


def _proof(document: Mapping[str, object]) -> Json | None:
    try:
        return prove(document)
    except ComputationError:
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
        "conditions": _conditions(cast("list[Json]", proof["conditions"]), numeric),
    }


def _conditions(proved: list[Json], numeric: PureSolution) -> list[Json]:
    """The proof's conditions, in the solver's words where it has some, then those the proof did not need."""
    why = {c.name: c.why for c in numeric.conditions}
    names = {str(condition["name"]) for condition in proved}
    rest = [asdict(c) for c in numeric.conditions if c.name not in names]
    return [{**c, "why": why.get(str(c["name"])), "proof": "exact"} for c in proved] + [
        {**c, "proof": "exact" if c["holds"] is not None else None} for c in rest
    ]


_REASONS = {
    "exists": "no place is worth its price to anybody who does not hold it",
    "none": "the only candidate for an equilibrium is broken by the witness",
}


def _level(contest: Contest, proof: Json | None) -> Json:
    """The stable set in floating point, upgraded to what the proof covers."""
    found = stabilising_level(contest)
    level: Json = {
        "status": found.status,
        "level": found.level,
        "proof": found.proof,
        "reason": found.reason,
        "intervals": [list(pair) for pair in found.intervals],
    }
    claim = cast("Json | None", proof["stabilising_level"]) if proof else None
    if claim is None:
        return level
    if claim["status"] == "finite":
        enclosure = {"proved_low": float(claim["low"]), "proved_high": float(claim["high"])}
        if found.status == "union":  # the proof covers the last half-line; the other intervals stay numeric
            return level | enclosure
        if found.level is None:
            level |= {"level": enclosure["proved_high"], "intervals": [[enclosure["proved_high"], None]]}
        return level | enclosure | {"status": "finite", "proof": claim["proof"], "reason": "stable from this level on"}
    if claim["status"] == "zero":
        return level | {"status": "zero", "level": 0.0, "proof": claim["proof"], "intervals": [[0.0, None]],
                        "reason": "nobody tuning is an equilibrium under direct evaluation already"}  # fmt: skip
    return level | {"status": claim["status"], "level": None, "proof": claim["proof"], "intervals": [],
                    "reason": "no level is stable: the deviation that pays never stops paying"}  # fmt: skip
