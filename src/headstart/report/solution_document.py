"""The answer of ``headstart solve`` as JSON data, schema ``headstart.solution/1``."""

from __future__ import annotations

from headstart.io.atomic import JsonValue, envelope
from headstart.io.encode import encode, encode_fields
from headstart.solve.mixed import MixedSolution
from headstart.solve.solution import NoiseAnswer, Solution

SCHEMA = "headstart.solution/1"


def solution_document(found: Solution) -> dict[str, JsonValue]:
    """Everything found, with the envelope of every document of this package."""
    document = envelope(SCHEMA) | encode_fields(found)
    if found.mixed is not None:
        document["mixed"] = _mixed(found.mixed)
    if found.noise is not None:
        document["noise"] = _noise(found.noise)
    else:
        del document["noise"]
    return document


def _mixed(found: MixedSolution) -> JsonValue:
    """A mixed equilibrium with its measured exploitability, models in the contest's order."""
    keys = ("name", "expected_effort", "expected_cost", "payoff", "idle_probability")
    per_model = zip(
        found.names, found.expected_effort.tolist(), found.expected_cost.tolist(), found.payoff.tolist(),
        found.idle_probability.tolist(), strict=True,
    )  # fmt: skip
    return {
        "method": found.method,
        "why": found.why,
        "status": found.status,
        "exploitability": found.exploitability,
        "exploitability_share": found.exploitability_share,
        "models": [dict(zip(keys, row, strict=True)) for row in per_model],
        "inversion_probability": encode(found.inversion_probability),
        "expected_kendall_tau": found.expected_kendall_tau,
        "note": found.note,
    }


def _noise(noise: NoiseAnswer) -> JsonValue:
    kept = ("efforts", "payoffs", "regret_bound", "rank_probabilities", "expected_kendall_tau")
    return {
        "status": noise.found.status,
        "equilibria": [{key: encode(getattr(e, key)) for key in kept} for e in noise.found.equilibria],
        "nobody_tunes_from_scale": {key: encode(getattr(noise.threshold, key)) for key in ("status", "low", "high")},
        "without_noise": noise.without_noise,
    }
