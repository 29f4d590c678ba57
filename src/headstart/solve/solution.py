"""What is known about a contest: the answer of ``headstart solve`` as one frozen value, proved where it can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.contest.contest import Contest
from headstart.errors import ComputationError, InputError
from headstart.io.encode import as_json
from headstart.progress import Progress, silent
from headstart.solve.gaming import (
    DominanceAnswer,
    IncentiveAnswer,
    StrategicAnswer,
    dominance_answer,
    incentive_answer,
    strategic_answer,
)
from headstart.solve.level import StabilisingLevel, Status, stabilising_level
from headstart.solve.mixed import MixedSolution, solve_mixed
from headstart.solve.noise import NoiseThreshold, NoisySolution, noise_threshold, solve_noisy
from headstart.solve.prices import RankPrice, price_table
from headstart.solve.prove import prove
from headstart.solve.pure import Proof, PureSolution, Verdict, Witness, solve_pure

PROVEN_UP_TO = 60
"""Contests with more models are answered in floating point: a proof compares every pair, at every precision needed."""

ORDER_CONDITIONS = ("one strict order before and after the free effort", "ties cannot be bought and held")
"""The proof's conditions that compare scores and so may need ball arithmetic."""

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class KnownCondition:
    """A condition of the theory, and how it is known.

    Args:
        name: Its name in docs/theory.
        holds: True, False, or None when it could not be established.
        feeds: The propositions that need it.
        why: What the answer rests on, in words; None where only the proof decides it.
        proof: ``exact``, ``interval`` or ``numeric``; None where it could not be established.
    """

    name: str
    holds: bool | None
    feeds: tuple[str, ...]
    why: str | None
    proof: Proof | None


