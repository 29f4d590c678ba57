"""Contest files, schema ``headstart.contest/1``, in TOML or JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from headstart.contest.arrays import FloatArray
from headstart.contest.contest import Contest
from headstart.contest.contest_schema import SCHEMA, ContestForm
from headstart.contest.costs import COSTS, Cost
from headstart.contest.curves import CURVES
from headstart.contest.law import Law
from headstart.contest.rewards import REWARDS, explicit
from headstart.contest.tables import CostTable, CurveTable
from headstart.errors import InputError
from headstart.io.atomic import JsonValue, envelope, write_json, write_text
from headstart.io.documents import Document, parse_document, parse_json
from headstart.io.forms import Form, Numbers, checked, located
from headstart.io.text import check_name, decode, read_bytes
from headstart.io.toml_text import TomlValue, toml_text
from headstart.registry import Registry

_L = TypeVar("_L", bound=Law)


def read_contest(path: str | os.PathLike[str]) -> Contest:
    """Read a contest from a ``.toml`` or ``.json`` file, or (either form) from standard input with ``"-"``.

    Raises:
        InputError: If the file is bad, naming the file and the key (``models[2].cost.exponent``) or row.
    """
    parsed = parse_document(path)
    return contest_from_document(parsed.plain, source=parsed.source)


def contest_from_document(document: Mapping[str, object], *, source: str = "contest") -> Contest:
    """The contest a parsed document describes; ``source`` is what messages call it.

    A ``noise_sd`` of 0 for every model is the same as none.

    Raises:
        InputError: As ``read_contest``.
    """
    form = checked(ContestForm, document, source)
    n = len(form.models)
    caps = [form.defaults.max_effort if model.max_effort is None else model.max_effort for model in form.models]
    # numbers near the largest float are compared, not computed with
    with np.errstate(over="ignore", invalid="ignore"), located(source):
        return Contest(
            names=_names(form),
            curves=CurveTable.of([_law(CURVES, m.curve, f"models[{at}].curve") for at, m in enumerate(form.models)]),
            costs=CostTable.of([_cost(form, at) for at in range(n)]),
            rewards=_rewards(form),
            level=float(form.level),
            max_effort=np.array([np.inf if cap is None else cap for cap in caps]),
            tie_break=form.tie_break,
            noise_sd=_noise(form),
        )


def read_document(path: str | os.PathLike[str]) -> Document:
    """A contest file as plain data: checked, defaults filled in, every number exactly as it is written.

    It is meant for code that certifies an answer without trusting floating point.

    Returns:
        ``schema``, ``level``, ``rewards`` (a list, or a table with all its keys), ``tie_break``, ``noise_sd`` (None, a
        number or a list), ``models``, each with ``name``, ``curve``, ``cost`` and ``max_effort`` (None for no cap), and
        ``note`` where the file has one. Every number is an ``int`` or a ``decimal.Decimal``.

    Raises:
        InputError: As ``read_contest``.
    """
    parsed = parse_document(path)
    contest_from_document(parsed.plain, source=parsed.source)
    filled = checked(ContestForm, parsed.plain, parsed.source).model_dump(by_alias=True)
    document = cast("dict[str, Any]", _overlay(filled, parsed.exact))
    defaults = document["defaults"]
    for model in document["models"]:
        for key in ("cost", "max_effort"):
            model[key] = defaults[key] if model[key] is None else model[key]
    noted = ("note",) if document["note"] is not None else ()
    return {key: document[key] for key in ("schema", "level", "rewards", "tie_break", "noise_sd", "models", *noted)}


def contest_document(contest: Contest) -> dict[str, JsonValue]:
    """The document that describes ``contest``: rewards rank by rank, everything said model by model."""
    models: list[JsonValue] = []
    for at, name in enumerate(contest.names):
        model: dict[str, JsonValue] = {
            "name": check_name(name, "name"),
            "curve": _table(contest.curves[at]),
            "cost": _table(contest.costs[at]),
        }
        if np.isfinite(contest.max_effort[at]):
            model["max_effort"] = float(contest.max_effort[at])
        models.append(model)
    document: dict[str, JsonValue] = {
        "schema": SCHEMA,
        "level": float(contest.level),
        "rewards": _floats(contest.rewards),
        "tie_break": contest.tie_break,
    }
    if contest.noise_sd is not None:
        document["noise_sd"] = _floats(contest.noise_sd)
    return {**document, "models": models}


def is_contest_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a contest and not a table of results: ``.toml``, or JSON with the keys of a contest.

    JSON that cannot be read counts as a contest, whose reader says what is wrong with it.
    """
    suffix = Path(path).suffix.lower()
    if suffix != ".json":
        return suffix == ".toml"
    try:
        document = parse_json(decode(read_bytes(path), os.fspath(path)), allow_nan=True)
    except (InputError, ValueError, RecursionError):
        return True
    return isinstance(document, dict) and ("schema" in document or "rewards" in document)


