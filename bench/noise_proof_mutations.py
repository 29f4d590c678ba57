"""Proofs under noise, altered at random and signed anew: is one accepted that says what is not so?

    OMP_NUM_THREADS=1 python bench/noise_proof_mutations.py [MUTATIONS]

Whether an accepted proof says the truth is decided by the solver's floating point, which shares nothing with the
verifier (tests/noisy_proofs.py). The process may use 1 GB; a check that takes longer than ten seconds, or ends in
anything but an answer, counts as a failure.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from machine import machine

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from headstart.certificate import verify
from headstart.contest.contest_file import contest_from_document
from headstart.errors import ComputationError, HeadstartError
from headstart.solve.incentive import incentive
from headstart.solve.prove import prove
from noisy_proofs import Proof, coarser, document, model, mutations, plain, says_the_truth

RESULT = HERE / "results" / "noise_proof_mutations.json"

MUTATIONS = 2500
OF_EACH = 60
"""Mutations of one proof, drawn from all its single ones (a third altered once more), beside the coarser ones."""

MEMORY = 1 << 30
SLOW_SECONDS = 10.0


def random_document(rng: random.Random) -> Proof:
    """A contest of 2 to 5 models of every kind, with noise."""
    n = rng.randint(2, 5)
    stake = rng.choice([1, 30, 400])
    rewards: Any = rng.choice([
        {"kind": "linear", "value": stake}, {"kind": "winner", "value": stake}, {"kind": "top", "k": 1, "value": stake},
        {"kind": "geometric", "value": stake, "ratio": 0.5}, [stake, *[0.25 * stake] * (n - 2), 0],
    ])  # fmt: skip
    own = [rng.choice([0.005, 0.02, 0.06]) for _ in range(n)]
    noise = own if rng.random() < 0.5 else own[0]
    models = [_model(rng, f"m{i}", stake) for i in range(n)]
    return document(*models, rewards=rewards, noise=noise, level=rng.choice([0, 7, 60, 400]))


def _model(rng: random.Random, name: str, stake: float) -> Proof:
    scale = rng.choice([0.002, 0.01, 0.05]) * stake
    cost: Any = {"kind": "power", "scale": scale, "exponent": rng.choice([1, 1, 1.5]), "free": rng.choice([0, 0, 4])}
    if rng.random() < 0.2:
        cost = {"kind": "points", "effort": [0, 10, 30], "cost": [0, 10 * scale, 50 * scale]}
    cap = rng.choice([None, None, 0, 25])
    match rng.randrange(4):
        case 0:
            return model(name, "logit_power", cost, cap, L=0.25, U=rng.choice([0.7, 0.9]),
                         alpha=round(rng.gauss(-2, 1), 2), beta=rng.choice([0.6, 1, 1.4]))  # fmt: skip
        case 1:
            return model(name, "exponential", cost, cap, floor=rng.choice([0.3, 0.5]), ceiling=0.8,
                         rate=rng.choice([0.005, 0.02]))  # fmt: skip
        case 2:
            return model(name, "linear", cost, cap, intercept=round(rng.uniform(0.2, 0.6), 2), slope=0.0002)
        case _:
            rising = sorted(round(rng.uniform(0.2, 0.8), 2) for _ in range(3))
            return model(name, "points", cost, cap, effort=[0, 20, 300], score=rising)


def altered_proofs(proof: Proof, rng: random.Random) -> list[tuple[str, Proof]]:
    """Some of the proof's mutations, each with the place it was altered at."""
    single = list(mutations(proof))
    chosen: list[tuple[str, Proof]] = []
    for path, altered in rng.sample(single, min(OF_EACH, len(single))):
        if rng.random() < 1 / 3 and all(altered[key] is not None for key in ("incentive", "dominance")):
            path, altered = rng.choice(list(mutations(altered)))
        chosen.append((".".join(map(str, path)), altered))
    return [*chosen, *((".".join(path), altered) for path, altered in coarser(proof))]


def tight_proof(rng: random.Random) -> Proof:
    """The proof of a random contest, its tolerance hardly above what is gained where that can be proved."""
    contest = random_document(rng)
    largest = float(incentive(contest_from_document(plain(contest)), tolerance=1e-4).upper_share.max())
    try:
        proof = prove(contest, tolerance=f"{largest * 1.004 + 1e-5:.6f}")
    except HeadstartError:
        proof = prove(contest)
    return json.loads(json.dumps(proof))


def _is_false(altered: Proof) -> bool:
    """Whether a claim that was refused as not shown is false indeed; contests that the solver refuses do not count."""
    try:
        return not says_the_truth(altered)
    except HeadstartError:
        return False


def main() -> int:
    """Alter, check, print and write the result."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else MUTATIONS
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    rng = random.Random(7)
    seen: Counter[str] = Counter()
    failures: list[dict[str, object]] = []
    slowest = 0.0
    while seen["mutations"] < wanted:
        try:
            proof = tight_proof(rng)
        except ComputationError:
            seen["contests of which nothing is proved"] += 1
            continue
        seen["proofs"] += 1
        for key in ("incentive", "dominance"):
            seen[f"proofs with a claim on {key}"] += proof[key] is not None
        if not verify(proof).ok or not says_the_truth(proof):
            failures.append({"proof": proof, "what": "an unaltered proof is refused or false"})
        if proof["incentive"] is None:
            continue
        for place, altered in altered_proofs(proof, rng):
            start = time.perf_counter()
            try:
                answer = verify(altered)
            except Exception as error:
                failures.append({"proof": altered, "place": place, "what": repr(error)})
                continue
            finally:
                seen["mutations"] += 1
            took = time.perf_counter() - start
            slowest = max(slowest, took)
            seen["accepted"] += answer.ok
            seen["refused and false"] += "not shown" in (answer.reason or "") and _is_false(altered)
            if took > SLOW_SECONDS or (answer.ok and not says_the_truth(altered)):
                failures.append({"proof": altered, "place": place, "what": f"{answer} after {took:.1f} s"})
    result = {
        "mutations": seen["mutations"],
        "accepted": seen["accepted"],
        "refused_and_false_indeed": seen["refused and false"],
        "accepted_although_false_or_not_answered": len(failures),
        "slowest_check_seconds": round(slowest, 2),
        "largest_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "counts": dict(seen),
        "failures": failures[:20],
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), **result}, indent=1) + "\n")
    print({key: value for key, value in result.items() if key != "failures"})
    for failure in failures[:20]:
        print(failure["what"], failure.get("place"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
