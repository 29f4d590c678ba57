"""Sentences that a reader of an audit must know: assumptions taken, models flagged, runs that diverged."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.data.outcomes import Divergence
from headstart.data.trajectories import Trajectories
from headstart.fitting.fit import Fit


def audit_notes(
    fitted: Fit, assumed: bool, text: str, trajectories: Trajectories, first_level: float
) -> tuple[str, ...]:
    """Assumptions and oddities, one sentence each."""
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
    if trajectories.divergences:
        notes.append(diverged_note(trajectories.divergences))
    notes += trajectories.notes
    return tuple(notes)


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
