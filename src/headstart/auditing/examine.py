"""Every level examined once: what gaming gains there and what exact knowledge would make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Float

from headstart.auditing.incentives import LevelIncentives, incentives_of, suffice
from headstart.auditing.level_values import Level
from headstart.auditing.levels import Field, answer_level, levels_between
from headstart.auditing.strict import StrictLevel, strict_level
from headstart.contest.arrays import FloatArray
from headstart.progress import Progress


@dataclass(frozen=True, kw_only=True, eq=False)
class Examined:
    """The levels reported and some between them, rising.

    Args:
        levels: The levels asked for.
        rows: What is reported of each, all but ``incentive.suffices``.
        incentives: Of the levels asked for and those between, rising.
        strict: The same levels under exact knowledge of the scores.
    """

    levels: tuple[float, ...]
    incentives: tuple[LevelIncentives, ...]
    strict: tuple[StrictLevel, ...]
    rows: tuple[Level, ...]


def examine(
    field: Field,
    levels: tuple[float, ...],
    rewards: Float[FloatArray, " models"],
    shapes: Mapping[str, Float[FloatArray, " models"]],
    *,
    tolerance: float,
    tell: Progress,
) -> Examined:
    """Examine the levels and some between them.

    Args:
        field: The models, and what they can score.
        levels: Levels to report, rising.
        rewards: By rank, for all models of the field, in cost units.
        shapes: Reward shapes for which critical stakes are reported, for a first place worth 1.
        tolerance: Gain that counts as none, as a share of first reward minus last.
        tell: Called with what is being done and the share of the whole that is finished.
    """
    every = levels_between(levels, len(field.paths.names))
    incentives: list[LevelIncentives] = []
    strict: list[StrictLevel] = []
    drafts: list[Level] = []
    for index, level in enumerate(every):
        tell(f"level {level:,.6g}", 0.35 + 0.55 * index / len(every))
        models = field.paths.within_horizon(level)
        further = field.paths.beyond(level, models)
        paid = rewards[: models.size]
        incentives.append(incentives_of(further, level, models, paid, field.difference_sd))
        own = {name: shape[: models.size] for name, shape in shapes.items()}
        strict.append(strict_level(further, level, own, paid, field.max_step[models]))
        if level in levels:
            # whether the level is enough depends on the later ones, so that figure follows below
            drafts.append(answer_level(field, incentives[-1], further, strict[-1], 0.0, paid))
    reported = [one for one in incentives if one.level in levels]
    # a level is enough if it and every later level reported is: what lies between is drawn, not decided on
    enough: list[float] = suffice(reported, tolerance).mean(axis=0).tolist()
    rows = tuple(
        replace(row, incentive=replace(row.incentive, suffices=share))
        for row, share in zip(drafts, enough, strict=True)
    )
    return Examined(levels=levels, incentives=tuple(incentives), strict=tuple(strict), rows=rows)
