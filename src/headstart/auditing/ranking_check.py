"""Whether a published ranking is one that its data support: every order shown, every tie, the protocol as sealed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from headstart.contest.arrays import BoolArray, IntArray, require
from headstart.data.item_scores import ItemScores
from headstart.data.published_ranking import PublishedRanking
from headstart.errors import InputError
from headstart.io.encode import as_json
from headstart.io.run import Run
from headstart.rank import (
    RankSets,
    TieGroup,
    indistinct_groups,
    rank_sets_from_items,
    rank_sets_where_known,
    separated_groups,
)
from headstart.rank.intervals import CONFIDENCE
from headstart.rank.pairs import row_blocks
from headstart.tune.seal import read_seal

Kind = Literal["order", "tie", "reversed", "no error", "seal"]
Claim = Literal["pairs", "groups"]

CLAIMS: tuple[Claim, ...] = ("pairs", "groups")
"""What a table claims. ``pairs``: every model shown above another is better. ``groups``: models of one rank are tied,
and the next ones below are not tied with all of them."""

NAMED = 8
"""Models that a finding names."""


@dataclass(frozen=True, kw_only=True)
class CheckedModel:
    """One model as published and as the data have it.

    Args:
        name: Name.
        score: As published.
        stderr: Its standard error; None where unknown or where scores per item were used.
        published: First and last rank shown.
        rank_set: Ranks that the data leave possible; all sets hold at once with the confidence of the check.
        supported: Whether every order that involves the model is supported.
    """

    name: str
    score: float
    stderr: float | None = field(metadata=as_json(null_because="none is given, or the scores per item tell it"))
    published: tuple[int, int]
    rank_set: tuple[int, int]
    supported: bool


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as published.

    Args:
        kind: ``order``: shown strictly, not told apart by the data; ``tie``: equal scores shown strictly; ``reversed``:
            the data say the opposite; ``no error``: nothing tells how noisy a score is; ``seal``: the protocol differs
            from its seal.
        models: Those concerned, as published.
        message: What is wrong.
        instead: What to publish instead.
    """

    kind: Kind
    models: tuple[str, ...]
    message: str
    instead: str


@dataclass(frozen=True, kw_only=True)
class CheckedRanking:
    """One benchmark's ranking checked.

    Args:
        benchmark: Name; empty where the table names none.
        basis: What the rank sets rest on.
        models: In the order published.
        findings: None where the ranking is supported.
        shared: Ranks that may be shared in the table instead, from the top: names, first and last rank.
        critical_value: Above it a studentised difference orders two models.
        notes: What was taken for granted or left out.
    """

    benchmark: str
    basis: str
    models: tuple[CheckedModel, ...]
    findings: tuple[Finding, ...]
    shared: tuple[tuple[tuple[str, ...], int, int], ...]
    critical_value: float = field(metadata=as_json(null_because="so few items order nothing"))
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RankingCheck:
    """Everything that a check found.

    Args:
        source: The file.
        rankings: One for each benchmark.
        seal: Hash that the rows had to carry; None where none was asked for.
        seal_findings: Where the protocol differs from its seal.
        claim: What the table was taken to claim.
        confidence: With which all rank sets of one benchmark hold at once.
        run: Name and time of the check.
    """

    source: str
    rankings: tuple[CheckedRanking, ...]
    seal: str | None = field(metadata=as_json(null_because="no seal was asked for"))
    seal_findings: tuple[Finding, ...]
    claim: Claim
    confidence: float
    run: Run = field(default_factory=Run, metadata=as_json(hidden=True))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        return (*(finding for one in self.rankings for finding in one.findings), *self.seal_findings)

    @property
    def supported(self) -> bool:
        """Whether the ranking may stand as published."""
        return not self.findings