@dataclass(frozen=True, kw_only=True)
class ProvedWitness:
    """A deviation from the candidate that pays, with an effort that is proved to be enough where there is a proof.

    Args:
        model: The developer who deviates.
        overtakes: The model whose place it takes.
        effort: Infimum of the efforts that are enough, in steps; None where only the proof knows the deviation.
        cost: Cost of that effort, in cost units; None as ``effort``.
        gain: Reward gained minus cost, in cost units; None as ``effort``.
        proved_effort: An effort that is proved to pay, in steps; None without a proof.
    """

    model: str
    overtakes: str
    effort: float | None = field(default=None, metadata=as_json(optional=True))
    cost: float | None = field(default=None, metadata=as_json(optional=True))
    gain: float | None = field(default=None, metadata=as_json(optional=True))
    proved_effort: float | None = field(default=None, metadata=as_json(optional=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class PureAnswer:
    """The verdict on pure equilibria, as proved where it is proved.

    Args:
        verdict: ``exists``, ``none`` or ``undecided``.
        unique: Whether the equilibrium is the only one; None when not known or when there is none.
        proof: How the verdict is known.
        efforts: One equilibrium when it exists, shape (models,), in steps.
        witness: A deviation that pays when none exists; None under noise, where no single deviation shows it.
        reason: The verdict in one sentence.
        conditions: The conditions of the theory, each with how it is known.
    """

    verdict: Verdict
    unique: bool | None
    proof: Proof
    efforts: Float[FloatArray, " models"] | None
    witness: ProvedWitness | None
    reason: str
    conditions: tuple[KnownCondition, ...]


@dataclass(frozen=True, kw_only=True)
class ProvedLevel(StabilisingLevel):
    """The stable levels, and what is proved of them.

    Args:
        proved_low: A level just below which nobody tuning is proved to be no equilibrium, in steps.
        proved_high: A level from which on it is proved to be one for good, in steps.
    """

    proved_low: float | None = field(default=None, metadata=as_json(optional=True))
    proved_high: float | None = field(default=None, metadata=as_json(optional=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseAnswer:
    """What is known where scores carry noise: a rank-order tournament.

    Args:
        found: Its equilibria.
        threshold: How much larger the noise would have to be for nobody to tune.
        without_noise: The verdict on the same contest without noise.
    """

    found: NoisySolution
    threshold: NoiseThreshold
    without_noise: Verdict


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """Everything that is known about a contest.

    Args:
        level: The tune-before-test level, in steps.
        ranking: Models from first to last when nobody tunes.
        pure: The verdict on pure equilibria.
        prices: What ranks cost to take; of the contest without noise.
        stabilising_level: The levels at which nobody tuning is an equilibrium; of the contest without noise.
        mixed: A mixed equilibrium, or None.
        mixed_reason: Why there is no mixed equilibrium here; None where there is.
        noise: The answer for noisy scores, or None.
        incentive: What gaming gains.
        dominance: From which level on not tuning is best whatever the others do.
        strategic_ranks: What every equilibrium agrees on.
    """

    level: float
    ranking: tuple[str, ...]
    pure: PureAnswer
    prices: tuple[RankPrice, ...]
    stabilising_level: ProvedLevel
    mixed: MixedSolution | None
    mixed_reason: str | None
    noise: NoiseAnswer | None
    incentive: IncentiveAnswer
    dominance: DominanceAnswer
    strategic_ranks: StrategicAnswer


def solve_contest(
    contest: Contest,
    document: Mapping[str, object],
    *,
    all_pairs: bool = False,
    mixed: bool | None = None,
    tolerance: float = 0.01,
    exploitability: float = 5e-3,
    seed: int = 0,
    progress: Progress | None = None,
) -> Solution:
    """Everything known about the contest, proved where it can be.

    Args:
        contest: The contest in floating point.
        document: The same from ``contest_file.read_document``, constants as they are written.
        all_pairs: Whether to price every pair and not only neighbours.
        mixed: Whether to look for a mixed equilibrium; None: only where no pure one exists.
        tolerance: Gain from gaming that counts as none, as a share of first reward minus last.
        exploitability: Where to stop improving a mixed equilibrium, as a share of what is contested (docs/mixed).
        seed: Seed of whatever is random.
        progress: Called with what is being done and the share that is finished.

    Raises:
        ComputationError: If a mixed equilibrium was asked for and is too large to compute.
    """
    tell = progress or silent
    noisy = contest.noise_sd is not None and bool((contest.noise_sd > 0).any())
    numeric = solve_pure(contest)
    proof = None
    if contest.n <= PROVEN_UP_TO and contest.noise_sd is None:
        tell("proving the verdict", 0.1)
        proof = _proof({**document, "noise_sd": None})  # the caller may have taken the noise away
    pure = _proved_pure(proof, numeric) if proof else _numeric_pure(numeric)
    tell("stabilising level", 0.3)
    level = _level(contest, proof)
    noise, equilibrium, why_not = None, None, None
    tell("what gaming gains", 0.4)
    gains, dominance, strategic = (
        incentive_answer(contest, tolerance),
        dominance_answer(contest),
        strategic_answer(contest),
    )
    if noisy:
        tell("equilibria under noise", 0.5)
        noise = solve_under_noise(contest, numeric.verdict, seed)
        pure, why_not = _noisy_pure(noise.found, numeric), "scores carry noise: see noise"
    elif mixed or (mixed is None and pure.verdict == "none"):
        tell("mixed equilibrium", 0.5)
        equilibrium = solve_mixed(
            contest, tolerance=exploitability, seed=seed, progress=lambda what, share: tell(what, 0.5 + 0.5 * share)
        )
    else:
        why_not = "not asked for" if mixed is False else "a pure equilibrium answers already"
    return Solution(
        level=contest.level, ranking=tuple(contest.names[m] for m in cast("list[int]", contest.order().tolist())),
        pure=pure, prices=price_table(contest, all_pairs=all_pairs), stabilising_level=level,
        mixed=equilibrium, mixed_reason=why_not, noise=noise, incentive=gains, dominance=dominance,
        strategic_ranks=strategic,
    )  # fmt: skip


def solve_under_noise(contest: Contest, without_noise: Verdict, seed: int) -> NoiseAnswer:
    """The equilibria of a contest whose scores carry noise, and how much noise would end all tuning."""
    return NoiseAnswer(
        found=solve_noisy(contest, seed=seed), threshold=noise_threshold(contest), without_noise=without_noise
    )


def _noisy_pure(found: NoisySolution, numeric: PureSolution) -> PureAnswer:
    verdict: Verdict = "exists" if found.equilibria else "none" if found.status == "none exists" else "undecided"
    return PureAnswer(
        verdict=verdict, unique=None, proof=found.proof,
        efforts=found.equilibria[0].efforts if found.equilibria else None,
        witness=None, reason=found.reason, conditions=_conditions([], numeric),
    )  # fmt: skip


def _proof(document: Mapping[str, object]) -> Json | None:
    """A proof, or None where there is none: too close to tell, or beyond the verifier (an exponent above 1000)."""
    try:
        return prove(document)
    except (ComputationError, InputError):
        return None


def _witness(found: Witness | None, proved_effort: float | None = None) -> ProvedWitness | None:
    if found is None:
        return None
    return ProvedWitness(
        model=found.model, overtakes=found.overtakes, effort=found.effort, cost=found.cost, gain=found.gain,
        proved_effort=proved_effort,
    )  # fmt: skip


def _numeric_pure(numeric: PureSolution) -> PureAnswer:
    return PureAnswer(
        verdict=numeric.verdict, unique=numeric.unique, proof=numeric.proof, efforts=numeric.efforts,
        witness=_witness(numeric.witness), reason=numeric.reason, conditions=_conditions([], numeric),
    )  # fmt: skip


def _proved_pure(proof: Json, numeric: PureSolution) -> PureAnswer:
    """The proved verdict; the deviation's infimum, cost and gain come from the solver, and agree with the proof's."""
    pure = cast("Json", proof["pure"])
    witness = None
    if pure["witness"] is not None:
        proved, found = cast("Json", pure["witness"]), numeric.witness
        same = found is not None and (found.model, found.overtakes) == (proved["model"], proved["overtakes"])
        effort = float(proved["effort"])
        witness = (
            _witness(found, effort)
            if same
            else ProvedWitness(model=proved["model"], overtakes=proved["overtakes"], proved_effort=effort)
        )
    return PureAnswer(
        verdict=pure["verdict"], unique=pure["unique"], proof=pure["proof"],
        efforts=None if pure["efforts"] is None else np.array([float(e) for e in pure["efforts"]]),
        witness=witness, reason=_REASONS[pure["verdict"]],
        conditions=_conditions(cast("list[Json]", proof["conditions"]), numeric, pure["proof"]),
    )  # fmt: skip


def _conditions(proved: list[Json], numeric: PureSolution, arithmetic: Proof = "exact") -> tuple[KnownCondition, ...]:
    """The proof's conditions, in the solver's words where it has some, then those the proof did not need.

    The proof decides its conditions from parameters, exactly, but for the order of scores at two levels.
    """
    why = {c.name: c.why for c in numeric.conditions}
    names = {str(condition["name"]) for condition in proved}
    established = [
        KnownCondition(
            name=c["name"], holds=c["holds"], feeds=tuple(c["feeds"]), why=why.get(str(c["name"])),
            proof=arithmetic if c["name"] in ORDER_CONDITIONS else "exact",
        )
        for c in proved
    ]  # fmt: skip
    rest = [
        KnownCondition(
            name=c.name, holds=c.holds, feeds=c.feeds, why=c.why, proof="numeric" if c.holds is not None else None
        )
        for c in numeric.conditions
        if c.name not in names
    ]
    return (*established, *rest)


_REASONS = {
    "exists": "no place is worth its price to anybody who does not hold it",
    "none": "the only candidate for an equilibrium is broken by the witness",
}


def _level(contest: Contest, proof: Json | None) -> ProvedLevel:
    """The stable set: as proved where the proof settles it, else in floating point with what is proved of it."""
    claim = cast("Json | None", proof["stabilising_level"]) if proof else None
    settled = None if claim is None else _settled_level(contest, claim)
    if settled is not None:
        return settled
    found, reason, low, high = stabilising_level(contest), None, None, None
    known: Proof = found.proof
    if claim is not None and claim["status"] == "finite":
        # proved: stable for good from some level on, and not just below it; whether also at lower levels is not
        low, high = float(claim["low"]), float(claim["high"])
        if found.status in ("unknown", "partial"):
            return _from_proof_on(found, low, high, claim["proof"])
        known = claim["proof"] if found.status == "finite" else known
    return ProvedLevel(
        status=found.status, level=found.level, proof=known, reason=reason or found.reason, intervals=found.intervals,
        proved_low=low, proved_high=high,
    )  # fmt: skip


def _from_proof_on(found: StabilisingLevel, low: float, high: float, proof: Proof) -> ProvedLevel:
    """The stable set where the search in floating point ended early, but the proof gives the level."""
    below = tuple((a, b) for a, b in found.intervals if b is not None and b <= low)
    lower = "which lower levels are stable for a while is not known in full"
    reason = f"stable from {high:.8g} on and not just below it; {lower}"
    return ProvedLevel(
        status="partial", level=high, intervals=(*below, (high, None)), proof=proof, reason=reason,
        proved_low=low, proved_high=high,
    )  # fmt: skip


def _settled_level(contest: Contest, claim: Json) -> ProvedLevel | None:
    """The stable set where the claim says all of it; None where it leaves lower levels open."""
    status: Status = claim["status"]
    level, low, high = 0.0, None, None
    if status == "zero":
        reason = "nobody tuning is an equilibrium under direct evaluation already"
    elif status == "infinite" and float(claim["from"]) == 0:
        level, reason = None, "no level is stable: the deviation that pays never stops paying"
    elif status == "finite" and claim["half_line"]:
        low, high = float(claim["low"]), float(claim["high"])
        level, reason = _within(contest, low, high), "stable exactly from this level on"
    else:
        return None
    intervals = () if level is None else ((level, None),)
    return ProvedLevel(
        status=status, level=level, proof=claim["proof"], reason=reason, intervals=intervals,
        proved_low=low, proved_high=high,
    )  # fmt: skip


def _within(contest: Contest, low: float, high: float) -> float:
    """The level inside its proved enclosure, to the accuracy of floating point."""
    for _ in range(60):
        middle = (low + high) / 2
        verdict = solve_pure(contest.at_level(middle)).verdict
        if verdict == "undecided" or middle in (low, high):
            break
        low, high = (low, middle) if verdict == "exists" else (middle, high)
    return high
