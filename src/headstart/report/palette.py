"""The page's colours outside the page, where its CSS custom properties do not exist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from headstart.report.drawing import WIDE, Spec

if TYPE_CHECKING:
    import altair as alt


@cache
def light_colours() -> Mapping[str, str]:
    """The colours of the light page by the names of their properties: ``--ink``, ``--a``, ..."""
    css = files("headstart.report").joinpath("templates", "page.css").read_text(encoding="utf-8")
    first = css[css.index(":root {") : css.index("}")]
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]+);", first))


def with_colours(spec: Any) -> Any:
    """The specification with every custom property replaced by its colour."""
    if isinstance(spec, dict):
        return {key: with_colours(value) for key, value in cast("Spec", spec).items()}
    if isinstance(spec, list):
        return [with_colours(value) for value in cast("list[Any]", spec)]
    if isinstance(spec, str) and spec.startswith("var("):
        return light_colours()[spec.removeprefix("var(").removesuffix(")")]
    return spec


def as_altair(spec: Spec) -> alt.LayerChart:
    """A chart of a page as an Altair chart with colours of its own."""
    import altair as alt

    return alt.LayerChart.from_dict({**with_colours(spec), "width": WIDE})
