"""Choosing a checkpoint and a recipe on validation items, and handing in the one that was chosen.

``choose`` is given validation scores and nothing else, so no test item can have a part in a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headstart.contest.arrays import FloatArray
from headstart.io.atomic import JsonValue
from headstart.tune.folder import RunFolder
from headstart.tune.plan import Cell, Plan, Selection

SCHEMA = "headstart.selection/1"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A checkpoint that may be handed in.

    Args:
        recipe: Name of the recipe it was tuned by.
        step: Steps it took.
        score: Mean of the metric over the validation items.
        stderr: Standard error of ``score``; None where all items agree or there is one.
        n_items: Number of validation items.
    """

    recipe: str
    step: int
    score: float
    stderr: float | None
    n_items: int


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a model hands in at a level.

    Args:
        cells: The runs that were chosen among, one per recipe.
        level: Steps up to which it could tune.
        chosen: The best candidate; None when every run diverged before it was scored.
        candidates: All of them, in the order of recipes and steps.
    """

    cells: tuple[Cell, ...]
    level: int
    chosen: Candidate | None
    candidates: tuple[Candidate, ...]

    @property
    def cell(self) -> Cell:
        """The run that was chosen; the first when there is none."""
        names = [cell.recipe.name for cell in self.cells]
        return self.cells[0 if self.chosen is None else names.index(self.chosen.recipe)]


def choose(
    validation: Mapping[tuple[str, int], Float[FloatArray, "items"]], *, level: int, selection: Selection
) -> tuple[Candidate | None, tuple[Candidate, ...]]:
    """The best candidate up to a level, and all candidates.

    At level 0 nobody has tuned, so there is nothing to choose. Above it a model hands in a tuned checkpoint, as
    training libraries do: untuned weights are no candidate. Among equals the one with fewer steps is taken, then the
    recipe that is listed first.

    Args:
        validation: By recipe and step the metric of every validation item.
        level: Steps up to which a model may tune.
        selection: How to choose.

    >>> scores = {("a", 0): np.array([1.0, 1.0]), ("a", 5): np.array([0.0, 1.0]), ("b", 5): np.array([1.0, 1.0])}
    >>> choose(scores, level=5, selection=Selection())[0].recipe
    'b'
    """
    allowed = [key for key in validation if (0 < key[1] <= level if level else key[1] == 0)]
    if selection.checkpoint == "last":
        allowed = [key for key in allowed if key[1] == level]
    candidates = tuple(_candidate(recipe, step, validation[recipe, step]) for recipe, step in allowed)
    if not level:
        return (candidates[0] if candidates else None), candidates[:1]
    return max(candidates, key=lambda one: (one.score, -one.step), default=None), candidates


def choices(folder: RunFolder, plan: Plan, *, plan_hash: str) -> Iterator[Choice]:
    """What every model hands in, for every task, seed and level, once all its runs have ended.

    Where the learning rate decays, a checkpoint on the way is not what a run of its length would give, so nothing but
    level 0 and the whole run is reported.
    """
    assert plan.selection is not None
    for cells in _grids(plan):
        validation = _validation(folder, cells, plan.selection, plan_hash)
        if validation is None:
            continue
        levels = cells[0].levels
        decays = any(cell.recipe.schedule != "constant" for cell in cells)
        for level in (levels[0], levels[-1]) if decays and len(levels) > 1 else levels:
            chosen, candidates = choose(validation, level=level, selection=plan.selection)
            yield Choice(cells=cells, level=level, chosen=chosen, candidates=candidates)


def selection_document(made: Sequence[Choice], plan: Plan) -> dict[str, JsonValue]:
    """The choices as JSON data, schema ``headstart.selection/1`` without its envelope."""
    assert plan.selection is not None
    return {
        "checkpoint": plan.selection.checkpoint,
        "choices": [
            {
                "task": choice.cell.task.name,
                "model": choice.cell.model.name,
                "seed": choice.cell.seed,
                "level": choice.level,
                "metric": plan.selection.metric or choice.cell.task.metric,
                "recipe": None if choice.chosen is None else choice.chosen.recipe,
                "step": None if choice.chosen is None else choice.chosen.step,
                "reason": "every run diverged before it was scored" if choice.chosen is None else None,
                "candidates": [
                    {
                        "recipe": one.recipe,
                        "step": one.step,
                        "validation_score": one.score,
                        "validation_stderr": one.stderr,
                        "validation_items": one.n_items,
                    }
                    for one in choice.candidates
                ],
            }
            for choice in made
        ],
    }


def _grids(plan: Plan) -> Iterator[tuple[Cell, ...]]:
    """The runs of one model on one task with one seed, one per recipe."""
    found: dict[tuple[int, str, str], list[Cell]] = {}
    for cell in plan.cells():
        found.setdefault((cell.seed, cell.task.name, cell.model.name), []).append(cell)
    yield from map(tuple, found.values())


def _validation(
    folder: RunFolder, cells: Sequence[Cell], selection: Selection, plan_hash: str
) -> dict[tuple[str, int], FloatArray] | None:
    """Values of the validation items by recipe and step; None while a run has not ended."""
    found: dict[tuple[str, int], FloatArray] = {}
    for cell in cells:
        files = folder.cell(cell, plan_hash=plan_hash)
        if files.read_outcome() is None:
            return None
        for step in cell.levels:
            frame = files.read_level(step, split="validation")
            if frame is not None:
                found[cell.recipe.name, step] = frame[selection.metric or cell.task.metric].to_numpy()
    return found


def _candidate(recipe: str, step: int, values: Float[FloatArray, "items"]) -> Candidate:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return Candidate(
        recipe=recipe,
        step=step,
        score=float(np.mean(values)),
        stderr=spread / float(np.sqrt(len(values))) if spread > 0 else None,
        n_items=len(values),
    )
