"""Scores collected from documents as measurements: one metric, known steps, one direction, one score a cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from headstart.data.columns import Place
from headstart.data.measurements import FIELDS, Measurement, Measurements
from headstart.data.metrics import check_more_is_better, less_is_better
from headstart.data.readers.reader import ReadOptions
from headstart.errors import InputError, together
from headstart.io.text import suggestion

NO_STEPS = "No steps are stated: every score is taken as one of direct evaluation (step 0)."
NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score as a document says it.

    Args:
        benchmark: Name of the task.
        metric: What was measured, with its filter where it has one (``"acc,none"``).
        model: Name.
        score: The value; None or NaN where the document says that there is none.
        step: Tuning steps before it was measured; None where nothing says so.
        place: File and key, for messages.
        stderr: Its standard error; None where unknown.
        n_items: Items scored; None where unknown.
        seed: Which replicate it is; None where there is one.
        more_is_better: Whether more of it is better; None where only the name of the metric tells.
        date: When it was measured, in a form that sorts; empty where unknown.
        primary: Whether it is what the kind of file is ranked by, so that other metrics count only if asked for.
    """

    benchmark: str
    metric: str
    model: str
    score: float | None
    step: float | None
    place: str
    stderr: float | None = None
    n_items: int | None = None
    seed: str | None = None
    more_is_better: bool | None = None
    date: str = ""
    primary: bool = False


def assemble(
    scores: Iterable[Score], options: ReadOptions, *, source: str, notes: Sequence[str] = (), direct: bool = False
) -> Measurements:
    """The scores that were asked for as measurements.

    Args:
        scores: In the order of the files.
        options: Which tasks and metric; steps where no file says them; what to do with several files for one score, and
            with metrics of which less is better.
        source: What to call the file or folder in messages.
        notes: What the reader left out, a sentence each.
        direct: Whether scores of the kind are published as those of direct evaluation.

    Raises:
        InputError: If nothing fits, the choice of the metric is open, some scores say their step and others do not,
            several files hold the same score, or less of a metric is better and ``flip`` was not asked for.
    """
    told = list(notes)
    found = _of_tasks(list(scores), options, source)
    found = _of_one_metric(found, options, source)
    found = _with_steps(found, options, source, direct, told)
    found = _newest(found, options, source, told)
    found = _turned(found, options, source, told)
    rows = [
        Measurement(
            place=Place(row=None, fields=dict.fromkeys(FIELDS, one.place)),
            cells={
                "benchmark": one.benchmark,
                "model": one.model,
                "step": one.step,
                "score": None if one.score is None or one.score != one.score else one.score,
                "stderr": one.stderr,
                "n_items": one.n_items,
                "seed": one.seed,
            },
        )
        for one in found
    ]
    return Measurements(source=source, text=False, rows=tuple(rows), notes=tuple(told))


def _of_tasks(scores: list[Score], options: ReadOptions, source: str) -> list[Score]:
    known = dict.fromkeys(one.benchmark for one in scores)
    if not known:
        raise InputError("holds no scores", file=source)
    for task in options.tasks:
        if task not in known:
            raise InputError(
                f"task must be one of {', '.join(known)}, got {task!r}{suggestion(task, known)}", file=source
            )
    return [one for one in scores if not options.tasks or one.benchmark in options.tasks]


def _with_steps(scores: list[Score], options: ReadOptions, source: str, direct: bool, told: list[str]) -> list[Score]:
    without = [one for one in scores if one.step is None]
    if not without:
        return scores
    if options.step is not None:
        return [replace(one, step=options.step) if one.step is None else one for one in scores]
    if len(without) < len(scores):
        raise InputError(
            f"every score must say its step, or none, got {len(without)} without one, the first in {without[0].place}; "
            "step=N states it for these (0 for models that were not tuned)",
            file=source,
        )
    if not direct:
        raise InputError(
            f"no score says its step, the first in {without[0].place}; step=N states it (0 for models that were not "
            "tuned)",
            file=source,
        )
    told.append(NO_STEPS)
    return [replace(one, step=0.0) for one in scores]


def _of_one_metric(scores: list[Score], options: ReadOptions, source: str) -> list[Score]:
    """The scores of one metric for each benchmark: that asked for, else the primary one, else the only one."""
    chosen: dict[str, str] = {}
    problems: list[InputError] = []
    for benchmark in dict.fromkeys(one.benchmark for one in scores):
        of_it = [one for one in scores if one.benchmark == benchmark]
        metrics = tuple(dict.fromkeys(one.metric for one in of_it))
        primary = tuple(dict.fromkeys(one.metric for one in of_it if one.primary))
        try:
            chosen[benchmark] = choose_metric(primary if primary and not options.metrics else metrics, options)
        except InputError as error:
            problems.append(InputError(f"{benchmark}: {error.message}", file=source))
    if problems:
        raise together(problems)
    return [one for one in scores if one.metric == chosen[one.benchmark]]


