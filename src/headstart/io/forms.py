"""The shapes of documents, and complaints about them in plain words with the key where they belong.

Only shape and types are checked by forms. Ranges belong to the values that are built from them, which check themselves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from functools import lru_cache, partial
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, create_model

from headstart.errors import InputError
from headstart.io.text import suggestion
from headstart.registry import Registry

_WORDS = {
    "model_type": "a table",
    "dict_type": "a table",
    "list_type": "a list",
    "string_type": "text",
    "invalid_key": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "too_short": "a non-empty list",
}


class Form(BaseModel):
    """One table of a document; keys that are not given are no part of what ``given`` returns."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    def given(self) -> dict[str, Any]:
        """The keys that stand in the file, with lists as tuples."""
        values = self.model_dump(exclude_unset=True)
        return {
            key: tuple(cast("list[Any]", value)) if isinstance(value, list) else value for key, value in values.items()
        }


class Numbers(RootModel[list[float]]):
    """A list of numbers."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


Given = dict[str, Any]
"""The keys of a table that stand in the file, with lists as tuples."""

F = TypeVar("F", bound=BaseModel)


class _ProblemsError(InputError):
    """Complaints about a document: the first, and how many more there are."""

    def __init__(self, message: str, *, more: int, file: str | None, field: str | None) -> None:
        told = f" (and {more} more problems)" if more else ""
        super().__init__(message + told, file=file, field=field)
        self.first, self.more = message, more


def checked(form: type[F], data: object, source: str | None = None) -> F:
    """``data`` as a value of the given form.

    Raises:
        InputError: With file and key of the first mistake, and how many more there are.
    """
    try:
        return form.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        place, message = _complaint(form, cast("Mapping[str, Any]", problems[0]))
        inner = [problem.get("ctx", {}).get("error") for problem in problems]
        more = len(problems) - 1 + sum(error.more for error in inner if isinstance(error, _ProblemsError))
        raise _ProblemsError(message, more=more, file=source, field=place or None) from None


def keys_given(form: type[Form]) -> Callable[[object], Given]:
    """What reads a table of the given form as the keys that stand in it; for pydantic's ``BeforeValidator``."""
    return lambda value: checked(form, value).given()


def member_of(
    registry: Registry[Any], build: Callable[[Any], type[Form]], also: str = ""
) -> Callable[[object], BaseModel]:
    """What reads the table of one member of a registry, chosen by its ``kind``; for pydantic's ``BeforeValidator``.

    Args:
        registry: The family.
        build: The form of a member's table.
        also: What else the field may hold, for messages; such values are let through if they are lists of numbers.
    """
    return partial(_member, registry, build, also)


def _member(registry: Registry[Any], build: Callable[[Any], type[Form]], also: str, value: object) -> BaseModel:
    if also and isinstance(value, list):
        return checked(Numbers, cast("object", value))
    if not isinstance(value, Mapping):
        known = ", ".join(registry.names())
        raise InputError(f"must be {also}a table whose kind is one of {known}, got {_short(value)}")
    table = cast("Mapping[str, object]", value)
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in registry:
        near = suggestion(kind, registry.names()) if isinstance(kind, str) else ""
        raise InputError(f"kind must be one of {', '.join(registry.names())}, got {_short(kind)}{near}", field="kind")
    with located(place="kind"):
        member = registry[kind]
    return checked(build(member), table)


@lru_cache(maxsize=256)
def form_of_call(kind: str, function: Callable[..., Any], skip: tuple[str, ...] = (), number: Any = None) -> type[Form]:
    """The form of a table that holds the arguments of a call beside its ``kind``.

    Args:
        kind: What ``kind`` says.
        function: A function or class; its keyword parameters are the keys, their defaults the keys' defaults.
        skip: Parameters that do not come from the table.
        number: The type of every key; None: the annotations of the parameters, which must be int, float, bool or str.

    Raises:
        InputError: If a parameter has another annotation.
    """
    hints = {} if number is not None else get_type_hints(function)
    keys: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in skip:
            continue
        annotation = number or hints.get(name)
        if annotation not in (int, float, bool, str, list[float]):
            raise InputError(f"{kind}: the parameter {name} must be annotated int, float, bool or str")
        keys[name] = (annotation, ... if parameter.default is parameter.empty else _whole(parameter.default))
    kind_of_table: Any = Literal[kind]  # pyright: ignore[reportInvalidTypeForm]
    return create_model(f"{kind} table", __base__=Form, kind=(kind_of_table, ...), **keys)


