"""Sentences that a reader of an audit must know: assumptions taken, models flagged, runs that diverged."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.auditing.levels import MANY_MODELS
from headstart.auditing.values import ModelFit
from headstart.data.outcomes import Divergence
from headstart.data.trajectories import Trajectories
from headstart.fitting.fit import Fit


def audit_notes(
    fitted: Fit, assumed: bool, text: str, trajectories: Trajectories, first_level: float, draws: int
) -> tuple[str, ...]:
    """Assumptions and oddities, one sentence each; ``draws`` is the number of posterior draws."""
    notes: list[str] = []
    unit = trajectories.cost_unit
    if assumed:
        value = float(text.rpartition(":")[2])
        notes.append(
            f"No stakes were given: first place is assumed to be worth {value:,.6g} {unit} (the cost of the longest "
            "measured tuning run), the last place nothing, and every rank between them the same step."
        )
    if unit == "steps":
        notes.append(
            "Effort is counted in steps, and a step is taken to cost every developer the same; a column cost_per_step "
            "changes that."
        )
    if first_level > 0:
        notes.append(
            f"Step 0 was not measured by most models, so nothing is said about direct evaluation: the first level is "
            f"{first_level:,.6g} steps."
        )
    if len(fitted.models) > MANY_MODELS:
        notes.append(
            f"With {len(fitted.models):,} models every share and interval rests on {draws} posterior draws, and no "
            "levels between the reported ones were examined."
        )
    if trajectories.divergences:
        notes.append(diverged_note(trajectories.divergences))
    notes += trajectories.notes
    return tuple(notes)


MOST_NAMED = 5
"""Models that a note names, at most."""


def fitted_note(source: str, fitted: Fit, models: Sequence[ModelFit], first_level: float) -> str:
    """What a reader of answers about the fitted contest must know: they are about the fit, and where it disagrees.

    Args:
        source: Where the trajectories came from.
        fitted: The fit.
        models: The audit's rows, with the ranks measured at the first level.
        first_level: In steps.
    """
    scores = fitted.curves.score(first_level)
    rank = {name: 1 + int((scores > own).sum()) for name, own in zip(fitted.models, scores.tolist(), strict=True)}
    wrong = [
        f"{one.name} (measured {one.direct_rank}, fitted {rank[one.name]})"
        for one in sorted(models, key=lambda one: one.direct_rank or 0)
        if one.direct_rank_interval is not None
        and not one.direct_rank_interval[0] <= rank[one.name] <= one.direct_rank_interval[1]
    ]
    words = (
        f"The curves were fitted to {source or 'measured trajectories'}. What is proved of this contest is proved of "
        "the fitted curves among developers who know them, not of the measurements."
    )
    if wrong:
        more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
        words += (
            f" At {first_level:,.6g} steps the measured ranks disagree with the fitted ones for "
            f"{', '.join(wrong[:MOST_NAMED])}{more}."
        )
    return words


def diverged_note(diverged: Sequence[Divergence]) -> str:
    """Which runs diverged, and what that means for the scores that are left."""
    runs = "; ".join(
        f"{run.model}{_with_seed(run.seed)} (first step without a score: {run.step:,.6g})" for run in diverged
    )
    return (
        f"Diverged: {runs}. A step without a score is no measurement. Where other seeds of the model went on, its "
        "scores there are theirs alone."
    )


def _with_seed(seed: str | None) -> str:
    return "" if seed is None else f", seed {seed}"