def write_contest(contest: Contest, path: str | os.PathLike[str], *, note: str | None = None) -> None:
    """Write a ``.toml`` or ``.json`` file that reads back as the same contest, to the last bit.

    Args:
        contest: The contest.
        path: File to write.
        note: What a reader of answers about this contest must know, such as where its curves come from.

    Raises:
        InputError: If the suffix is another, a name would not survive, or the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    document = contest_document(contest)
    if note is not None:
        models = document.pop("models")  # in TOML they stand last
        document |= {"note": note, "models": models}
    if suffix == ".json":
        write_json(path, {**envelope(SCHEMA), **document})
    elif suffix == ".toml":
        write_text(path, toml_text(cast("Mapping[str, TomlValue]", document)))
    else:
        raise InputError(f"the name must end in .toml or .json, got {suffix!r}", file=os.fspath(path))


def _names(form: ContestForm) -> tuple[str, ...]:
    first: dict[str, int] = {}
    for at, model in enumerate(form.models):
        place = f"models[{at}].name"
        try:
            check_name(model.name, "name")
        except InputError as error:
            raise InputError(error.message, field=place) from None
        if model.name in first:
            raise InputError(f"name must be unique, got {model.name!r} as in models[{first[model.name]}]", field=place)
        first[model.name] = at
    return tuple(first)


def _law(laws: Registry[type[_L]], form: Form, place: str) -> _L:
    fields = form.model_dump()
    with located(place=place):
        return laws[fields.pop("kind")](**fields)


def _cost(form: ContestForm, at: int) -> Cost:
    own = form.models[at].cost
    if own is not None:
        return _law(COSTS, own, f"models[{at}].cost")
    if form.defaults.cost is None:
        raise InputError("cost is missing, and [defaults] gives none", field=f"models[{at}].cost")
    return _law(COSTS, form.defaults.cost, "defaults.cost")


def _rewards(form: ContestForm) -> FloatArray:
    n = len(form.models)
    with located(place="rewards"):
        if isinstance(form.rewards, Numbers):
            given = form.rewards.root
            if len(given) != n:
                raise InputError(f"rewards must be {n} long, one per model, got {len(given)}")
            return explicit(given)
        fields = form.rewards.model_dump()
        return explicit(REWARDS[fields.pop("kind")](n, **fields))


def _noise(form: ContestForm) -> FloatArray | None:
    n = len(form.models)
    if form.noise_sd is None:
        return None
    if isinstance(form.noise_sd, list) and len(form.noise_sd) != n:
        raise InputError(f"noise_sd must be {n} long, one per model, got {len(form.noise_sd)}", field="noise_sd")
    noise = np.broadcast_to(np.asarray(form.noise_sd, dtype=np.float64), (n,))
    return noise if noise.any() else None


def _table(item: Law) -> dict[str, JsonValue]:
    return {"kind": item.kind, **{key: values.tolist() for key, values in item.parameters().items()}}


def _floats(values: FloatArray) -> list[JsonValue]:
    return [float(value) for value in values]


def _overlay(filled: object, exact: object) -> object:
    """``filled`` with every value that ``exact`` has too taken from there."""
    if isinstance(filled, dict) and isinstance(exact, dict):
        given = cast("Document", exact)
        items = cast("Document", filled).items()
        return {key: _overlay(value, given[key]) if key in given else value for key, value in items}
    if isinstance(filled, list) and isinstance(exact, list):
        pairs = zip(cast("list[object]", filled), cast("list[object]", exact), strict=True)
        return [_overlay(one, other) for one, other in pairs]
    return exact
