"""Nested documents as measurements: which depth of the keys holds benchmarks, models, steps or levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from headstart.data.columns import Place
from headstart.data.measurements import Measurement, Measurements
from headstart.data.protocol_words import level_column_of
from headstart.errors import InputError
from headstart.io.table import NESTED, VALUE, Cell, Table

Axis = Literal["level", "step", "field", "benchmark", "model"]

_FIELDS = ("score", "stderr", "n_items")
Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Leaf:
    path: Path
    value: Cell

    @property
    def shown(self) -> str:
        return ".".join(self.path)


def nested_measurements(table: Table) -> Measurements:
    """Recognise the keys of a nested document and list its scores.

    One depth of the keys says ``direct`` and ``tuned`` (or such a word, with ``_stderr`` for standard errors) or holds
    steps; one may say ``score`` and ``stderr``; the others are the models or, if there are two, the benchmarks and
    then the models. Keys beside ``direct`` and ``tuned`` at the top are ignored with a note.

    Args:
        table: With ``nested`` set.

    Raises:
        InputError: If the keys cannot be told.
    """
    leaves, notes = _without_others(
        [
            _Leaf(path=tuple(str(row[key]) for key in NESTED if row.get(key) is not None), value=row[VALUE])
            for _, row in table.rows
        ]
    )
    depths = {len(leaf.path): leaf for leaf in leaves}
    if len(depths) > 1:
        shown = " and ".join(leaf.shown for _, leaf in sorted(depths.items()))
        raise InputError(f"every number must be nested equally deep, got {shown}", file=table.source)
    axes = _axes([leaf.path for leaf in leaves], table.source)
    found: dict[tuple[str | None, str, float], tuple[dict[str, Cell], dict[str, str]]] = {}
    for leaf in leaves:
        keys = dict(zip(axes, leaf.path, strict=True))
        field = keys.get("field", "score")
        if "level" in keys:
            kind, level = level_column_of(keys["level"]) or ("score", 0)
            field, step = ("stderr" if kind == "stderr" else field), float(level)
        else:
            step = float(keys["step"])
        cells, places = found.setdefault((keys.get("benchmark"), keys["model"], step), ({}, {}))
        cells[field], places[field] = leaf.value, leaf.shown
    rows = [
        Measurement(
            place=Place(row=None, fields={"model": _first(places), "step": _first(places), **places}),
            cells={"benchmark": benchmark, "model": model, "step": step, "score": None, **cells},
        )
        for (benchmark, model, step), (cells, places) in found.items()
    ]
    return Measurements(
        source=table.source, text=False, rows=tuple(rows), two_columns="level" in axes, notes=tuple(notes)
    )


def _first(places: dict[str, str]) -> str:
    return places.get("score", next(iter(places.values())))


def _without_others(leaves: list[_Leaf]) -> tuple[list[_Leaf], list[str]]:
    """Without the branches beside direct and tuned at the top, which are named in a note."""
    levels = {column[1] for leaf in leaves if (column := level_column_of(leaf.path[0])) is not None}
    if len(levels) < 2:
        return leaves, []
    kept = [leaf for leaf in leaves if level_column_of(leaf.path[0]) is not None]
    others = dict.fromkeys(leaf.path[0] for leaf in leaves if level_column_of(leaf.path[0]) is None)
    named = ", ".join(f'"{key}"' for key in others)
    return kept, [f"Ignored key{'s' if len(others) > 1 else ''}: {named}."] if others else []


def _axes(paths: Sequence[Path], source: str) -> list[Axis]:
    """What the keys at each depth are."""
    kinds: list[Axis | None] = [_kind(list(dict.fromkeys(keys))) for keys in zip(*paths, strict=True)]
    for kind in ("level", "step", "field"):
        for at in [at for at, one in enumerate(kinds) if one == kind][:-1]:
            kinds[at] = None  # a model may be called 7: the innermost numbers are the steps
    names = [at for at, kind in enumerate(kinds) if kind is None]
    if "level" in kinds and "step" in kinds:
        raise InputError("keys must be steps, or direct and tuned, got both", file=source)
    if "level" not in kinds and "step" not in kinds:
        raise InputError(
            "one depth of the keys must be the steps, or direct and tuned, got "
            + " > ".join(f"{keys[0]!r}" for keys in zip(*paths, strict=True)),
            file=source,
        )
    if len(names) not in (1, 2):
        raise InputError(
            f"keys must be benchmarks and models, or models alone, beside the steps or levels, got {len(names)} depths "
            "of names",
            file=source,
        )
    for at, name in zip(reversed(names), ("model", "benchmark"), strict=False):
        kinds[at] = name
    return [kind for kind in kinds if kind is not None]


def _kind(keys: Sequence[str]) -> Axis | None:
    if all(level_column_of(key) is not None for key in keys):
        return "level"
    if all(_is_step(key) for key in keys):
        return "step"
    return "field" if all(key in _FIELDS for key in keys) else None


def _is_step(key: str) -> bool:
    return key.isascii() and key.replace(".", "", 1).isdigit()
