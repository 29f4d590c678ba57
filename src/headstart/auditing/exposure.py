"""How exposed a published ranking is to private variants: what the best of k adds to each score and each rank."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from headstart.contest.arrays import require
from headstart.contest.rewards import parse
from headstart.data.published_ranking import PublishedRanking
from headstart.errors import InputError
from headstart.io.encode import as_json
from headstart.rank import best_of_lead, corrected_best, variant_rewards, variants_to_pass

NOT_ASKED = "no published score was given"
TOP = "no model is above"


@dataclass(frozen=True, kw_only=True)
class SingleExposure:
    """What the best of k adds to one score.

    Args:
        k: Variants tried.
        noise_sd, spread_sd, correlation: As given.
        lead: By how much the best of k exceeds one variant taken at random.
        inflation: By how much it exceeds the true score of the variant published.
        published: A published best score.
        corrected: The same without its inflation.
        low, high: Interval for the true score of the variant published.
        ceiling: Price of a further submission, as a share of first minus last reward, from which one is dominant.
    """

    k: int
    noise_sd: float
    spread_sd: float
    correlation: float
    lead: float
    inflation: float
    published: float | None = field(metadata=as_json(null_because=NOT_ASKED))
    corrected: float | None = field(metadata=as_json(null_because=NOT_ASKED))
    low: float | None = field(metadata=as_json(null_because=NOT_ASKED))
    high: float | None = field(metadata=as_json(null_because=NOT_ASKED))
    ceiling: float = 0.25


@dataclass(frozen=True, kw_only=True)
class ExposedModel:
    """What k variants would do for one model, while the others' scores stand.

    Args:
        name: Name.
        score: As published, taken for the true score of its variants.
        sd: Standard deviation of the observed score of a variant.
        inflation: By how much the best of k exceeds the true score of the variant published.
        to_next: Fewest variants whose best passes the model above with probability 1/2.
        gain: Expected reward of the best of k minus that of one submission.
        price: Price of a second submission from which one is the best reply.
    """

    name: str
    score: float
    sd: float
    inflation: float
    to_next: float = field(metadata=as_json(null_because="no number up to 10^12 is enough, or no model is above"))
    gain: float
    price: float


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """One ranking's exposure to private variants.

    Args:
        benchmark: Name; empty where the table names none.
        k: Variants tried.
        rewards: What ranks are worth, in the short form.
        models: Best score first.
        price: Price of a second submission from which one is every model's best reply, while the others' scores stand.
        ceiling: The same whatever the others do: a quarter of first minus last reward.
        left_out: Models without a standard error.
    """

    benchmark: str
    k: int
    rewards: str
    models: tuple[ExposedModel, ...]
    price: float
    ceiling: float
    left_out: tuple[str, ...]


def exposure_of(
    published: float | None, noise_sd: float, k: int, *, spread_sd: float = 0.0, correlation: float = 0.0
) -> SingleExposure:
    """What the best of k variants adds to one score.

    Args:
        published: A published best score to correct, if there is one.
        noise_sd, k, spread_sd, correlation: As in `headstart.rank.best_of_inflation`.

    Raises:
        InputError: Values out of range.
    """
    found = corrected_best(published or 0.0, noise_sd, k, spread_sd=spread_sd, correlation=correlation)
    known = published is not None
    return SingleExposure(
        k=k,
        noise_sd=noise_sd,
        spread_sd=spread_sd,
        correlation=correlation,
        lead=float(best_of_lead(noise_sd, k, spread_sd=spread_sd, correlation=correlation)),
        inflation=float(found.inflation),
        published=published,
        corrected=float(found.corrected) if known else None,
        low=float(found.low) if known else None,
        high=float(found.high) if known else None,
    )


def exposure_to_variants(
    ranking: PublishedRanking,
    k: int,
    *,
    rewards: str = "linear:1",
    sd: float | None = None,
    spread_sd: float = 0.0,
    correlation: float = 0.0,
) -> Exposure:
    """What k private variants would do for every model of a ranking, one at a time, while the others' scores stand.

    Args:
        ranking: As published; its scores are taken for the true ones.
        k: Variants tried, at least 1.
        rewards: What ranks are worth, in the short form, such as ``linear:5000``.
        sd: Standard deviation of one score's noise; None: the standard error of each.
        spread_sd, correlation: As in `headstart.rank.best_of_inflation`.

    Raises:
        InputError: Values out of range, fewer than two models, or no standard error at all.
    """
    require(k >= 1, "k", "at least 1", k)
    require(len(ranking.models) > 1, "ranking", "of at least two models", len(ranking.models))
    require(sd is None or (math.isfinite(sd) and sd > 0), "sd", "a number > 0", sd)
    require(math.isfinite(spread_sd) and spread_sd >= 0, "spread_sd", "a number of at least 0", spread_sd)
    noise = ranking.stderr if sd is None else np.full(len(ranking.models), sd)
    known: list[int] = np.flatnonzero(noise > 0).tolist()
    if not known:
        raise InputError("must give standard errors or numbers of items, or --sd must", file=ranking.source)
    worth = parse(rewards, len(ranking.models))
    stakes = float(worth[0] - worth[-1])
    order = np.argsort(-ranking.score, kind="stable")
    rows: list[ExposedModel] = []
    places: list[int] = order.tolist()
    for m in places:
        if m not in known:
            continue
        total = float(np.hypot(noise[m], spread_sd))
        shared = correlation * float(noise[m] / total) ** 2  # of the observed scores, whose spread is not shared
        others = np.delete(ranking.score, m)
        found = variant_rewards(float(ranking.score[m]), others, worth, [1, 2, k], sd=total, correlation=shared)
        above = others[others > ranking.score[m]]
        gap = float(above.min() - ranking.score[m]) if above.size else math.nan
        inflated = corrected_best(0.0, noise[m], k, spread_sd=spread_sd, correlation=correlation)
        rows.append(
            ExposedModel(
                name=ranking.models[m],
                score=float(ranking.score[m]),
                sd=total,
                inflation=float(inflated.inflation),
                to_next=float(variants_to_pass(gap, total, correlation=shared)) if above.size else math.inf,
                gain=float(found[2] - found[0]),
                price=float(found[1] - found[0]),
            )
        )
    return Exposure(
        benchmark=ranking.benchmark,
        k=k,
        rewards=rewards,
        models=tuple(rows),
        price=max(row.price for row in rows),
        ceiling=stakes / 4,
        left_out=tuple(name for at, name in enumerate(ranking.models) if at not in known),
    )
