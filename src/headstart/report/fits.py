"""Fitted curves and imports, as text and as JSON data (schema ``headstart.fit/1``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from headstart.auditing.notes import diverged_note
from headstart.data.lm_eval import ImportSummary
from headstart.fitting.fit import Fit
from headstart.rank import quantile_interval
from headstart.report.console import stdout

PARAMETERS = ("L", "U", "alpha", "beta")


def fit_document(fit: Fit) -> dict[str, Any]:
    """The fit as JSON data; a standard error or chi-square that does not exist is null beside a reason."""
    return {
        "benchmark": fit.trajectories.benchmark,
        "models": [_model(fit, m) for m in range(len(fit.models))],
        "excluded": [{"name": e.name, "reason": e.reason} for e in fit.excluded],
        "untunable": list(_untunable(fit)),
        "diverged": [{"model": d.model, "seed": d.seed, "step": d.step} for d in fit.trajectories.divergences],
    }


def _untunable(fit: Fit) -> tuple[str, ...]:
    """Names of the contestants that cannot be tuned, and so have no curve."""
    return () if fit.trajectories.untunable is None else fit.trajectories.untunable.models


def _model(fit: Fit, m: int) -> dict[str, Any]:
    chi2 = float(fit.chi2_per_point[m])
    known = bool(np.isfinite(chi2))
    return {
        "name": fit.models[m],
        "curve": {"kind": "logit_power"} | {p: float(getattr(fit.curves, p)[m]) for p in PARAMETERS},
        "standard_errors": {p: float(fit.standard_errors[p][m]) for p in PARAMETERS},
        "rmse": float(fit.rmse[m]),
        "chi2_per_point": chi2 if known else None,
        "chi2_per_point_reason": None if known else "the scores have no standard errors",
        "max_step": float(fit.max_step[m]),
        "points": int(fit.points[m]),
        "flags": list(fit.flags[m]),
        "treatment": fit.treatment[m],
    }


def print_fit(fit: Fit) -> None:
    """One row per model: untuned score, score at its last measured step, ceiling with intervals, quality, flags."""
    console = stdout()
    table = Table(title=f"Fitted score curves, {fit.trajectories.benchmark}", box=None, pad_edge=False)
    for name, justify in (("model", "left"), ("untuned", "right"), ("last measured", "right"), ("ceiling", "right"),
                          ("rmse", "right"), ("chi2/point", "right"), ("flags", "left")):  # fmt: skip
        table.add_column(name, justify=justify)  # pyright: ignore[reportArgumentType]
    low, high = quantile_interval(fit.draws.U)
    untuned, last = fit.curves.score(0.0), fit.curves.score(fit.max_step)
    for m, name in enumerate(fit.models):
        chi2 = fit.chi2_per_point[m]
        table.add_row(
            name, f"{untuned[m]:.3f}", f"{last[m]:.3f}", f"{fit.curves.U[m]:.3f} ({low[m]:.3f} to {high[m]:.3f})",
            f"{fit.rmse[m]:.4f}", f"{chi2:.1f}" if np.isfinite(chi2) else "-", ", ".join(fit.flags[m]),
        )  # fmt: skip
    console.print(table)
    for excluded in fit.excluded:
        console.print(f"left out: {excluded.name} ({excluded.reason})", markup=False)
    for name in _untunable(fit):
        console.print(f"left out: {name} (it cannot be tuned, so there is no curve to fit)", markup=False)
    if fit.trajectories.divergences:
        console.print(diverged_note(fit.trajectories.divergences), markup=False)
    for name, treatment in zip(fit.models, fit.treatment, strict=True):
        if treatment:
            console.print(f"{name}: {treatment}", markup=False)


def print_import(summary: ImportSummary) -> None:
    """What was read, what was skipped and what a reader should know."""
    console = Console(stderr=True)
    console.print(f"read {summary.files} files: {len(summary.models)} models, {len(summary.steps)} steps", markup=False)
    for benchmark, metric in summary.metrics.items():
        console.print(f"{benchmark}: {metric}", markup=False)
    if summary.without_stderr:
        console.print(f"{summary.without_stderr} scores have no standard error", markup=False)
    for path, reason in summary.skipped:
        console.print(f"skipped {path}: {reason}", markup=False)
    for note in summary.notes:
        console.print(note, markup=False)
