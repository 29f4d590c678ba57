"""Commands that start from a published ranking: check, and what private variants add to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.common import Benchmark, JsonOut, ScoreRange, Seed, check_outputs, parse_range
from headstart.cli.completion import complete_claims, complete_ranking_columns, complete_rewards
from headstart.cli.reading import parse_columns
from headstart.errors import InputError

if TYPE_CHECKING:
    from headstart.auditing.ranking_check import Claim

Ranking = Annotated[
    str,
    typer.Argument(
        metavar="RANKING",
        help="Published table with model, score, rank and stderr or n_items: CSV, Parquet, JSON or Markdown.",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD=COLUMN,...",
        help="The table's own names of columns, such as score=acc,model=system.",
        autocompletion=complete_ranking_columns,
    ),
]
LowerIsBetter = Annotated[bool, typer.Option("--lower-is-better", help="Smaller scores are better.")]


def check(
    ranking: Ranking,
    items: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Scores per item (model, item, score; or logs of Inspect): models are compared item by item.",
        ),
    ] = None,
    item_columns: Annotated[
        str | None, typer.Option(metavar="FIELD=COLUMN,...", help="The items file's own names of columns.")
    ] = None,
    step: Annotated[
        float | None, typer.Option(help="Tuning steps of the ranking, where the items file holds several.")
    ] = None,
    seal: Annotated[
        str | None,
        typer.Option(
            metavar="SEALED|HASH", help="Sealed plan, run folder or hash that the scores must carry (plan_hash)."
        ),
    ] = None,
    claim: Annotated[
        str,
        typer.Option(
            metavar="pairs|groups",
            help="What the table claims: every order shown, or only tied groups.",
            autocompletion=complete_claims,
        ),
    ] = "pairs",
    benchmark: Benchmark = None,
    columns: Columns = None,
    score_range: ScoreRange = None,
    lower_is_better: LowerIsBetter = False,
    confidence: Annotated[float, typer.Option(help="Confidence with which all rank sets hold at once.")] = 0.95,
    seed: Seed = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the outcome and what to publish.")] = False,
    json: JsonOut = None,
    markdown: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a summary in Markdown; - for standard output.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the checks as JUnit XML.")] = None,
) -> int:
    """Check that a published ranking shows no order that its data do not support; exit status 1 where it does.

    Example: `headstart check ranking.csv`

    Example: `headstart check README.md --items items.parquet --markdown summary.md --junit checks.xml`

    Example: `headstart check ranking.csv --seal runs/spring --json -`
    """
    from headstart.auditing.ranking_check import check_ranking
    from headstart.data.item_scores import open_items
    from headstart.data.rankings import read_rankings
    from headstart.data.readers.reader import ReadOptions
    from headstart.io.atomic import write_json, write_text
    from headstart.io.junit import write_junit
    from headstart.report.check_document import check_document
    from headstart.report.check_text import check_markdown, junit_checks, print_check

    chosen = _claim(claim)
    check_outputs(junit, None if markdown in (None, "-") else Path(markdown), json=json)
    if json == "-" and markdown == "-":
        raise InputError("only one output can go to standard output, got - for --json and --markdown")
    given = read_rankings(
        ranking,
        columns=parse_columns(columns),
        benchmark=benchmark,
        score_range=parse_range(score_range),
        lower_is_better=lower_is_better,
    )
    scores = {}
    if items is not None:
        found_items = open_items(items, options=ReadOptions(columns=parse_columns(item_columns) or {}))
        scores = {
            one.benchmark: found_items.of_ranking(one.models, benchmark=one.benchmark, step=step) for one in given
        }
        if lower_is_better:
            scores = {name: one.negated() for name, one in scores.items()}
    found = check_ranking(given, items=scores, seal=seal, claim=chosen, confidence=confidence, seed=seed)
    if json is not None:
        write_json(json, check_document(found))
    if markdown == "-":
        sys.stdout.write(check_markdown(found))
    elif markdown is not None:
        write_text(markdown, check_markdown(found))
    if junit is not None:
        write_junit(junit, found.source, junit_checks(found))
    if "-" not in (json, markdown):
        print_check(found, quiet=quiet)
    return 0 if found.supported else 1


def variants(
    ranking: Annotated[
        str | None,
        typer.Argument(metavar="RANKING", help="Published table as for check; without one only the figures of --sd."),
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Variants tried of which the best is published.")] = 10,
    sd: Annotated[
        float | None,
        typer.Option(help="Standard deviation of one score's noise; by default each model's standard error."),
    ] = None,
    spread: Annotated[
        float, typer.Option(help="Standard deviation of the true scores of variants; 0: they are equally good.")
    ] = 0.0,
    correlation: Annotated[
        float, typer.Option(help="Of the noise of two variants, 0 to 1; positive where they answer the same items.")
    ] = 0.0,
    published: Annotated[
        float | None, typer.Option(metavar="SCORE", help="A published best score to correct; without a RANKING.")
    ] = None,
    rewards: Annotated[
        str,
        typer.Option(
            help="What ranks are worth: winner:V, top:K:V, linear:V or geometric:RATIO:V.",
            autocompletion=complete_rewards,
        ),
    ] = "linear:1",
    benchmark: Benchmark = None,
    columns: Columns = None,
    score_range: ScoreRange = None,
    lower_is_better: LowerIsBetter = False,
    json: JsonOut = None,
) -> None:
    """Say what publishing the best of k private variants adds to a score, and which price of a submission ends it.

    Example: `headstart variants --sd 0.01 -k 27 --published 0.83`

    Example: `headstart variants ranking.csv -k 27 --rewards linear:5000`
    """
    from headstart.auditing.exposure import exposure_of, exposure_to_variants
    from headstart.data.rankings import read_rankings
    from headstart.io.atomic import write_json
    from headstart.report.variants_text import print_exposure, print_single, variants_document

    check_outputs(json=json)
    if ranking is None:
        if sd is None:
            raise InputError("--sd must be given where there is no RANKING, got nothing")
        single = exposure_of(published, sd, k, spread_sd=spread, correlation=correlation)
        if json is not None:
            write_json(json, variants_document(single=single))
        if json != "-":
            print_single(single)
        return
    if published is not None:
        raise InputError("--published is for a single score, got a RANKING too")
    given = read_rankings(
        ranking,
        columns=parse_columns(columns),
        benchmark=benchmark,
        score_range=parse_range(score_range),
        lower_is_better=lower_is_better,
    )
    found = [
        exposure_to_variants(one, k, rewards=rewards, sd=sd, spread_sd=spread, correlation=correlation) for one in given
    ]
    if json is not None:
        write_json(json, variants_document(found=found))
    if json != "-":
        print_exposure(found)


def _claim(text: str) -> Claim:
    if text == "pairs" or text == "groups":
        return text
    raise InputError(f"--claim must be pairs or groups, got {text!r}")
