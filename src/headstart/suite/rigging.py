"""The rigging count: the fewest tasks on which a developer must train for its model to be ranked first.

In the paper below a task that was trained on gets the best possible score. Here it may also get the score that the
model was measured to have after tuning, and then "never" is an answer. Everybody else stays untuned, and equal values
share the first rank. ``docs/suites.md`` has the proofs.

Source: Gordienko, Schollmeyer, Kreuter and Jansen (2026), How Hard is it to Rig a Benchmark? A Social Choice Analysis
of Leaderboard Robustness, arXiv 2605.23628.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from headstart.contest.arrays import FloatArray, IntArray, require
from headstart.progress import Progress
from headstart.suite.aggregations import AGGREGATIONS
from headstart.suite.aggregations.base import below_and_tied, rounded
from headstart.suite.covering import fewest_tasks
from headstart.suite.table import ScoreTable

Assumption = Literal["perfect", "measured"]
"""What a task that was trained on scores: the best possible score, or the measured score after tuning."""

Found = tuple[int, ...] | None
"""Places of the tasks of a smallest set; None where no set suffices."""


@dataclass(frozen=True, kw_only=True)
class RiggingCount:
    """How many tasks each model must be trained on to be ranked first, all others as they are.

    Args:
        aggregation: The rule that ranks.
        assumption: What a trained task scores.
        models: Names of the targets.
        tasks: Names of all tasks of the suite.
        sets: A smallest set for each target; several may be as small. None: never first, whatever is trained on.
    """

    aggregation: str
    assumption: Assumption
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    sets: tuple[tuple[str, ...] | None, ...]

    @property
    def counts(self) -> tuple[int | None, ...]:
        """Fewest tasks for each target; None for never."""
        return tuple(None if found is None else len(found) for found in self.sets)

    @property
    def never(self) -> int:
        """Targets that no set of tasks brings to the first rank."""
        return sum(found is None for found in self.sets)

    @property
    def median(self) -> int | None:
        """Lower median of the counts, "never" being more than any number; None where it is "never"."""
        known = sorted(len(self.tasks) + 1 if count is None else count for count in self.counts)
        middle = known[(len(known) - 1) // 2]
        return None if middle > len(self.tasks) else middle


def rigging_count(
    direct: ScoreTable,
    aggregation: str,
    *,
    tuned: ScoreTable | None = None,
    targets: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> RiggingCount:
    """The fewest tasks to train on, exactly, for each target.

    Args:
        direct: The table that is published.
        aggregation: One of ``COUNTED``; under ``majority`` a model is first that no rival is ahead of on more tasks.
        tuned: Scores of trained tasks, of the same models and tasks; None for the best possible score.
        targets: Places of the models asked about; all when None.
        progress: Told after every target.

    Raises:
        InputError: If the rule has no exact count, or the tables do not fit.
        ComputationError: If a binary programme was not solved.

    >>> table = ScoreTable(models=("a", "b"), tasks=("x", "y"), scores=np.array([[0.9, 0.8], [0.5, 0.2]]))
    >>> rigging_count(table, "mean").counts
    (0, 2)
    """
    require(aggregation in COUNTED, "aggregation", f"one of {', '.join(COUNTED)} for the rigging count", aggregation)
    if tuned is None:
        trained = np.broadcast_to(direct.ceilings, direct.scores.shape)
    else:
        same = tuned.models == direct.models and tuned.tasks == direct.tasks
        require(same, "tuned", "of the same models and tasks as direct", f"{len(tuned.models)} x {len(tuned.tasks)}")
        trained = tuned.scores
    # training never lowers: a developer does not train where it would
    trained = np.maximum(trained, direct.scores)
    chosen = range(len(direct.models)) if targets is None else targets
    sets: list[tuple[str, ...] | None] = []
    for found in COUNTED[aggregation](direct.scores, trained, chosen):
        sets.append(None if found is None else tuple(direct.tasks[k] for k in found))
        if progress is not None:
            progress(f"rigging count, {aggregation}", len(sets) / len(chosen))
    return RiggingCount(
        aggregation=aggregation,
        assumption="perfect" if tuned is None else "measured",
        models=tuple(direct.models[t] for t in chosen),
        tasks=direct.tasks,
        sets=tuple(sets),
    )


def _mean(
    scores: Float[FloatArray, "models tasks"], trained: Float[FloatArray, "models tasks"], targets: Sequence[int]
) -> Iterator[Found]:
    """The largest lifts first: no other set of the same size brings more."""
    tasks = scores.shape[1]
    lifts = trained - scores
    order = np.argsort(-lifts, axis=1, kind="stable")
    best_of_all = scores.mean(axis=1).max()
    for t in targets:
        sorted_lifts = lifts[t, order[t]]
        reached = scores[t].mean() + np.concatenate([[0.0], np.cumsum(sorted_lifts)]) / tasks
        compared = rounded(np.append(reached, best_of_all))
        enough = np.flatnonzero(compared[:-1] >= compared[-1])
        yield None if not enough.size else tuple(sorted(order[t, : enough[0]].tolist()))


def _median(
    scores: Float[FloatArray, "models tasks"], trained: Float[FloatArray, "models tasks"], targets: Sequence[int]
) -> Iterator[Found]:
    """The upper median reaches m where half of the tasks, rounded up, do: each task counts one."""
    tasks = scores.shape[1]
    best_of_all = float(AGGREGATIONS["median"].values(scores).max())
    half = tasks - tasks // 2
    for t in targets:
        need = half - int((scores[t] >= best_of_all).sum())
        useful = np.flatnonzero((scores[t] < best_of_all) & (trained[t] >= best_of_all))
        yield None if need > len(useful) else tuple(useful[: max(need, 0)].tolist())


def _points(
    scores: Float[FloatArray, "models tasks"],
    trained: Float[FloatArray, "models tasks"],
    targets: Sequence[int],
    *,
    tie: int,
) -> Iterator[Found]:
    """Win rates: two points for each rival below and ``tie`` for each equal one, on every task.

    A trained task adds points to the target and takes at most 2 from each rival, so a rival that is 2 * tasks points or
    more behind the best one is passed whenever the best one is: only the others are constraints.
    """
    tasks = scores.shape[1]
    below, tied = below_and_tied(scores)
    points = (2 * below + tie * tied).sum(axis=1)
    after = _points_after(scores, trained, tie)
    gained = np.where(trained > scores, after - (2 * below + tie * tied), 0)
    for t in targets:
        others = points.copy()
        others[t] = np.iinfo(np.int64).min
        rivals = np.flatnonzero(others > others.max() - 2 * tasks)
        theirs = scores[rivals]
        lost = _worth(theirs, scores[t], tie) - _worth(theirs, trained[t], tie)
        yield fewest_tasks(gained[t] + lost, points[rivals] - points[t])


def _points_after(
    scores: Float[FloatArray, "models tasks"], trained: Float[FloatArray, "models tasks"], tie: int
) -> Int[IntArray, "models tasks"]:
    """Points of each model on each task if it alone had trained on it."""
    found = np.empty(scores.shape, dtype=np.int64)
    for k in range(scores.shape[1]):
        column, own, score = np.sort(scores[:, k]), scores[:, k], trained[:, k]
        low, high = np.searchsorted(column, score, "left"), np.searchsorted(column, score, "right")
        found[:, k] = 2 * (low - (own < score)) + tie * (high - low - (own == score))
    return found


def _worth(
    theirs: Float[FloatArray, "rivals tasks"], ours: Float[FloatArray, " tasks"], tie: int
) -> Int[IntArray, "rivals tasks"]:
    """Points that each rival has from one model, task by task."""
    return 2 * (theirs > ours).astype(np.int64) + tie * (theirs == ours)


def _win_rate(
    scores: Float[FloatArray, "models tasks"], trained: Float[FloatArray, "models tasks"], targets: Sequence[int]
) -> Iterator[Found]:
    return _points(scores, trained, targets, tie=1)


def _win_share(
    scores: Float[FloatArray, "models tasks"], trained: Float[FloatArray, "models tasks"], targets: Sequence[int]
) -> Iterator[Found]:
    return _points(scores, trained, targets, tie=2)


def _majority(
    scores: Float[FloatArray, "models tasks"], trained: Float[FloatArray, "models tasks"], targets: Sequence[int]
) -> Iterator[Found]:
    """No rival may be ahead on more tasks than it is behind: from behind to ahead is worth 2, to or from a tie 1."""
    for t in targets:
        before = np.sign(scores[t] - scores).astype(np.int64)
        margin = before.sum(axis=1)
        rivals = np.flatnonzero(margin < 0)
        after = np.sign(trained[t] - scores[rivals]).astype(np.int64)
        yield fewest_tasks(after - before[rivals], -margin[rivals])


COUNTED: dict[str, Callable[[FloatArray, FloatArray, Sequence[int]], Iterator[Found]]] = {
    "mean": _mean,
    "median": _median,
    "win-rate": _win_rate,
    "win-share": _win_share,
    "borda": _win_rate,  # the same ranking
    "majority": _majority,
}
"""Rules with an exact count. A z-score is none: a trained score moves the mean and the spread of its task."""
