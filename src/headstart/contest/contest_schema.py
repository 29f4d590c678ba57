"""The shape of a contest document, schema ``headstart.contest/1``, and complaints about it in plain words.

Only shape and types are checked here. Ranges belong to the values of ``headstart.contest``, which check
themselves; ``contest_file`` adds the place to their complaints.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from headstart.errors import InputError
from headstart.io.text import suggestion

SCHEMA = "headstart.contest/1"


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class LogitPowerForm(_Form):
    """``curve = { kind = "logit_power", ... }``."""

    kind: Literal["logit_power"]
    L: float
    U: float
    alpha: float
    beta: float


class ExponentialForm(_Form):
    """``curve = { kind = "exponential", ... }``."""

    kind: Literal["exponential"]
    floor: float
    ceiling: float
    rate: float


class LinearForm(_Form):
    """``curve = { kind = "linear", ... }``."""

    kind: Literal["linear"]
    intercept: float
    slope: float


class PointsForm(_Form):
    """``curve = { kind = "points", ... }``."""

    kind: Literal["points"]
    effort: list[float]
    score: list[float]


class PowerCostForm(_Form):
    """``cost = { kind = "power", ... }``."""

    kind: Literal["power"]
    scale: float = 1
    exponent: float = 1
    free: float = 0


class PointsCostForm(_Form):
    """``cost = { kind = "points", ... }``."""

    kind: Literal["points"]
    effort: list[float]
    cost: list[float]


class WinnerForm(_Form):
    """``rewards = { kind = "winner", ... }``."""

    kind: Literal["winner"]
    value: float = 1


class TopForm(_Form):
    """``rewards = { kind = "top", ... }``."""

    kind: Literal["top"]
    k: int
    value: float = 1


class LinearRewardsForm(_Form):
    """``rewards = { kind = "linear", ... }``."""

    kind: Literal["linear"]
    value: float = 1


class GeometricForm(_Form):
    """``rewards = { kind = "geometric", ... }``."""

    kind: Literal["geometric"]
    ratio: float
    value: float = 1


def _shape(value: object) -> str | None:
    """Which member of a union of a list with something else a value is meant to be."""
    if isinstance(value, list):
        return "list"
    if isinstance(value, (Mapping, _Form)):  # pydantic asks again, with the form, when it writes
        kind = cast("Mapping[str, object]", value if isinstance(value, Mapping) else value.model_dump()).get("kind")
        return kind if isinstance(kind, str) else None
    return "number" if isinstance(value, (int, float, Decimal)) else None  # Decimal: as written in the file


CurveForm = Annotated[LogitPowerForm | ExponentialForm | LinearForm | PointsForm, Field(discriminator="kind")]
CostForm = Annotated[PowerCostForm | PointsCostForm, Field(discriminator="kind")]
RewardsForm = Annotated[
    Annotated[list[float], Tag("list")]
    | Annotated[WinnerForm, Tag("winner")]
    | Annotated[TopForm, Tag("top")]
    | Annotated[LinearRewardsForm, Tag("linear")]
    | Annotated[GeometricForm, Tag("geometric")],
    Discriminator(_shape),
]
NoiseForm = Annotated[Annotated[float, Tag("number")] | Annotated[list[float], Tag("list")], Discriminator(_shape)]
Cap = Annotated[float, Field(ge=0)]


class ModelForm(_Form):
    """One entry of ``[[models]]``."""

    name: str
    curve: CurveForm
    cost: CostForm | None = None
    max_effort: Cap | None = None


class DefaultsForm(_Form):
    """The ``[defaults]`` table."""

    cost: CostForm | None = None
    max_effort: Cap | None = None


class ContestForm(_Form):
    """A whole document; the second and third key are what every JSON of this package carries."""

    schema_: Literal["headstart.contest/1"] = Field(alias="schema")
    headstart_version: str | None = None
    created_at: str | None = None
    level: Annotated[float, Field(ge=0)] = 0
    rewards: RewardsForm
    tie_break: Literal["capability", "listed"] = "capability"
    noise_sd: NoiseForm | None = None
    defaults: DefaultsForm = DefaultsForm()
    models: Annotated[list[ModelForm], Field(min_length=1)]


_UNIONS: dict[str, dict[str, type[_Form] | None]] = {
    "curve": {
        "logit_power": LogitPowerForm,
        "exponential": ExponentialForm,
        "linear": LinearForm,
        "points": PointsForm,
    },
    "cost": {"power": PowerCostForm, "points": PointsCostForm},
    "rewards": {
        "list": None,
        "winner": WinnerForm,
        "top": TopForm,
        "linear": LinearRewardsForm,
        "geometric": GeometricForm,
    },
    "noise_sd": {"number": None, "list": None},
}
_CHOICES = {
    "curve": f"a table whose kind is one of {', '.join(_UNIONS['curve'])}",
    "cost": f"a table whose kind is one of {', '.join(_UNIONS['cost'])}",
    "rewards": "a list of numbers, or a table whose kind is one of winner, top, linear, geometric",
    "noise_sd": "a number, or a list of one number per model",
}


def validate(document: Mapping[str, object], source: str) -> ContestForm:
    """The document as a typed value.

    Raises:
        InputError: With file and key of the first mistake, and how many more there are.
    """
    try:
        return ContestForm.model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        place, message = _complaint(problems[0]["type"], problems[0]["loc"], problems[0]["msg"], problems[0]["input"])
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        raise InputError(message + more, file=source, field=place) from None


def _complaint(kind: str, loc: tuple[int | str, ...], text: str, got: Any) -> tuple[str, str]:
    """Key and message of one finding of pydantic."""
    place, form = _resolve(loc)
    leaf = place.rpartition(".")[2]
    if kind == "extra_forbidden":
        known = ["schema" if name == "schema_" else name for name in form.model_fields]
        return place, f"unknown key{suggestion(leaf, known)}; known keys: {', '.join(known)}"
    if kind == "missing":
        return place, f"{leaf} is missing"
    if kind.startswith("union_tag") and isinstance(got, Mapping) and leaf != "noise_sd":
        chosen = cast("Mapping[str, object]", got).get("kind")
        return f"{place}.kind", f"kind must be one of {_kinds(leaf)}, got {_short(chosen)}"
    if leaf in _UNIONS and (kind.startswith("union_tag") or kind == "model_attributes_type"):
        return place, f"{leaf} must be {_CHOICES[leaf]}, got {_short(got)}"
    return place, f"{leaf} must be {_must(kind, text)}, got {_short(got)}"


def _must(kind: str, text: str) -> str:
    if kind in ("model_type", "dict_type"):
        return "a table"
    if kind == "too_short":
        return "a non-empty list"
    if kind == "invalid_key":
        return "text"
    return text.removeprefix("Input should be ").replace("greater than or equal to", ">=")


def _kinds(union: str) -> str:
    return ", ".join(kind for kind, form in _UNIONS[union].items() if form)


def _resolve(loc: tuple[int | str, ...]) -> tuple[str, type[_Form]]:
    """Key as a person writes it (``models[2].cost.exponent``) and the form that holds its last part.

    pydantic puts the chosen member of a union into the location, right after the union's own key.
    """
    place, union = "", ""
    form: type[_Form] = ContestForm
    for at, part in enumerate(loc):
        is_last = at == len(loc) - 1
        if union and part in _UNIONS[union] and not (is_last and part in _keys_of(form)):
            form, union = _UNIONS[union][str(part)] or form, ""
            continue
        if not is_last:
            form = {"models": ModelForm, "defaults": DefaultsForm}.get(str(part), form)
        union = str(part) if part in _UNIONS else ""
        place += f"[{part}]" if isinstance(part, int) else (f".{part}" if place else str(part))
    return place, form


def _keys_of(form: type[_Form]) -> tuple[str, ...]:
    return tuple(form.model_fields)


def _short(got: Any) -> str:
    shown = repr(got)
    return shown if len(shown) <= 80 else shown[:77] + "..."
