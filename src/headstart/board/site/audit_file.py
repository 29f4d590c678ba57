"""Documents of audits, as far as a site shows them; unknown keys are let through, since documents gain fields."""

from __future__ import annotations

import os
from typing import Annotated, cast

from pydantic import ConfigDict, Field

from headstart.errors import InputError
from headstart.io.documents import read_json
from headstart.io.forms import Form, checked

SCHEMA = "headstart.audit/1"

Three = Annotated[list[float], Field(min_length=3, max_length=3)]
"""Value, lower end and upper end."""

Ends = Annotated[list[int], Field(min_length=2, max_length=2)]


class _Part(Form):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, frozen=True)


class StandingForm(_Part):
    """One model at one level."""

    name: str
    score: float
    stderr: float | None
    measured: bool
    rank: int
    best_rank: int
    worst_rank: int


class TiesForm(_Part):
    """Models to publish under one rank."""

    names: list[str]
    rank: int
    last_place: int


class GainForm(_Part):
    """What gaming gains one developer."""

    model: str
    share: Three
    effort: float | None


class IncentiveForm(_Part):
    """What gaming gains at one level; documents of earlier versions do not list the developers."""

    share: Three
    suffices: float
    developers: list[GainForm] = Field(default_factory=list[GainForm])


class PriceForm(_Part):
    """The price of a neighbour's place."""

    model: str
    overtakes: str
    effort: float | None
    low: float | None
    high: float | None
    cost: float | None
    reason: str | None
    tied: bool
    extrapolated: bool


class LevelForm(_Part):
    """One level."""

    level: float
    standings: list[StandingForm]
    ties: list[TiesForm]
    absent: list[str]
    incentive: IncentiveForm
    prices: list[PriceForm]
    median_price: float | None
    kendall_tau_to_reference: float | None
    kendall_tau_interval: Annotated[list[float | None], Field(min_length=2, max_length=2)]


class ModelForm(_Part):
    """One fitted model."""

    name: str
    flags: list[str]


class FallForm(_Part):
    """A model whose score falls."""

    name: str
    peak_step: float
    peak_score: float
    last_step: float
    last_score: float
    stderr: float | None


class ExcludedForm(_Part):
    """A model left out."""

    name: str
    reason: str


class DivergedForm(_Part):
    """A run that diverged."""

    model: str
    seed: str | None
    step: float


class BoundForm(_Part):
    """Ranks that a contestant which cannot be tuned could hold at one level."""

    level: float
    best_rank: int
    worst_rank: int
    worst_rank_interval: Ends


class UntunableForm(_Part):
    """A contestant that cannot be tuned."""

    name: str
    score: float
    stderr: float | None
    direct_rank: int
    direct_rank_interval: Ends
    bounds: list[BoundForm]


class DecisionForm(_Part):
    """What to do."""

    headline: str
    reasons: list[str]
    level: float | None


class AuditForm(_Part):
    """The whole document."""

    benchmark: str
    source: str
    cost_unit: str
    rewards: str
    rewards_assumed: bool
    decision: DecisionForm
    fallers: list[FallForm]
    models: list[ModelForm]
    excluded: list[ExcludedForm]
    untunable: list[UntunableForm]
    diverged: list[DivergedForm]
    levels: Annotated[list[LevelForm], Field(min_length=1)]
    reference_level: float
    remarks: list[str]
    notes: list[str]


def is_audit(document: object) -> bool:
    """Whether a JSON document says that it is an audit."""
    return isinstance(document, dict) and cast("dict[str, object]", document).get("schema") == SCHEMA


def read_audit(path: str | os.PathLike[str]) -> AuditForm:
    """Read the document of an audit.

    Raises:
        InputError: If it is none, naming file and field.
    """
    document = read_json(path)
    if not is_audit(document):
        raise InputError(f"must be a document of schema {SCHEMA!r}", file=os.fspath(path), field="schema")
    return checked(AuditForm, document, os.fspath(path))
