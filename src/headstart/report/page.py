"""The audit as one HTML file that works offline, in light and dark, with and without a mouse.

``shell`` is the frame of every page of this package: contents, sections, footer. Templates escape everything (jinja2
autoescape); charts are drawn as SVG when the page is made; a content security policy allows the page's own script, by
its hash, and no connection to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from headstart.auditing.decision import share_with_interval, under
from headstart.auditing.level_values import Interval, Level, Price
from headstart.auditing.values import Audit, ModelFit
from headstart.io.atomic import envelope, write_text
from headstart.io.run import Run
from headstart.report import wording, wording_runs
from headstart.report.palette import light_colours
from headstart.report.templating import html_templates
from headstart.report.wording_backtest import backtest_rows, backtest_words

if TYPE_CHECKING:
    from headstart.report.drawing import Chart

MOST_PRICES = 200
"""Places of each level in the price list of a page."""

MOST_MODELS = 1000
"""Models in the tables of a page, the best ones: more make a file that browsers are slow to show."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of a page.

    Args:
        id: Identifier, unique on the page.
        title: Heading, also in the contents.
        html: Content, already escaped.
        folded: Whether it is closed until a reader opens it.
    """

    id: str
    title: str
    html: Markup
    folded: bool = False


def write_page(audit: Audit, path: str | os.PathLike[str]) -> None:
    """Write the audit's page to ``path``, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    write_text(path, audit_page(audit))


def audit_page(audit: Audit) -> str:
    """The audit's page as HTML: the decision, what gaming gains, ranks before and after, then the detail, folded."""
    context = {"audit": audit, "charts": _charts(audit), **_details(audit)}
    parts = (
        ("levels", "What gaming gains", False),
        ("ranking", "Ranks before and after", False),
        *((("untunable", wording_runs.UNTUNABLE_TITLE, False),) if audit.untunable else ()),
        ("prices", "Price list", True),
        ("curves", "Curves", True),
        ("exact", "Exact knowledge", True),
        ("backtest", "Forecasts tested", True),
        ("method", "Method", True),
    )
    sections = sections_of("audit", parts, context)
    return shell(
        title=f"{audit.benchmark}: headstart audit",
        description=audit.decision.headline,
        header=render("audit/header.html", context),
        sections=sections,
        run=audit.run,
    )


def notebook_view(audit: Audit, picture: Chart) -> str:
    """The decision and its picture as HTML for the output of a notebook's cell."""
    colours = "".join(f"{name}:{colour};" for name, colour in light_colours().items())
    context = {
        "audit": audit,
        "chart": picture,
        "colours": colours,
        "stakes": wording.stakes_in_words(audit),
        "noise": wording.noise_in_words(audit),
    }
    return str(render("notebook.html", context))


def _charts(audit: Audit) -> Mapping[str, Chart]:
    from headstart.report import charts, charts_backtest, charts_levels

    drawn = [
        charts.incentive_chart(audit.incentive_curve, audit.decision, audit.levels),
        charts.ranks_chart(audit),
        charts.trajectories_chart(audit),
        charts_levels.prices_chart(audit),
        charts_levels.stability_chart(audit),
        *([] if audit.backtest is None else [charts_backtest.backtest_chart(audit.backtest)]),
    ]
    return {chart.id: chart for chart in drawn}


def sections_of(folder: str, parts: Iterable[tuple[str, str, bool]], context: dict[str, Any]) -> list[Section]:
    """The sections of a page, each from the template of its name.

    Args:
        folder: Of the page's templates.
        parts: Identifier, heading, and whether it is folded.
        context: What the templates show.
    """
    return [
        Section(id=name, title=title, html=render(f"{folder}/{name}.html", context), folded=folded)
        for name, title, folded in parts
    ]


def shell(*, title: str, description: str, header: Markup, sections: Sequence[Section], run: Run | None = None) -> str:
    """The frame of a page around its sections.

    Args:
        title: Title of the document.
        description: One sentence about it.
        header: What stands above the sections, with the page's only ``h1``.
        sections: In reading order; they place charts with the ``figure`` macro of ``parts.html``.
        run: The same in every file of one run; None for a page alone.
    """
    script = _asset("page.js")
    made = envelope("page", run)
    return (
        _environment()
        .get_template("shell.html")
        .render(
            title=title,
            description=description,
            header=header,
            sections=sections,
            css=Markup(_asset("page.css")),
            script=Markup(script),
            policy=_policy(script),
            version=made["headstart_version"],
            created_at=made["created_at"],
            run_id=made.get("run_id"),
        )
    )


