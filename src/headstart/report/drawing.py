"""Charts as SVG inside the page: drawn once for wide screens and once for narrow ones, so that no page carries Vega.

The colours are the page's own CSS custom properties (``charts_style``), so light, dark and print need one drawing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

Spec = dict[str, Any]

WIDE, NARROW = 860, 330
"""Widths drawn, in CSS pixels: a column of the page, and a phone."""

_LONG_NUMBER = re.compile(r"(\d\.\d)\d+")
_NAMED_MARK = re.compile(r'aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="[^"]*"')


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of a page.

    Args:
        id: Identifier, unique on the page.
        title: What it shows.
        description: Its message in words, for readers who do not see it.
        spec: Vega-Lite specification without a width.
        legend: Pairs of CSS class and meaning.
        lines: Names of lines that a reader may bring into focus, in the order offered.
    """

    id: str
    title: str
    description: str
    spec: Spec
    legend: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def wide(self) -> Markup:
        """The drawing for wide screens."""
        return self._drawn("wide", WIDE)

    @property
    def narrow(self) -> Markup:
        """The drawing for phones."""
        return self._drawn("narrow", NARROW)

    def _drawn(self, name: str, width: int) -> Markup:
        return svg({**self.spec, "width": width}, prefix=f"{self.id}-{name}-")


def svg(spec: Spec, *, prefix: str) -> Markup:
    """The specification drawn.

    Args:
        spec: Vega-Lite specification.
        prefix: Starts every identifier in the drawing, since a page holds several drawings.
    """
    import vl_convert  # slow to import, and needed for pages only

    text = vl_convert.vegalite_to_svg(spec)
    text = re.sub(r'(id="|url\(#)(clip|gradient)', rf"\1{prefix}\2", text)
    # marks with a description are those that a reader may choose; the drawing as a whole is described by its figure
    text = _NAMED_MARK.sub(r'data-m="\1"', text)
    head, _, body = text.partition(">")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    assert size is not None, "Vega writes the size of a drawing as its view box"
    opening = (
        f'<svg viewBox="0 0 {size.group(1)} {size.group(2)}" style="width:100%;max-width:{size.group(1)}px" '
        'aria-hidden="true" focusable="false"'
    )
    return Markup(opening + ">" + _shortened(body))


def _shortened(body: str) -> str:
    """Coordinates with one decimal: a tenth of a pixel. Text is left alone."""
    pieces = re.split(r"(<text[^>]*>[^<]*</text>)", body)
    return "".join(piece if piece.startswith("<text") else _LONG_NUMBER.sub(r"\1", piece) for piece in pieces)
