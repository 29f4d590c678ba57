"""How the marks of every chart look: named styles in the page's own colours.

A colour is one of the page's CSS custom properties (``var(--a)``), which a browser resolves when it shows the chart,
so that light, dark and print need no second specification.
"""

from __future__ import annotations

from typing import Any

INK, MUTED, RULE, GRID, PAPER = "var(--ink)", "var(--muted)", "var(--rule)", "var(--grid)", "var(--paper)"
BEYOND, CONTEXT = "var(--beyond)", "var(--context)"

Style = dict[str, Any]


def _focus(name: str) -> dict[str, Style]:
    strong, soft = f"var(--{name})", f"var(--{name}-soft)"
    return {
        f"focus-{name}": {"stroke": strong, "strokeWidth": 2.5},
        f"focus-{name}-band": {"fill": soft, "opacity": 1},
        f"focus-{name}-whisker": {"stroke": strong, "strokeWidth": 1},
        f"focus-{name}-point": {"fill": strong, "stroke": PAPER, "strokeWidth": 1, "size": 45, "opacity": 1},
    }


STYLES: dict[str, Style] = {
    **_focus("a"),
    **_focus("b"),
    "context": {"stroke": CONTEXT, "strokeWidth": 1, "opacity": 0.6},
    "beyond": {"fill": BEYOND, "opacity": 1},
    "edge": {"stroke": MUTED, "strokeWidth": 1, "strokeDash": [2, 3]},
    "move": {"stroke": CONTEXT, "strokeWidth": 1.5},
    "direct-whisker": {"stroke": "var(--b)", "strokeWidth": 1, "opacity": 0.75, "yOffset": -3},
    "tuned-whisker": {"stroke": "var(--a)", "strokeWidth": 1, "opacity": 0.75, "yOffset": 3},
    "direct-point": {"fill": PAPER, "stroke": "var(--b)", "strokeWidth": 2, "size": 44, "opacity": 1},
    "tuned-point": {"fill": "var(--a)", "stroke": PAPER, "strokeWidth": 1, "size": 60, "opacity": 1},
    "quartiles": {"fill": "var(--a-soft)", "opacity": 1},
    "median": {"stroke": INK, "strokeWidth": 2.5},
    "price-clear": {"fill": "var(--a)", "stroke": PAPER, "strokeWidth": 0.5, "size": 34, "opacity": 1},
    "price-beyond": {
        "fill": "var(--b)",
        "stroke": PAPER,
        "strokeWidth": 0.5,
        "size": 42,
        "opacity": 1,
        "shape": "diamond",
    },
    "price-tied": {"fill": "transparent", "stroke": CONTEXT, "strokeWidth": 1.25, "size": 26, "opacity": 1},
    "shelf-label": {"fill": INK, "fontSize": 12, "fontWeight": 600},
    "stable": {"fill": "var(--good-soft)", "opacity": 1},
    "stable-band": {"fill": "var(--good-band)", "opacity": 1},
    "stable-edge": {"stroke": "var(--good)", "strokeWidth": 2.5},
    "stakes": {"stroke": "var(--b)", "strokeWidth": 1.5},
    "stakes-label": {"fill": "var(--b)", "fontSize": 12, "fontWeight": 600, "align": "left"},
    "stakes-point": {"fill": "var(--b)", "stroke": PAPER, "strokeWidth": 1.5, "size": 110, "opacity": 1},
    "bar-law": {"fill": "var(--a)", "size": 18},
    "bar-reference": {"fill": CONTEXT, "size": 18},
    "bar-text": {"fill": INK, "fontSize": 12},
}

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "padding": {"left": 12, "top": 6, "right": 12, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": 400,
        "titlePadding": 8,
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": GRID,
        "domainColor": RULE,
        "tickColor": RULE,
    },
    # The title lies flat above its axis, where a narrow screen has room for it.
    "axisY": {
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleX": 0,
        "titleY": -14,
        "domain": False,
        "ticks": False,
    },
    "axisX": {"grid": False},
}


def style(name: str, *, named: bool = False) -> Style:
    """Properties of a mark.

    Args:
        name: Of the style.
        named: Whether the marks carry their description, so that a reader can choose among them. Otherwise they are
            silent for screen readers, since charts describe themselves in words.
    """
    return {"aria": named, **STYLES[name]}
