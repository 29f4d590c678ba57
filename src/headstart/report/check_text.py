"""A checked ranking on the terminal and as Markdown: what is wrong, and what to publish instead."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from headstart.auditing.ranking_check import CheckedRanking, Finding, RankingCheck
from headstart.io.junit import Check
from headstart.report.console import say, stdout
from headstart.report.plain_text import table
from headstart.report.wording import count, ranks, score_in_words

SHOWN = 12
"""Findings, and rows of the table, that the terminal shows."""

MOST_ROWS = 200
"""Rows of a table in Markdown; a summary of a workflow holds a megabyte."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~])")


def sentence(found: RankingCheck) -> str:
    """The outcome in one sentence."""
    models = sum(len(one.models) for one in found.rankings)
    certainty = f"{100 * found.confidence:g} %"
    if found.supported:
        if len(found.rankings) > 1:
            start = f"All {len(found.rankings)} rankings may stand: their data support"
            return f"{start} every order shown ({certainty} sure, all ranks of a ranking at once)."
        who = count(models, "model")
        return f"The ranking of {who} may stand: its data support every order shown ({certainty} sure, all at once)."
    involved = sum(not row.supported for one in found.rankings for row in one.models)
    what = f"{count(len(found.findings), 'finding')}; {involved} of {count(models, 'model')} without support"
    if len(found.rankings) > 1:
        wrong = sum(bool(one.findings) for one in found.rankings)
        where = f", in {wrong} of {len(found.rankings)} rankings" if wrong else ""
        what = f"{count(len(found.findings), 'finding')}{where}"
    return f"The ranking is not supported as published: {what} ({certainty} sure, all at once)."


def print_check(found: RankingCheck, *, quiet: bool = False) -> None:
    """The check as text, or only its outcome and what to publish instead."""
    out = stdout()
    say(out, sentence(found))
    for one in found.findings[:SHOWN]:
        say(out, f"- {one.message}.")
        say(out, f"  Publish instead: {one.instead}.")
    if len(found.findings) > SHOWN:
        say(out, f"and {len(found.findings) - SHOWN} more (--json, --markdown)")
    if quiet:
        return
    for one in found.rankings:
        out.print()
        say(out, f"{one.benchmark or 'Ranking'}: rank sets from {one.basis}.")
        header, *rows = _rows(one)
        for line in table(header, rows[:SHOWN]):
            out.print(line, markup=False, soft_wrap=True)
        if len(one.models) > SHOWN:
            say(out, f"and {len(one.models) - SHOWN} more (--json, --markdown)")
        for note in one.notes:
            say(out, note)


def check_markdown(found: RankingCheck) -> str:
    """The check as a summary for a workflow or a comment on a pull request."""
    outcome = "supported" if found.supported else "not supported"
    lines = [
        f"## Ranking check: {outcome}",
        "",
        _escaped(sentence(found)),
        "",
    ]
    if found.findings:
        lines += ["| what is wrong | publish instead |", "| --- | --- |"]
        lines += [f"| {_escaped(one.message)} | {_escaped(one.instead)} |" for one in found.findings[:MOST_ROWS]]
        if len(found.findings) > MOST_ROWS:
            lines += ["", f"and {len(found.findings) - MOST_ROWS} more findings"]
        lines.append("")
    for one in found.rankings:
        header, *rows = _rows(one)
        lines += [f"### {_escaped(one.benchmark or 'Ranking')}", "", f"Rank sets from {_escaped(one.basis)}.", ""]
        lines += ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
        lines += ["| " + " | ".join(map(_escaped, row)) + " |" for row in rows[:MOST_ROWS]]
        if len(rows) > MOST_ROWS:
            lines += ["", f"and {len(rows) - MOST_ROWS} more models"]
        lines += ["", *(_escaped(note) for note in one.notes), *([""] if one.notes else [])]
    lines.append(
        "A rank set holds the ranks that the data leave possible, all sets at once with the confidence stated. A model "
        "is supported where every order that involves it is."
    )
    return "\n".join(lines) + "\n"


def junit_checks(found: RankingCheck) -> list[Check]:
    """One check for each model, and one for the protocol where a seal was asked for or does not fit."""
    checks: list[Check] = []
    for one in found.rankings:
        group = one.benchmark or "ranking"
        for row in one.models:
            about = [finding for finding in one.findings if row.name in finding.models]
            told = f"published at {ranks(row.published)}, its rank set is {ranks(row.rank_set)}"
            failed = bool(about) or not row.supported
            checks.append(
                Check(
                    name=f"rank of {row.name}",
                    group=group,
                    status="failed" if failed else "passed",
                    message=told if failed else "",
                    details="\n".join(f"{finding.message}\npublish instead: {finding.instead}" for finding in about),
                )
            )
    if found.seal is not None or found.seal_findings:
        checks.append(_seal_check(found.seal_findings))
    return checks


def _seal_check(findings: Sequence[Finding]) -> Check:
    return Check(
        name="protocol as sealed",
        group="seal",
        status="failed" if findings else "passed",
        message=findings[0].message if findings else "",
        details="\n".join(f"{one.message}\npublish instead: {one.instead}" for one in findings),
    )


def _rows(one: CheckedRanking) -> list[tuple[str, ...]]:
    """Header and one row a model, in the order published."""
    header = ("model", "score", "published", "rank set", "supported")
    return [
        header,
        *(
            (
                row.name,
                score_in_words(row.score),
                ranks(row.published),
                ranks(row.rank_set),
                "yes" if row.supported else "no",
            )
            for row in one.models
        ),
    ]


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, also in a cell."""
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
