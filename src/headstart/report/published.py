"""Results to be published, from measurements or from the document of an audit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.data.columns import binomial_stderr
from headstart.data.metrics import check_more_is_better
from headstart.data.readers.reader import Given, ReadOptions, given_of, with_columns
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectory_files import read_parsed
from headstart.data.writers.published import Published, PublishedScore
from headstart.errors import InputError
from headstart.io.json_values import mapping, number, sequence, text
from headstart.rank.rank_sets import rank_sets_from_estimates
from headstart.report.export import SCHEMA


def published_results(
    given: str,
    *,
    columns: Mapping[str, str] | None = None,
    options: ReadOptions | None = None,
    score_range: tuple[float, float] | None = None,
    title: str | None = None,
    datasets: Mapping[str, str] | None = None,
    seed: int = 0,
) -> tuple[Published, tuple[str, ...]]:
    """The scores of a file with their ranks, and notes on what was left out.

    Of an audit's document the scores, ranks and rank sets of every level are taken as they stand there. Otherwise
    models are ranked by score within each benchmark and step, with rank sets where every score has
    a standard error or a number of items.

    Args:
        given: A file or folder of measurements, a document of ``headstart audit --json``, or ``"-"``.
        columns: The file's own names of columns.
        options: What the file does not say itself.
        score_range: Smallest and largest possible score; [0, 1] when None.
        title: What the results are called; the name of the file when None.
        datasets: Data set on the Hugging Face hub of each benchmark.
        seed: Of the draws behind rank sets.

    Raises:
        InputError: If it cannot be read, holds no scores, or a score is out of range.
    """
    known = with_columns(options or ReadOptions(), columns)
    source = given_of(given, known)
    name = title or ("results" if given == "-" else Path(given).resolve().stem)
    schema = source.fields.get("schema") if source.is_file else None
    if isinstance(schema, str):
        scores, notes = _of_audit(source, schema), ()
    else:
        parsed = read_parsed(source, columns=columns, options=options, score_range=score_range)
        fallback = source.stem
        rows = [row for row in parsed.rows if row.score is not None]
        for benchmark in dict.fromkeys(row.benchmark for row in rows):
            if benchmark is not None:
                check_more_is_better(benchmark, "benchmark", source=source.source, whole=False)
        scores = tuple(
            one for group in _groups(rows, fallback) for one in _ranked(group, score_range or (0.0, 1.0), seed)
        )
        words = ("Direct scores are written as step 0, tuned ones as step 1.",) if parsed.two_columns else ()
        notes = (*parsed.notes, *words)
    low, high = score_range or (0.0, 1.0)
    for one in scores:
        if not low <= one.score <= high:
            raise InputError(
                f"score must be within the score range [{low:g}, {high:g}], got {one.score:g} of {one.model} on "
                f"{one.benchmark}; another range is declared as score_range",
                file=source.source,
            )
    if not scores:
        raise InputError("holds no scores", file=source.source)
    try:
        found = Published(title=name, scores=scores, score_range=(low, high), datasets=dict(datasets or {}))
    except InputError as error:
        raise error.located(file=source.source) from None
    return found, notes


def _groups(rows: Sequence[TrajectoryRow], fallback: str) -> list[list[PublishedScore]]:
    """The scores of each benchmark, step and seed."""
    groups: dict[tuple[str, float, str | None], list[PublishedScore]] = {}
    for row in rows:
        benchmark = row.benchmark or fallback
        groups.setdefault((benchmark, row.step, row.seed), []).append(
            PublishedScore(
                benchmark=benchmark,
                model=row.model,
                step=row.step,
                score=math.nan if row.score is None else row.score,
                stderr=row.stderr,
                n_items=row.n_items,
                seed=row.seed,
            )
        )
    return list(groups.values())


def _ranked(group: Sequence[PublishedScore], score_range: tuple[float, float], seed: int) -> list[PublishedScore]:
    """The scores of one ranking, best first; equal scores share the better rank."""
    scores = [one.score for one in group]
    errors = [_error(one, score_range) for one in group]
    known = [error for error in errors if error is not None]
    sets = None
    if len(known) == len(group) > 1:
        sets = rank_sets_from_estimates(scores, standard_errors=known, seed=seed)
    ranked = [
        replace(
            one,
            rank=1 + sum(other > one.score for other in scores),
            best_rank=None if sets is None else int(sets.best[at]),
            worst_rank=None if sets is None else int(sets.worst[at]),
        )
        for at, one in enumerate(group)
    ]
    return sorted(ranked, key=lambda one: (-one.score, one.model))


def _error(one: PublishedScore, score_range: tuple[float, float]) -> float | None:
    """The standard error, else that of a share of the items; None where neither is known."""
    low, high = score_range
    if one.stderr is not None or one.n_items is None or not low <= one.score <= high:
        return one.stderr
    share = np.array([(one.score - low) / (high - low)])
    return (high - low) * float(binomial_stderr(share, np.array([float(one.n_items)]))[0])


def _of_audit(source: Given, schema: str) -> tuple[PublishedScore, ...]:
    """Scores, ranks and rank sets of every level of an audit.

    Raises:
        InputError: If it is another document, or a standing is incomplete.
    """
    if schema != SCHEMA:
        raise InputError(
            f"schema must be {SCHEMA}, or the file must hold measurements, got {schema!r}",
            file=source.source,
            field="schema",
        )
    benchmark = text(source.fields.get("benchmark"))
    if benchmark is None:
        raise InputError("benchmark must be text that is not empty", file=source.source, field="benchmark")
    found: list[PublishedScore] = []
    for at, entry in enumerate(sequence(source.fields.get("levels"))):
        level = mapping(entry)
        step = number(level.get("level"))
        for k, one in enumerate(sequence(level.get("standings"))):
            standing, place = mapping(one), f"levels[{at}].standings[{k}]"
            name, score = text(standing.get("name")), number(standing.get("score"))
            if name is None or score is None or step is None or not math.isfinite(score + step) or step < 0:
                raise InputError("must have a name, a score and a level", file=source.source, field=place)
            found.append(
                PublishedScore(
                    benchmark=benchmark,
                    model=name,
                    step=step,
                    score=score,
                    stderr=number(standing.get("stderr")),
                    rank=_whole(standing.get("rank")),
                    best_rank=_whole(standing.get("best_rank")),
                    worst_rank=_whole(standing.get("worst_rank")),
                )
            )
    return tuple(found)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