def render(template: str, context: dict[str, Any]) -> Markup:
    """One template of this package, as escaped HTML."""
    return Markup(_environment().get_template(template).render(context))


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _asset(name: str) -> str:
    return files("headstart.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    filters: dict[str, Callable[..., str | int]] = {
        "number": wording.number,
        "amount": wording.amount,
        "ranks": wording.ranks,
        "rank": wording.rank_with_set,
        "score": wording.score_in_words,
        "share": wording.share,
        "certainty": wording.certainty,
        "percent": wording.percent,
        "two_digits": wording.two_digits,
        "gain": share_with_interval,
        "faller": wording.faller_in_words,
        "tau": wording.tau_in_words,
        "tied_count": _tied_count,
        "interval": _interval,
        "effort": _effort,
        "price_note": _price_note,
        "verdict": wording.VERDICT_WORDS.__getitem__,
        "error": _error,
        "direct_score": wording_runs.direct_score,
        "capitalise": _capitalise,
    }
    return html_templates("headstart.report", filters)


def _details(audit: Audit) -> dict[str, Any]:
    """What the audit's templates need besides the audit itself."""
    shapes = tuple(audit.levels[0].critical_stakes)
    first = audit.levels[0]
    reference = next((level for level in audit.levels if level.level == audit.reference_level), audit.levels[-1])
    used = dict.fromkeys(flag for model in audit.models for flag in model.flags)
    test = audit.backtest
    return {
        "stakes": wording.stakes_in_words(audit),
        "noise": wording.noise_in_words(audit),
        "strict": wording.strict_in_words(audit.stabilising_level, audit.reference_level),
        "unique": wording.unique_in_words(audit),
        "needed": wording.percent(audit.decision.confidence),
        "bills": {level.level: wording.number(wording.bill(audit, level.level)) for level in audit.levels},
        "certain": any(level.certain is not None for level in audit.levels),
        "unmeasured": any(not level.measured for level in audit.levels),
        "before": under(first.level),
        "before_zero": first.level == 0,
        "after": under(audit.reference_level),
        "estimated": reference.estimated,
        "absent": reference.absent,
        "remarks": {model.name: _remarks(model) for model in audit.models},
        "shapes": shapes,
        "shape_columns": [(f"Honest up to ({wording.shape_in_words(shape)})", "number") for shape in shapes],
        "level_groups": [(str(level.level), _level_choice(level)) for level in audit.levels],
        "most_prices": MOST_PRICES,
        "most_models": MOST_MODELS,
        "flags": [(flag, wording.FLAG_WORDS[flag]) for flag in used if flag in wording.FLAG_WORDS],
        "untunable_columns": [
            ("Contestant and direct score", "text"),
            ("Direct", "number"),
            *((heading, "number") for heading in wording_runs.level_headings(audit)),
        ],
        "untunable_words": wording_runs.untunable_words(audit),
        "outcomes": wording_runs.reported_outcomes(audit.outcomes),
        "tied_direct": wording.tied_names(first),
        "tied_tuned": wording.tied_names(reference),
        "backtest": test,
        "backtest_words": backtest_words(test) if test else [],
        "backtest_rows": backtest_rows(test) if test else [],
    }


def _tied_count(level: Level) -> int:
    return len(wording.tied_names(level))


def _remarks(model: ModelFit) -> tuple[str, ...]:
    """Flags that tell a reader of the ranking something about the model rather than about its fitted curve."""
    return tuple(flag for flag in model.flags if flag in ("forgets", "collapses", "at chance", "no gain"))


def _level_choice(level: Level) -> str:
    return "0 (direct evaluation)" if level.level == 0 else wording.number(level.level)


def _capitalise(text: str) -> str:
    """A capital first letter, the rest as it is (``str.capitalize`` would lower names)."""
    return text[:1].upper() + text[1:]


def _interval(bounds: Interval, unbounded: str = "any") -> str:
    return wording.interval(bounds, unbounded=unbounded)


def _effort(price: Price) -> str:
    """``120 (90–160)``, or that the overtake lies beyond the horizon, or that the order is open as it is."""
    if price.effort is None:
        return "beyond the horizon"
    if price.effort == 0:
        return "none: tied"
    return f"{wording.number(price.effort)} ({wording.price_interval(price)})"


def _price_note(price: Price) -> str:
    parts = [f"{wording.TIED} tied"] if price.tied else []
    if price.extrapolated and price.reachable:
        parts.append(f"{wording.EXTRAPOLATED} beyond the measured steps")
    if price.reason:
        parts.append(price.reason)
    return "; ".join(parts)


def _error(value: float | None) -> str:
    return "unknown" if value is None or value != value else f"{value:.2g}"
