"""Results of lm-evaluation-harness, one file per checkpoint, as trajectories."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from headstart.data.folder_layout import Found, find_files
from headstart.data.lm_eval_file import LmEvalFile, TaskScore
from headstart.data.rows import TrajectoryRow
from headstart.errors import InputError, together


@dataclass(frozen=True, kw_only=True)
class ImportSummary:
    """What an import found, for people.

    Args:
        files: Number of files whose results were taken.
        models: Names, sorted.
        steps: Distinct steps, rising.
        metrics: Metric taken for each benchmark, by name.
        without_stderr: Number of rows whose file gives no standard error.
        skipped: Files that were not taken, relative to the folder, each with the reason.
        notes: What else to know before the numbers are compared.
    """

    files: int
    models: tuple[str, ...]
    steps: tuple[float, ...]
    metrics: Mapping[str, str]
    without_stderr: int
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LmEvalImport:
    """Rows sorted by benchmark, model, seed and step, with what there is to say about them."""

    rows: tuple[TrajectoryRow, ...]
    summary: ImportSummary


def import_lm_eval(
    folder: str | os.PathLike[str],
    layout: str,
    *,
    metric: str | None = None,
    tasks: Sequence[str] | None = None,
    newest: bool = False,
    step: float | None = None,
    merge: Sequence[TrajectoryRow] = (),
) -> LmEvalImport:
    """Collect the results that lm-evaluation-harness wrote below a folder.

    Both shapes of result files are read: ``"acc,none"`` with filters (0.4) and plain ``"acc"`` (0.3). The benchmark
    of a row is ``{task}`` of the layout, else one of ``tasks``, else the file's only task or top-level group.

    Args:
        folder: Where the files lie.
        layout: Where below it, e.g. ``"{model}/step_{step}/results_*.json"``; see ``compile_layout``.
        metric: ``"acc"``, or with its filter ``"exact_match,strict-match"``; needed where a task has several.
        tasks: Tasks or groups to take; files without any of them are skipped.
        newest: Of several files for the same model, step and task take the newest, by the date it carries.
        step: Step of every file, for a layout without ``{step}``: 0 for models that were not tuned.
        merge: Rows that were collected before, such as those of the checkpoints of the same models.

    Raises:
        InputError: If a file is not such a result, the choice of task or metric is open, less of the metric is better,
            files collide or were scored by different metrics, a merged row is there twice, or nothing is found; names
            the file and the key.
    """
    if step is not None and "{step}" in layout:
        raise InputError(f"step must be given once, got {step:g} and {{step}} in the layout {layout!r}", field="step")
    if step is not None and not (math.isfinite(step) and step >= 0):
        raise InputError(f"step must be a number >= 0, got {step:g}", field="step")
    taken: list[_Result] = []
    skipped: list[tuple[str, str]] = []
    for found in find_files(folder, layout, ("model",) if step is not None else ("model", "step")):
        if found.values is None:
            skipped.append((found.relative, found.skipped or ""))
            continue
        values = found.values if step is None else {**found.values, "step": repr(float(step))}
        results = _read(found, values, metric, tasks)
        if not results:
            skipped.append((found.relative, f"holds none of the tasks {', '.join(tasks or ())}"))
        taken += results
    if not taken:
        raise InputError(_nothing(layout, skipped), file=os.fspath(folder))
    chosen, dropped = _one_per_cell(taken, newest)
    summary = _summary(chosen, [*skipped, *dropped])
    rows = [result.row for result in chosen]
    if merge:
        rows = _merged(rows, merge)
        summary = replace(summary, notes=(*summary.notes, *_incomplete(rows)))
    return LmEvalImport(rows=tuple(rows), summary=summary)


@dataclass(frozen=True, kw_only=True)
class _Result:
    row: TrajectoryRow
    relative: str
    file: LmEvalFile
    score: TaskScore

    @property
    def benchmark(self) -> str:
        return self.row.benchmark or ""


def _read(found: Found, values: Mapping[str, str], metric: str | None, tasks: Sequence[str] | None) -> list[_Result]:
    file = LmEvalFile(found.path)
    results: list[_Result] = []
    for task, benchmark in _wanted(file, values.get("task"), tasks):
        score = file.score(task, metric)
        try:
            row = TrajectoryRow(
                benchmark=benchmark,
                model=values["model"],
                step=float(values["step"]),
                score=score.score,
                stderr=score.stderr,
                n_items=score.n_items,
                seed=values.get("seed"),
            )
        except InputError as error:
            key = f"results.{task}.{score.metric}" if error.field == "score" else error.field
            raise InputError(error.message, file=file.source, field=key) from None
        results.append(_Result(row=row, relative=found.relative, file=file, score=score))
    return results


def _wanted(file: LmEvalFile, in_layout: str | None, tasks: Sequence[str] | None) -> list[tuple[str, str]]:
    """Which tasks of a file to take, each with the name of its benchmark."""
    if in_layout is None and tasks is not None:
        return [(task, task) for task in dict.fromkeys(tasks) if task in file.tasks()]
    if in_layout is not None and tasks is not None and in_layout not in tasks:
        return []
    if in_layout is not None and in_layout in file.tasks():
        return [(in_layout, in_layout)]
    only = file.only_task()
    return [(only, in_layout or only)]


def _one_per_cell(results: Iterable[_Result], newest: bool) -> tuple[list[_Result], list[tuple[str, str]]]:
    cells: dict[tuple[str, str, str, float], list[_Result]] = {}
    for result in results:
        row = result.row
        cells.setdefault((result.benchmark, row.model, row.seed or "", row.step), []).append(result)
    chosen: list[_Result] = []
    dropped: list[tuple[str, str]] = []
    for key in sorted(cells):
        best = cells[key][0] if len(cells[key]) == 1 else _newest(cells[key], newest)
        chosen.append(best)
        dropped += [(other.relative, f"older than {best.relative}") for other in cells[key] if other is not best]
    return chosen, dropped


def _newest(rivals: Sequence[_Result], newest: bool) -> _Result:
    row, files = rivals[0].row, ", ".join(result.relative for result in rivals)
    cell = f"several files hold {row.benchmark} of {row.model} at step {row.step:g} ({files})"
    if not newest:
        raise InputError(f"{cell}; narrow the layout, or ask for the newest")
    dates = {result.file.date: result for result in rivals if result.file.date is not None}
    if len(dates) == len(rivals):
        return dates[max(dates)]
    stamps = {result.file.stamp: result for result in rivals if result.file.stamp is not None}
    if len(stamps) == len(rivals):
        return stamps[max(stamps)]
    raise InputError(f"{cell}; neither their dates nor their names tell which is the newest")


def _merged(rows: Sequence[TrajectoryRow], before: Sequence[TrajectoryRow]) -> list[TrajectoryRow]:
    """Both sorted as one; a score that both hold is a complaint, and so is a model written in two ways."""
    problems: list[InputError] = []
    if any(row.benchmark is None for row in before):
        raise InputError("merged rows must name their benchmark", field="merge")
    known = {_key(row) for row in before}
    for row in rows:
        if _key(row) in known:
            problems.append(
                InputError(f"merged rows hold {row.benchmark} of {row.model} at step {row.step:g} too", field="merge")
            )
    written: dict[str, list[str]] = {}
    for row in (*before, *rows):
        spellings = written.setdefault(row.model.casefold(), [])
        if spellings and row.model not in spellings:
            must = (
                f"model must be written in one way, got {row.model!r} and {spellings[0]!r}, which differ only by case"
            )
            problems.append(InputError(must, field="merge"))
        spellings.append(row.model)
    if problems:
        raise together(problems)
    return sorted((*before, *rows), key=lambda row: (row.benchmark or "", row.model, row.seed or "", row.step))


def _key(row: TrajectoryRow) -> tuple[str | None, str, str | None, float]:
    return row.benchmark, row.model, row.seed, row.step


def _incomplete(rows: Sequence[TrajectoryRow]) -> list[str]:
    """Which models of a merge were measured at one step only: their names may differ between the two trees."""
    steps: dict[str, set[float]] = {}
    for row in rows:
        steps.setdefault(row.model, set()).add(row.step)
    single = [f"{model} (step {min(found):,.6g})" for model, found in steps.items() if len(found) == 1]
    return [f"measured at one step only: {', '.join(single)}"] if single else []


def _nothing(layout: str, skipped: Sequence[tuple[str, str]]) -> str:
    if not skipped:
        return "holds no files"
    name, reason = skipped[0]
    return f"no file gives a result for the layout {layout!r}; the first of {len(skipped)} is {name} ({reason})"


def _summary(results: Sequence[_Result], skipped: Sequence[tuple[str, str]]) -> ImportSummary:
    notes: list[str] = []
    limited = [result.relative for result in results if result.score.limited]
    if limited:
        notes.append(f"{len(limited)} results score only a part of their test set, the first in {limited[0]}")
    metrics: dict[str, str] = {}
    for benchmark in dict.fromkeys(result.benchmark for result in results):
        of_it = [result for result in results if result.benchmark == benchmark]
        metrics[benchmark] = _common_metric(benchmark, of_it)
        for condition in of_it[0].score.conditions:
            found = sorted({result.score.conditions[condition] for result in of_it})
            if len(found) > 1:
                notes.append(f"files of {benchmark} differ in {condition}: {', '.join(found)}")
    return ImportSummary(
        files=len({result.relative for result in results}),
        models=tuple(sorted({result.row.model for result in results})),
        steps=tuple(sorted({result.row.step for result in results})),
        metrics=metrics,
        without_stderr=sum(result.row.stderr is None for result in results),
        skipped=tuple(skipped),
        notes=tuple(notes),
    )


def _common_metric(benchmark: str, results: Sequence[_Result]) -> str:
    first = {result.score.metric: result.relative for result in reversed(results)}
    if len(first) > 1:
        found = "; ".join(f"{metric} in {relative}" for metric, relative in sorted(first.items()))
        raise InputError(f"metric must be the same in all files of {benchmark}, got {found}; the metric must name one")
    return results[0].score.metric
