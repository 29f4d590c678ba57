"""In words: contestants that cannot be tuned, runs that diverged, and what a runner reported about the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headstart.auditing.level_values import RankBound
from headstart.auditing.values import Audit, Untunable
from headstart.data.outcomes import RunOutcome
from headstart.report.wording import EXTRAPOLATED, TIED, count, number, ranks

UNTUNABLE_TITLE = "Cannot be tuned: shown apart"
ASSUMPTION = "tuning would not make them worse, so that their tuned score is at least their direct score"


def untunable_words(audit: Audit) -> list[str]:
    """What can be said about the contestants that cannot be tuned, in sentences; none without any."""
    if not audit.untunable:
        return []
    rivals = count(len(audit.models), "tuned model")
    sentences = [
        "The same tuning before testing cannot be given to these contestants, so their score after it is unknown. "
        "No ranking, price or verdict of this audit counts them.",
        f"Assumed: {ASSUMPTION}. At a level, each would then hold a rank from 1 (how much it would gain is not known) "
        f"to the rank of its direct score among the scores of the {rivals} there; in brackets the 95 % interval of "
        "that worst rank.",
        f"{TIED} noise cannot tell its direct score from that of at least one model at that level.",
    ]
    silent = [one.name for one in audit.untunable if one.stderr is None]
    if silent:
        sentences.append(
            f"No standard error is known for the direct score of {', '.join(silent)}, so the intervals leave that "
            "noise out."
        )
    return sentences


def rank_bound(bound: RankBound) -> str:
    """``1–3 [2–5] ≈``: best and worst rank, the interval of the worst, whether noise leaves a tie."""
    tied = f" {TIED}" if bound.tied else ""
    return f"{ranks((bound.best_rank, bound.worst_rank))} [{ranks(bound.worst_rank_interval)}]{tied}"


def level_headings(audit: Audit) -> list[str]:
    """``500 †``, for each level above 0 at which the contestants that cannot be tuned have a bound."""
    bounds = audit.untunable[0].bounds if audit.untunable else ()
    return [
        f"{number(bound.level)}{f' {EXTRAPOLATED}' if bound.extrapolated else ''}"
        for bound in bounds
        if bound.level > 0
    ]


def direct_score(one: Untunable) -> str:
    """The direct score with its standard error."""
    return f"{one.score:.3f} ± {'unknown' if one.stderr is None else f'{one.stderr:.2g}'}"


def reported_outcomes(outcomes: Iterable[RunOutcome]) -> list[tuple[str, str]]:
    """What the file reports, model by model: ``("a", "complete (seeds 0, 2); forgets (seed 1)")``.

    The models whose every run is complete are only counted, last.
    """
    seeds: dict[str, dict[str, list[str]]] = {}
    for run in outcomes:
        named = seeds.setdefault(run.model, {}).setdefault(run.outcome, [])
        if run.seed is not None:
            named.append(run.seed)
    told = {name: found for name, found in seeds.items() if set(found) != {"complete"}}
    rows = [(name, "; ".join(_runs(outcome, of) for outcome, of in found.items())) for name, found in told.items()]
    if whole := len(seeds) - len(told):
        rows.append((count(whole, "more model" if rows else "model"), "complete"))
    return rows


def _runs(outcome: str, seeds: Sequence[str]) -> str:
    if not seeds:
        return outcome
    return f"{outcome} ({'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)})"