def form_of_fields(
    value: type[Any],
    *,
    required: tuple[str, ...] = (),
    only: tuple[str, ...] | None = None,
    without: tuple[str, ...] = (),
    also: Mapping[str, Any] | None = None,
) -> type[Form]:
    """The form of a table that holds the fields of a dataclass; keys that are not given leave its defaults alone.

    Args:
        value: The dataclass; tuples are lists in the table.
        required: Fields that must be given.
        only: The fields meant; None for all.
        without: Fields that are not in the table.
        also: Further keys with their types.
    """
    hints = get_type_hints(value)
    named = [f.name for f in fields(value) if f.name not in without and (only is None or f.name in only)]
    keys: dict[str, Any] = {name: _as_list(hints[name]) for name in named} | dict(also or {})
    typed: dict[str, Any] = {name: (key, ...) if name in required else (key | None, None) for name, key in keys.items()}
    return create_model(f"{value.__name__} table", __base__=Form, **typed)


def _as_list(hint: Any) -> Any:
    return list[get_args(hint)[0]] if get_origin(hint) is tuple else hint


@contextmanager
def located(source: str | None = None, *, place: str = "") -> Generator[None]:
    """Put the file and the full key into complaints of the values that are built inside."""
    try:
        yield
    except InputError as error:
        inner = error.field if error.field != place else None  # a value that complains of itself adds nothing
        key = ".".join(part for part in (place, inner) if part)
        raise InputError(error.message, file=error.file or source, row=error.row, field=key or None) from None


def _complaint(form: type[BaseModel], problem: Mapping[str, Any]) -> tuple[str, str]:
    """Key and message of one finding of pydantic."""
    kind, loc, got = problem["type"], problem["loc"], problem["input"]
    place = ""
    for part in loc:
        place += f"[{part}]" if isinstance(part, int) else (f".{part}" if place else str(part))
    leaf = place.rpartition(".")[2]
    inner = problem.get("ctx", {}).get("error")
    if isinstance(inner, InputError):
        text = inner.first if isinstance(inner, _ProblemsError) else inner.message
        own = inner.field or ""  # of a list: "[2]"
        message = text if own and not own.startswith("[") else f"{leaf}{'' if own else ' '}{text}"
        return f"{place}{'.' if own and not own.startswith('[') else ''}{own}", message
    if kind == "extra_forbidden":
        known = ["schema" if name == "schema_" else name for name in _table(form, loc).model_fields]
        return place, f"unknown key{suggestion(leaf, known)}; known keys: {', '.join(known)}"
    if kind == "missing":
        return place, f"{leaf} is missing"
    text = problem["msg"].removeprefix("Input should be ").replace("greater than or equal to", ">=")
    near = suggestion(got, text.split("'")[1::2]) if kind == "literal_error" and isinstance(got, str) else ""
    return place, f"{leaf} must be {_WORDS.get(kind) or text}, got {_short(got)}{near}"


def _table(form: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The form that holds the last part of a location."""
    for part in loc[:-1]:
        field = form.model_fields.get(str(part))
        if field is not None:
            form = next(iter(_forms_in(field.annotation)), form)
    return form


def _forms_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [form for part in get_args(annotation) for form in _forms_in(part)]


def _whole(default: object) -> object:
    """Whole defaults as whole numbers, as a person would write them: they are exact."""
    return int(default) if isinstance(default, float) and default.is_integer() else default


def _short(got: object) -> str:
    shown = repr(got)
    return shown if len(shown) <= 80 else shown[:77] + "..."
