"""The audit as one HTML file that works offline, in light and dark, with and without a mouse.

``shell`` is the frame of every page of this package: contents, sections, charts, footer. Templates escape everything
(jinja2 autoescape); the specifications of the charts are embedded as JSON that cannot end its script element; a
content security policy allows the page's own scripts, by their hash, and no connection to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

import jinja2
from markupsafe import Markup

from headstart.auditing.values import Audit, Interval, Level, Price
from headstart.io.atomic import envelope, write_text
from headstart.report import wording, wording_runs
from headstart.report.wording_backtest import backtest_rows, backtest_words

if TYPE_CHECKING:
    from headstart.report.charts import Chart


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of a page.

    Args:
        id: Identifier, unique on the page.
        title: Heading, also in the contents.
        html: Content, already escaped.
    """

    id: str
    title: str
    html: Markup


def write_page(audit: Audit, path: str | os.PathLike[str]) -> None:
    """Write the audit's page to ``path``, whole or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    write_text(path, audit_page(audit))


def audit_page(audit: Audit) -> str:
    """The audit's page as HTML."""
    from headstart.report import charts, charts_backtest, charts_levels

    drawn: dict[str, Chart] = {
        "trajectories": charts.trajectories_chart(audit),
        "ranks": charts.ranks_chart(audit),
        "prices": charts_levels.prices_chart(audit),
        "agreement": charts_levels.agreement_chart(audit),
        "stability": charts_levels.stability_chart(audit),
    }
    test = audit.backtest
    if test is not None:
        drawn["backtest"] = charts_backtest.backtest_chart(test)
    summary = wording.summarise(audit)
    context = {
        "audit": audit,
        "summary": summary,
        "charts": drawn,
        "backtest": test,
        "backtest_words": backtest_words(test) if test else [],
        "backtest_rows": backtest_rows(test) if test else [],
        **_details(audit),
    }
    sections = [
        Section(id=name, title=title, html=render(f"audit/{name}.html", context))
        for name, title in (
            ("basis", "What this rests on"),
            ("levels", "Levels"),
            ("prices", "Price list"),
            ("models", "Models"),
            ("untunable", wording_runs.UNTUNABLE_TITLE),
            ("stability", "Stability map"),
            ("backtest", "How far to trust this"),
            ("method", "Method and how to read"),
        )
        if name != "untunable" or audit.untunable
    ]
    return shell(
        title=f"{audit.benchmark}: headstart audit",
        description=summary.headline,
        header=render("audit/header.html", context),
        sections=sections,
        charts=list(drawn.values()),
    )


def shell(*, title: str, description: str, header: Markup, sections: Sequence[Section], charts: Sequence[Chart]) -> str:
    """The frame of a page around its sections.

    Args:
        title: Title of the document.
        description: One sentence about it.
        header: What stands above the sections, with the page's only ``h1``.
        sections: In reading order; they place the charts with the ``figure`` macro of ``parts.html``.
        charts: Every chart that the sections place.
    """
    scripts = [_vega_bundle(), _asset("page.js")] if charts else [_asset("page.js")]
    made = envelope("page")
    return (
        _environment()
        .get_template("shell.html")
        .render(
            title=title,
            description=description,
            header=header,
            sections=sections,
            css=Markup(_asset("page.css")),
            specs=Markup(embedded_json({chart.id: chart.spec for chart in charts})),
            scripts=[Markup(script) for script in scripts],
            policy=_policy(scripts),
            version=made["headstart_version"],
            created_at=made["created_at"],
        )
    )


def render(template: str, context: dict[str, Any]) -> Markup:
    """One template of this package, as escaped HTML."""
    return Markup(_environment().get_template(template).render(context))


def embedded_json(data: object) -> str:
    r"""JSON that may stand inside a script element: nothing in it can be taken for a tag.

    >>> embedded_json({"name": "</script>"})
    '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(scripts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _vega_bundle() -> str:
    import vl_convert  # slow to import, and needed for pages only

    bundle = cast(str, vl_convert.javascript_bundle())  # pyright: ignore[reportCallIssue, reportUnknownMemberType]
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


@cache
def _asset(name: str) -> str:
    return files("headstart.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "number": wording.number,
        "amount": wording.amount,
        "ranks": wording.ranks,
        "share": wording.share,
        "interval": _interval,
        "tau_interval": _tau_interval,
        "price_interval": wording.price_interval,
        "price_note": _price_note,
        "verdict": wording.VERDICT_WORDS.__getitem__,
        "measured_verdict": wording.measured_verdict,
        "error": _error,
        "direct_score": wording_runs.direct_score,
        "capitalise": _capitalise,
    }
    environment.filters.update(filters)
    return environment


def _details(audit: Audit) -> dict[str, Any]:
    """What the audit's templates need besides the audit itself."""
    shapes = tuple(audit.levels[0].critical_stakes)
    reference = next((level for level in audit.levels if level.level == audit.reference_level), audit.levels[-1])
    used = dict.fromkeys(flag for model in audit.models for flag in model.flags)
    return {
        "legend": wording.LEGEND,
        "stakes": wording.rewards_in_words(audit.rewards, audit.cost_unit),
        "proof": wording.PROOF_WORDS[audit.stabilising_level.proof],
        "shapes": shapes,
        "shape_columns": [(f"Stable up to ({shape})", "number") for shape in shapes],
        "level_groups": [(str(level.level), _level_choice(level)) for level in audit.levels],
        "flags": [(flag, wording.FLAG_WORDS[flag]) for flag in used if flag in wording.FLAG_WORDS],
        "untunable_columns": [
            ("Contestant and direct score", "text"),
            ("Direct", "number"),
            *((heading, "number") for heading in wording_runs.level_headings(audit)),
        ],
        "untunable_words": wording_runs.untunable_words(audit),
        "outcomes": wording_runs.reported_outcomes(audit.outcomes),
        "tied_direct": wording.tied_names(audit.levels[0]),
        "tied_tuned": wording.tied_names(reference),
    }


def _level_choice(level: Level) -> str:
    name = "0 (direct evaluation)" if level.level == 0 else wording.number(level.level)
    return f"{name} {wording.EXTRAPOLATED}" if level.extrapolated else name


def _capitalise(text: str) -> str:
    """A capital first letter, the rest as it is (``str.capitalize`` would lower names)."""
    return text[:1].upper() + text[1:]


def _interval(bounds: Interval, unbounded: str = "∞") -> str:
    return wording.interval(bounds, unbounded=unbounded)


def _tau_interval(bounds: Interval) -> str:
    return "–" if bounds.low is None or bounds.high is None else f"{bounds.low:.2f}–{bounds.high:.2f}"


def _price_note(price: Price) -> str:
    parts = [f"{wording.TIED} tied"] if price.tied else []
    if price.extrapolated:
        parts.append(f"{wording.EXTRAPOLATED} extrapolated")
    if price.measured_bound:
        parts.append(
            f"not enough within the {wording.amount(price.measured_bound, 'steps')} measured beyond this level"
        )
    if price.reason:
        parts.append(price.reason)
    return "; ".join(parts)


def _error(value: float | None) -> str:
    return "unknown" if value is None or value != value else f"{value:.2g}"