def check_ranking(
    rankings: Sequence[PublishedRanking],
    *,
    items: Mapping[str, ItemScores] | None = None,
    seal: str | os.PathLike[str] | None = None,
    claim: Claim = "pairs",
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> RankingCheck:
    """Check published rankings against simultaneous rank sets, and their protocol against its seal.

    Args:
        rankings: As published.
        items: Scores per item by benchmark, where there are; sharper than standard errors, because models are compared
            on the same items.
        seal: What the scores must have been measured under: a sealed plan, the folder of a run, or a hash.
        claim: What a table claims; see ``CLAIMS``.
        confidence: With which all rank sets of one benchmark hold at once, in (0, 1).
        seed: Of the draws behind the rank sets.

    Raises:
        InputError: If nothing tells how noisy any score is, an option is out of range, or there is no such seal.
    """
    require(claim in CLAIMS, "claim", "pairs or groups", claim)
    require(len(rankings) > 0, "rankings", "at least one", 0)
    checked = tuple(_checked(one, (items or {}).get(one.benchmark), claim, confidence, seed) for one in rankings)
    expected, findings = _sealed(rankings, seal)
    return RankingCheck(
        source=rankings[0].source,
        rankings=checked,
        seal=expected,
        seal_findings=findings,
        claim=claim,
        confidence=confidence,
    )


def _checked(
    given: PublishedRanking, items: ItemScores | None, claim: Claim, confidence: float, seed: int
) -> CheckedRanking:
    sets = _sets(given, items, confidence, seed)
    wrong = _unsupported(given, sets, claim)
    groups = separated_groups(sets) if claim == "pairs" else indistinct_groups(sets)
    findings = [*_without_errors(given, items), *_findings(given, sets, wrong, groups)]
    involved = np.zeros(len(given.models), dtype=np.bool_)
    involved[wrong.ravel()] = True
    notes = [*given.notes, *(items.notes if items else ())]
    if items is not None:
        notes += _other_scores(given, items)
    order = np.lexsort((np.arange(len(given.models)), given.last, given.first)).tolist()
    return CheckedRanking(
        benchmark=given.benchmark,
        basis=given.basis if items is None else _items_in_words(items),
        models=tuple(_model(given, sets, m, items is None, not involved[m]) for m in order),
        findings=tuple(findings),
        shared=tuple((tuple(given.models[m] for m in one.models), one.rank, one.last_place) for one in groups),
        critical_value=sets.critical_value,
        notes=tuple(notes),
    )


def _sets(given: PublishedRanking, items: ItemScores | None, confidence: float, seed: int) -> RankSets:
    """Rank sets from the items, else from the errors; a model without one is ordered with no other."""
    if items is not None:
        return rank_sets_from_items(items.scores, clusters=items.clusters, confidence=confidence, seed=seed)
    found = rank_sets_where_known(given.score, given.stderr, confidence=confidence, seed=seed)
    if found is None:
        raise InputError(
            "must tell how noisy the scores are: a column stderr or n_items, or scores per item (--items)",
            file=given.source,
        )
    return found


def _unsupported(given: PublishedRanking, sets: RankSets, claim: Claim) -> Int[IntArray, "pairs 2"]:
    """Pairs shown in an order that the data do not support, the upper model first.

    A table of groups claims of each that the best model below is significantly worse than one of the group.
    """
    found: list[Int[IntArray, "pairs 2"]] = []
    if claim == "pairs":
        for rows in row_blocks(len(given.models)):
            wrong = np.argwhere(given.above(rows) & ~sets.orders.rows(rows))
            found.append(np.stack([rows[wrong[:, 0]], wrong[:, 1]], axis=1))
        return np.concatenate(found)
    for rows in row_blocks(len(given.models)):  # what the data contradict is wrong in any table
        wrong = np.argwhere(given.above(rows).T & sets.ahead[:, rows])
        found.append(np.stack([rows[wrong[:, 1]], wrong[:, 0]], axis=1))
    published = sorted({(int(low), int(high)) for low, high in zip(given.first, given.last, strict=True)})
    for upper, lower in pairwise(published):
        if upper[1] >= lower[0]:
            continue  # ranges that overlap claim no order
        group = np.flatnonzero((given.first == upper[0]) & (given.last == upper[1]))
        below = np.flatnonzero((given.first == lower[0]) & (given.last == lower[1]))
        best = below[np.argmax(sets.estimates[below])]
        if not sets.ahead[group, best].any():
            worst = group[np.argmin(sets.estimates[group])]
            found.append(np.array([[worst, best]], dtype=np.int64))
    return np.unique(np.concatenate(found), axis=0)


def _findings(
    given: PublishedRanking, sets: RankSets, wrong: Int[IntArray, "pairs 2"], groups: Sequence[TieGroup]
) -> list[Finding]:
    """One finding for each group of models that are not told apart, one for each order that the data contradict."""
    findings: list[Finding] = []
    opposite = _contradicted(sets, wrong)
    for pair in wrong[opposite]:
        upper, lower = int(pair[0]), int(pair[1])
        a, b = given.models[upper], given.models[lower]
        shown = f"{given.shown(upper)} and {given.shown(lower)}"
        message = f"{a} is shown above {b} ({shown}), but {b} is significantly better"
        findings.append(Finding(kind="reversed", models=(a, b), message=message, instead=f"{b} above {a}"))
    left = wrong[~opposite]
    group_of = np.empty(len(given.models), dtype=np.int64)
    for at, group in enumerate(groups):
        group_of[list(group.models)] = at
    concerning: list[int] = np.unique(group_of[left[:, 0]]).tolist()
    for at in concerning:
        pairs = left[group_of[left[:, 0]] == at]
        concerned = np.unique(pairs)
        involved: list[int] = concerned[np.lexsort((given.last[concerned], given.first[concerned]))].tolist()
        equal = bool((given.score[pairs[:, 0]] == given.score[pairs[:, 1]]).all())
        why = "have the same score" if equal else "are not told apart by the data"
        shown = _listed([f"{given.models[m]} ({given.shown(m)})" for m in involved])
        findings.append(
            Finding(
                kind="tie" if equal else "order",
                models=tuple(given.models[m] for m in involved),
                message=f"shown in a strict order but {why}: {shown}",
                instead=_instead(given, sets, groups[at], set(involved)),
            )
        )
    return findings


def _instead(given: PublishedRanking, sets: RankSets, group: TieGroup, involved: set[int]) -> str:
    """What to publish for a group: a shared rank, or of many models the range of each."""
    names = [given.models[m] for m in group.models]
    if 1 < len(names) <= NAMED and involved <= set(group.models):
        return f"{_listed(names)} share rank {_range(group.rank, group.last_place)}"
    members = [m for m in sets.order.tolist() if m in involved or m in group.models]
    ranges = [f"{given.models[m]} {_range(int(sets.best[m]), int(sets.worst[m]))}" for m in members[:NAMED]]
    return f"the range of each: {_listed(ranges, len(members))}"


def _contradicted(sets: RankSets, wrong: Int[IntArray, "pairs 2"]) -> Bool[BoolArray, " pairs"]:
    """Whether the lower model of each pair is significantly better."""
    opposite = np.zeros(len(wrong), dtype=np.bool_)
    by_lower = np.argsort(wrong[:, 1], kind="stable")
    lower = wrong[by_lower, 1]
    for rows in row_blocks(len(sets.estimates)):
        some = by_lower[np.searchsorted(lower, rows[0]) : np.searchsorted(lower, rows[-1], side="right")]
        opposite[some] = sets.orders.rows(rows)[wrong[some, 1] - rows[0], wrong[some, 0]]
    return opposite


def _without_errors(given: PublishedRanking, items: ItemScores | None) -> list[Finding]:
    without = [] if items is not None else np.flatnonzero(np.isnan(given.stderr)).tolist()
    if not without:
        return []
    names = tuple(given.models[m] for m in without)
    return [
        Finding(
            kind="no error",
            models=names,
            message=f"no standard error and no number of items, so ordered with no other model: {_listed(names)}",
            instead="a standard error or a number of items for each score",
        )
    ]


def _other_scores(given: PublishedRanking, items: ItemScores) -> list[str]:
    """A note where the scores per item rank models in another way than the published scores do."""
    means = items.scores.mean(axis=1)
    order = np.argsort(-given.score, kind="stable")
    swapped = np.flatnonzero(
        (np.diff(means[order]) > 1e-3 * np.ptp(means)) & (np.diff(given.score[order]) < -1e-3 * np.ptp(given.score))
    )
    if not swapped.size:
        return []
    a, b = (given.models[order[at]] for at in (swapped[0], swapped[0] + 1))
    return [f"By the scores per item {b} is better than {a}, by the published scores worse: are they the same items?"]


def _items_in_words(items: ItemScores) -> str:
    units = "" if items.clusters is None else f" in {len(np.unique(items.clusters)):,} clusters"
    return f"paired scores on {items.scores.shape[1]:,} items{units}"


def _model(given: PublishedRanking, sets: RankSets, m: int, with_error: bool, supported: bool) -> CheckedModel:
    stderr = float(given.stderr[m])
    return CheckedModel(
        name=given.models[m],
        score=float(given.score[m]),
        stderr=stderr if with_error and not np.isnan(stderr) else None,
        published=(int(given.first[m]), int(given.last[m])),
        rank_set=(int(sets.best[m]), int(sets.worst[m])),
        supported=bool(supported),
    )


def _sealed(
    rankings: Sequence[PublishedRanking], seal: str | os.PathLike[str] | None
) -> tuple[str | None, tuple[Finding, ...]]:
    """The hash that rows must carry, and where they do not; without a seal all that name one must name the same."""
    rows = [(name, plan) for one in rankings for name, plan in zip(one.models, one.plan_hash, strict=True)]
    if seal is None:
        hashes = {plan for _, plan in rows if plan is not None}
        if len(hashes) < 2:
            return None, ()
        shown = ", ".join(sorted(plan[:12] for plan in hashes))
        message = f"scores were measured under {len(hashes)} different sealed plans: {shown}"
        instead = "scores of one sealed plan, or a table for each"
        return None, (Finding(kind="seal", models=(), message=message, instead=instead),)
    try:
        expected = _expected(seal)
    except InputError as error:
        if "seal is broken" not in error.message:
            raise
        instead = "the sealed plan as it was written before the run"
        return None, (Finding(kind="seal", models=(), message=str(error), instead=instead),)
    findings: list[Finding] = []
    others = tuple(name for name, plan in rows if plan not in (None, expected))
    silent = tuple(name for name, plan in rows if plan is None)
    for names, what in (
        (others, f"measured under another sealed plan than {expected[:12]}"),
        (silent, "measured under no sealed plan that the table names (plan_hash)"),
    ):
        if names:
            message = f"{len(names)} of {len(rows)} scores were {what}: {_listed(names)}"
            instead = f"scores whose plan_hash is {expected}"
            findings.append(Finding(kind="seal", models=names, message=message, instead=instead))
    return expected, tuple(findings)


def _expected(seal: str | os.PathLike[str]) -> str:
    """The hash of a sealed plan, of the plan of a run's folder, or as it is written."""
    text = os.fspath(seal)
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return text
    path = Path(text)
    return read_seal(path / "sealed.json" if path.is_dir() else path).hash


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def _listed(names: Sequence[str], of: int | None = None) -> str:
    more = (of or len(names)) - min(len(names), NAMED)
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
