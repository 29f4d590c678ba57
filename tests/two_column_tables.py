"""Small made-up tables of scores before and after tuning, in every layout that is read."""

import json
from dataclasses import dataclass

import numpy as np

from headstart.data.two_columns import TwoColumns


@dataclass(frozen=True)
class Made:
    """Scores and standard errors, tasks x models."""

    models: tuple
    tasks: tuple
    direct: np.ndarray
    tuned: np.ndarray
    stderr: float


def made_up(models=12, tasks=4, *, own=1.0, stderr=0.01, seed=0):
    """Models of one common strength; direct scores also depend on ``own`` times a strength for the task."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(size=models)
    direct = 0.5 + 0.1 * np.tanh(strength + own * rng.normal(size=(tasks, models)))
    tuned = 0.6 + 0.1 * np.tanh(strength + 0.1 * rng.normal(size=(tasks, models)))
    return Made(
        models=tuple(f"model-{at}" for at in range(models)),
        tasks=tuple(f"task-{at}" for at in range(tasks)),
        direct=direct.round(4),
        tuned=tuned.round(4),
        stderr=stderr,
    )


def nested(made, names=("direct_eval", "train_before_test"), errors=True):
    """``{column: {task: {model: value}}}``."""

    def table(values):
        return {
            task: {model: float(values[t, m]) for m, model in enumerate(made.models)}
            for t, task in enumerate(made.tasks)
        }

    document = dict(zip(names, (table(made.direct), table(made.tuned)), strict=True))
    if errors:
        document |= {f"{name}_stderr": table(np.full_like(made.direct, made.stderr)) for name in names}
    return document


def wide(made, names=("direct", "tuned"), task="task"):
    """One row for each task and model, as CSV."""
    lines = [f"model,{task},{names[0]},{names[1]},{names[0]}_stderr,{names[1]}_stderr"]
    for t, name in enumerate(made.tasks):
        for m, model in enumerate(made.models):
            lines.append(f"{model},{name},{made.direct[t, m]},{made.tuned[t, m]},{made.stderr},{made.stderr}")
    return "\n".join(lines) + "\n"


def long(made, words=("direct", "tuned"), level="level"):
    """One row for each score, as CSV."""
    lines = [f"model,benchmark,{level},score,stderr"]
    for t, name in enumerate(made.tasks):
        for m, model in enumerate(made.models):
            for word, values in zip(words, (made.direct, made.tuned), strict=True):
                lines.append(f"{model},{name},{word},{values[t, m]},{made.stderr}")
    return "\n".join(lines) + "\n"


def texts(made):
    """File name and content of every layout."""
    records = [dict(zip(long(made).splitlines()[0].split(","), row, strict=True)) for row in _rows(long(made))]
    columns = {name: [record[name] for record in records] for name in records[0]}
    return {
        "nested.json": json.dumps(nested(made)),
        "plain.json": json.dumps(nested(made, ("direct", "tuned"))),
        "records.json": json.dumps(records),
        "columns.json": json.dumps(columns),
        "lines.jsonl": "\n".join(json.dumps(record) for record in records),
        "wide.csv": wide(made),
        "wide.tsv": wide(made).replace(",", "\t"),
        "lm-harmony-names.csv": wide(made, ("direct_eval", "train_before_test"), "benchmark"),
        "long.csv": long(made),
        "protocol.csv": long(made, ("Direct evaluation", "train-before-test"), "protocol"),
    }


def _rows(text):
    for line in text.splitlines()[1:]:
        model, benchmark, level, score, stderr = line.split(",")
        yield model, benchmark, level, float(score), float(stderr)


def table(direct, tuned, *, stderr=0.01, **changes) -> TwoColumns:
    """Two columns of a benchmark a row, with one standard error for all."""
    before, after = np.atleast_2d(np.asarray(direct, float)), np.atleast_2d(np.asarray(tuned, float))
    errors = np.full_like(before, np.nan if stderr is None else stderr)
    values = {
        "models": tuple("abcdefghijklmnop"[: before.shape[1]]),
        "benchmarks": tuple(f"t{at}" for at in range(len(before))),
        "direct": before,
        "tuned": after,
        "direct_stderr": errors,
        "tuned_stderr": errors.copy(),
    }
    return TwoColumns(**{**values, **changes})


def of(made) -> TwoColumns:
    return table(made.direct, made.tuned, stderr=made.stderr, models=made.models, benchmarks=made.tasks)
