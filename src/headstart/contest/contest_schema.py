"""The shape of a contest document, schema ``headstart.contest/1``.

Only shape and types are checked here. Ranges belong to the values of ``headstart.contest``, which check
themselves; ``contest_file`` adds the place to their complaints.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, Field, SerializeAsAny

from headstart.contest.costs import COSTS
from headstart.contest.curves import CURVES
from headstart.contest.law import Law
from headstart.contest.rewards import REWARDS
from headstart.errors import InputError
from headstart.io.forms import Form, Numbers, checked, form_of_call, member_of

SCHEMA = "headstart.contest/1"


def law_form(law: type[Law]) -> type[Form]:
    """The form of the table of a curve or a cost: its kind and its parameters."""
    return form_of_call(law.kind, law, number=float if law.stacks else list[float])


def rewards_form(rule: Callable[..., Any]) -> type[Form]:
    """The form of the table of a reward rule: its kind, the value of first place and its own numbers."""
    return form_of_call(REWARDS.name_of(rule) or "", rule, skip=("n",))


def _noise(value: object) -> object:
    if isinstance(value, list):
        return checked(Numbers, cast(object, value)).root
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
        raise InputError(f"must be a number, or a list of one number per model, got {value!r}")
    return value


Cap = Annotated[float, Field(ge=0)]
CurveForm = Annotated[SerializeAsAny[Form], BeforeValidator(member_of(CURVES, law_form))]
CostForm = Annotated[SerializeAsAny[Form], BeforeValidator(member_of(COSTS, law_form))]
RewardsForm = Annotated[
    SerializeAsAny[BaseModel], BeforeValidator(member_of(REWARDS, rewards_form, also="a list of numbers, or "))
]


class ModelForm(Form):
    """One entry of ``[[models]]``."""

    name: str
    curve: CurveForm
    cost: CostForm | None = None
    max_effort: Cap | None = None


class DefaultsForm(Form):
    """The ``[defaults]`` table."""

    cost: CostForm | None = None
    max_effort: Cap | None = None


class ContestForm(Form):
    """A whole document; the second and third key are what every JSON of this package carries."""

    schema_: Literal["headstart.contest/1"] = Field(alias="schema")
    headstart_version: str | None = None
    created_at: str | None = None
    level: Annotated[float, Field(ge=0)] = 0
    rewards: RewardsForm
    tie_break: Literal["capability", "listed"] = "capability"
    noise_sd: Annotated[float | list[float] | None, BeforeValidator(_noise)] = None
    defaults: DefaultsForm = DefaultsForm()
    note: str | None = None
    models: Annotated[list[ModelForm], Field(min_length=1)]