def choose_metric(metrics: Sequence[str], options: ReadOptions) -> str:
    """The first of the metrics asked for that is there, exactly or without its filter, else the only one.

    Raises:
        InputError: If it is not there, or which one is meant is open; lists those there are.
    """
    listed = "; ".join(metrics)
    if not options.metrics:
        if len(metrics) == 1:
            return metrics[0]
        raise InputError(f"holds several metrics ({listed}); metric=NAME must name one")
    for wanted in options.metrics:
        fitting = [one for one in metrics if one == wanted] or [one for one in metrics if one.split(",")[0] == wanted]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise InputError(f"holds several metrics ({'; '.join(fitting)}); metric=NAME must name one")
    got = " and ".join(map(repr, options.metrics))
    raise InputError(f"metric must be one of {listed}, got {got}{suggestion(options.metrics[0], metrics)}")


def _newest(scores: list[Score], options: ReadOptions, source: str, told: list[str]) -> list[Score]:
    cells: dict[tuple[str, str, float | None, str | None], list[Score]] = {}
    for one in scores:
        cells.setdefault((one.benchmark, one.model, one.step, one.seed), []).append(one)
    left = 0
    chosen: list[Score] = []
    for (benchmark, model, step, _), rivals in cells.items():
        if len(rivals) > 1 and not options.newest:
            places = " and ".join(one.place for one in rivals[:3])
            raise InputError(
                f"{benchmark} of {model} at step {step or 0:g} is held {len(rivals)} times ({places}); newest=yes "
                "takes the newest",
                file=source,
            )
        if len(rivals) > 1 and len({one.date for one in rivals}) < len(rivals):
            raise InputError(
                f"which score of {benchmark} of {model} at step {step or 0:g} is the newest is not said by "
                f"{rivals[0].place} and {rivals[1].place}",
                file=source,
            )
        chosen.append(max(rivals, key=lambda one: one.date))
        left += len(rivals) - 1
    if left:
        told.append(f"Left out {left} score{'s' if left > 1 else ''} of which there is a newer one.")
    return chosen


def points_down(metric: str, more_is_better: bool | None = None) -> bool:
    """Whether less of a metric is better: as its file says, else by its name."""
    return less_is_better(metric.partition(",")[0]) if more_is_better is None else not more_is_better


def _turned(scores: list[Score], options: ReadOptions, source: str, told: list[str]) -> list[Score]:
    down = [one for one in scores if points_down(one.metric, one.more_is_better)]
    if not options.flip:
        for one in down:
            if one.more_is_better is False:
                raise InputError(
                    f"metric must be one of which more is better, got {one.metric!r} of {one.benchmark}, of which "
                    "the file says that less is; flip=yes turns it round within the score range",
                    file=source,
                    field=one.place,
                )
            check_more_is_better(one.metric.partition(",")[0], "metric", source=source, field=one.place)
        return scores
    return turn(scores, down, options, source, told)


def turn(scores: list[Score], down: Sequence[Score], options: ReadOptions, source: str, told: list[str]) -> list[Score]:
    """Scores of which less is better turned round within the score range, the others as they are."""
    if not down:
        raise InputError(FLIP_NOTHING, file=source)
    turned = {id(one) for one in down}
    told.append(flip_note(options, dict.fromkeys(one.metric for one in down)))
    return [
        replace(
            one,
            score=None if one.score is None else options.turned(one.score),
            benchmark=inverted(one.benchmark),
        )
        if id(one) in turned
        else one
        for one in scores
    ]


FLIP_NOTHING = "flip must be asked for only where less of a score is better, got none that says so"


def flip_note(options: ReadOptions, names: Iterable[str]) -> str:
    """What was turned round, in a sentence."""
    low, high = options.score_range or (0.0, 1.0)
    shown = list(names)
    more = f" and {len(shown) - NAMED} more" if len(shown) > NAMED else ""
    return f"Turned round, as {low + high:g} - score: {', '.join(shown[:NAMED])}{more}."


def inverted(benchmark: str) -> str:
    """The name of a benchmark whose scores were turned round, where its own name says that less is better."""
    return f"{benchmark} (inverted)" if less_is_better(benchmark, whole=False) else benchmark
