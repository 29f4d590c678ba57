"""Measured scores along tuning: the value every calibration starts from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from headstart.contest.arrays import BoolArray, FloatArray, IntArray
from headstart.data.columns import (
    Column,
    Line,
    Place,
    binomial_stderr,
    complaint,
    find_bad_rows,
    read_costs,
    read_numbers,
)
from headstart.data.outcomes import (
    Divergence,
    OutcomeName,
    RunOutcome,
    Unscored,
    find_divergences,
    read_outcomes,
)
from headstart.data.rows import TrajectoryRow
from headstart.errors import InputError, together


@dataclass(frozen=True, kw_only=True, eq=False)
class PerModel:
    """Trajectories as one padded table: a line per model, its distinct steps in rising order.

    Args:
        step: Distinct steps of each model; 0 where padded.
        score: Mean over the replicates of that step.
        stderr: Standard error of that mean; nan where nothing is known about it.
        replicates: How many rows were averaged.
        present: False where the table is padded.
    """

    step: Float[FloatArray, "models points"]
    score: Float[FloatArray, "models points"]
    stderr: Float[FloatArray, "models points"]
    replicates: Int[IntArray, "models points"]
    present: Bool[BoolArray, "models points"]

    @property
    def points(self) -> Int[IntArray, " models"]:
        """Number of distinct steps of each model."""
        return self.present.sum(axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectories:
    """Scores of several models on one benchmark after several amounts of tuning, in long form.

    Args:
        benchmark: Name of the benchmark.
        models: Names, in order of their first score.
        model: Index into ``models``, one per row.
        step: Tuning effort of the row, >= 0.
        score: Score of the row, within ``score_range``.
        stderr: Standard error of the score, >= 0; nan where unknown.
        seed: Name of the replicate, or None; (model, step, seed) is unique.
        cost_per_step: Cost of one step of each model, > 0, in ``cost_unit``.
        cost_unit: Unit of cost; ``"steps"`` when costs were not given.
        score_range: Smallest and largest possible score.
        outcome: How the run of each row ended, as its file says; nothing said when left out.
        plan_hash: Hash of the sealed plan behind each row, or None; all None when left out.
        unscored: Steps without a score, because the run diverged before them; no part of the rows.
        untunable: Direct scores of the contestants that cannot be tuned, all at step 0; None without any. They are no
            part of ``models`` and of nothing that is fitted.
        notes: What the reader of their file left out or took for granted, a sentence each.

    Raises:
        InputError: If lengths differ, a number is out of range or missing, or a row is repeated.
    """

    benchmark: str
    models: tuple[str, ...]
    model: Int[IntArray, " rows"]
    step: Float[FloatArray, " rows"]
    score: Float[FloatArray, " rows"]
    stderr: Float[FloatArray, " rows"]
    seed: tuple[str | None, ...]
    cost_per_step: Float[FloatArray, " models"]
    cost_unit: str = "steps"
    score_range: tuple[float, float] = (0.0, 1.0)
    outcome: tuple[OutcomeName | None, ...] = ()
    plan_hash: tuple[str | None, ...] = ()
    unscored: tuple[Unscored, ...] = ()
    untunable: Trajectories | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows, models = len(self.model), len(self.models)
        for name in ("outcome", "plan_hash"):
            if not getattr(self, name):
                object.__setattr__(self, name, (None,) * rows)
        for name, values, wanted in (
            ("step", self.step, rows),
            ("score", self.score, rows),
            ("stderr", self.stderr, rows),
            ("seed", self.seed, rows),
            ("outcome", self.outcome, rows),
            ("plan_hash", self.plan_hash, rows),
            ("cost_per_step", self.cost_per_step, models),
        ):
            if len(values) != wanted:
                raise InputError(f"{name} must be {wanted} values long, got {len(values)}")
        if rows == 0:
            raise InputError("trajectories must be at least one row, got none")
        low, high = self.score_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InputError(f"score_range must be two finite numbers, low < high, got {self.score_range}")
        if len(set(self.models)) != models or not all(self.models):
            raise InputError(f"models must be distinct non-empty names, got {self.models}")
        if set(np.unique(self.model).tolist()) != set(range(models)):
            raise InputError(f"model must be indices that use each of 0..{models - 1}")
        bad = find_bad_rows(
            self.models,
            self.model,
            self.step,
            self.score,
            self.stderr,
            self.seed,
            self.score_range,
            range(rows),
        )
        if bad:
            raise together(
                [
                    InputError(f"{message} (row {row} of the trajectories, counted from 0)", field=field)
                    for row, field, message in bad
                ]
            )
        bad_cost = ~(np.isfinite(self.cost_per_step) & (self.cost_per_step > 0))
        if bad_cost.any():
            at = int(np.flatnonzero(bad_cost)[0])
            raise InputError(
                f"cost_per_step must be a positive number, got {self.cost_per_step[at]} for model {self.models[at]!r}"
            )
        for array in (self.model, self.step, self.score, self.stderr, self.cost_per_step):
            array.setflags(write=False)

    @classmethod
    def of_benchmark(
        cls, name: str, scored: Sequence[tuple[TrajectoryRow, Place]], *, score_range: tuple[float, float], source: str
    ) -> Trajectories:
        """The scores of one benchmark alone: no costs, outcomes or seals.

        Args:
            name: Of the benchmark.
            scored: Its rows and their places, each with a score.
            score_range: Smallest and largest possible score.
            source: File name for error messages.

        Raises:
            InputError: As ``from_rows``.
        """
        rows = [row for row, _ in scored]
        return cls.from_rows(
            benchmark=name,
            model=[row.model for row in rows],
            step=[row.step for row in rows],
            score=[row.score for row in rows],
            stderr=[row.stderr for row in rows],
            n_items=[row.n_items for row in rows],
            seed=[row.seed for row in rows],
            score_range=score_range,
            source=source,
            rows=[place for _, place in scored],
        )

    @classmethod
    def from_rows(
        cls,
        *,
        model: Column,
        step: Column,
        score: Column,
        stderr: Column | None = None,
        n_items: Column | None = None,
        seed: Column | None = None,
        cost_per_step: Column | float | None = None,
        outcome: Column | None = None,
        plan_hash: Column | None = None,
        benchmark: str = "benchmark",
        cost_unit: str | None = None,
        score_range: tuple[float, float] = (0.0, 1.0),
        source: str = "trajectories",
        first_row: int = 1,
        rows: Sequence[Line] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Trajectories:
        """Build from columns, one entry per row, naming file, row and field of every mistake.

        Args:
            model: Model names.
            step: Tuning efforts, >= 0.
            score: Scores within ``score_range``; None where the run diverged before the step.
            stderr: Standard errors; None or nan where unknown.
            n_items: Numbers of test items, which give a binomial standard error where ``stderr`` is unknown and
                ``score_range`` is that of a share or a percentage (the range is rescaled to [0, 1]).
            seed: Names of replicates; None where there is only one.
            cost_per_step: A number for all models, or a column that is constant within each model. Rows without a score
                and those of untunable contestants need none.
            outcome: How the run of the row ended; None or an empty text where nothing is said.
            plan_hash: Hashes of the sealed plan; None where there is none.
            benchmark: Name of the benchmark.
            cost_unit: Unit of ``cost_per_step``; ``"steps"`` without one.
            score_range: Smallest and largest possible score.
            source: File name for error messages.
            first_row: Line number of the first entry in that file.
            rows: Line numbers or places of the entries, where they are not consecutive (as with several benchmarks).
            notes: See the class.

        Raises:
            InputError: With file, row and field of every bad value.
        """
        names = [None if name is None else str(name).strip() for name in model]
        lines = list(rows) if rows is not None else list(range(first_row, first_row + len(names)))
        columns = {"step": step, "score": score, "stderr": stderr, "n_items": n_items, "seed": seed}
        columns |= {"outcome": outcome, "plan_hash": plan_hash}
        for field, column in columns.items():
            if column is not None and len(column) != len(names):
                raise InputError(f"{field} must be {len(names)} values long, got {len(column)}", file=source)
        if not names:
            raise InputError("trajectories must be at least one row, got none", file=source)
        problems = [
            complaint("model must be a name, got nothing", source=source, line=line, field="model")
            for line, name in zip(lines, names, strict=True)
            if not name
        ]
        models = tuple(dict.fromkeys(str(name) for name in names))
        index = {name: position for position, name in enumerate(models)}
        which = np.array([index[str(name)] for name in names], dtype=np.int64)

        def numbers(column: Column | None, field: str) -> FloatArray:
            return read_numbers(column, field, lines, source, problems)

        low, high = score_range
        scores, errors, items = numbers(score, "score"), numbers(stderr, "stderr"), numbers(n_items, "n_items")
        steps = numbers(step, "step")
        for at in np.flatnonzero(~np.isnan(items) & ~((items >= 1) & np.isfinite(items))):
            message = f"n_items must be a number >= 1, got {items[at]:g}"
            problems.append(complaint(message, source=source, line=lines[at], field="n_items"))
        if problems:  # what follows would complain about their consequences
            raise together(problems)
        if high > low:
            share = np.clip((scores - low) / (high - low), 0.0, 1.0)
            errors = np.where(np.isnan(errors), (high - low) * binomial_stderr(share, items), errors)
        given_seeds = seed if seed is not None else [None] * len(names)
        seeds = tuple(None if value is None or value == "" else str(value) for value in given_seeds)
        hashes = tuple(plan_hash) if plan_hash is not None else (None,) * len(names)
        told = read_outcomes(outcome, [str(name) for name in names], steps.tolist(), lines, source, problems)
        unscored = np.isnan(scores) & np.array([value == "diverged" for value in told])
        bad = find_bad_rows(models, which, steps, scores, errors, seeds, score_range, lines, unscored)
        problems += [complaint(message, source=source, line=lines[row], field=field) for row, field, message in bad]
        apart = np.array([value == "untunable" for value in told])
        costs = read_costs(cost_per_step, which, models, ~(unscored | apart), lines, source, problems)
        if problems:
            raise together(problems)
        scored = np.flatnonzero(~unscored)
        if apart[scored].all():
            raise InputError("trajectories must hold a score of a model that can be tuned, got none", file=source)
        places: list[int] = scored.tolist()
        owners: list[int] = which[scored].tolist()
        place_of = {owner: at for at, owner in enumerate(dict.fromkeys(owners))}  # in order of their first score
        lost: list[int] = np.flatnonzero(unscored).tolist()
        whole = cls(
            benchmark=benchmark,
            models=tuple(models[owner] for owner in place_of),
            model=np.array([place_of[owner] for owner in owners], dtype=np.int64),
            step=steps[scored],
            score=scores[scored],
            stderr=errors[scored],
            seed=tuple(seeds[at] for at in places),
            cost_per_step=np.nan_to_num(
                costs[list(place_of)], nan=1.0
            ),  # a contestant that cannot be tuned has no cost
            cost_unit=cost_unit or ("steps" if cost_per_step is None else "cost units"),
            score_range=(float(low), float(high)),
            outcome=tuple(told[at] for at in places),
            plan_hash=tuple(hashes[at] for at in places),
            unscored=tuple(
                Unscored(model=str(names[at]), step=float(steps[at]), seed=seeds[at], plan_hash=hashes[at])
                for at in lost
            ),
            notes=notes,
        )
        return whole._set_apart(apart[scored])

    def _set_apart(self, untunable: Bool[BoolArray, " rows"]) -> Trajectories:
        if not untunable.any():
            return self
        direct = replace(self.where(untunable), cost_unit="steps", unscored=(), notes=())
        return replace(self.where(~untunable), untunable=direct)

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """The runs that diverged before a step at which they were to be scored."""
        return find_divergences(self.unscored)

    @property
    def without_score(self) -> tuple[str, ...]:
        """The models that diverged before every score, so that ``models`` does not name them."""
        return tuple(dict.fromkeys(row.model for row in self.unscored if row.model not in self.models))

    @property
    def outcomes(self) -> tuple[RunOutcome, ...]:
        """What the file says about each run, model by model; nothing for the runs it says nothing about."""
        owner: list[int] = self.model.tolist()
        names = (*self.models, *self.without_score)
        runs = [
            RunOutcome(model=names[at], seed=seed, outcome=outcome)
            for at, seed, outcome in zip(owner, self.seed, self.outcome, strict=True)
            if outcome is not None
        ]
        runs += [RunOutcome(model=row.model, seed=row.seed, outcome="diverged") for row in self.unscored]
        return tuple(sorted(dict.fromkeys(runs), key=lambda run: names.index(run.model)))

    def where(self, rows: Bool[BoolArray, " rows"]) -> Trajectories:
        """The rows marked, with the models that have any."""
        kept = np.flatnonzero(rows)
        used, model = np.unique(self.model[kept], return_inverse=True)
        named: list[int] = used.tolist()
        places: list[int] = kept.tolist()
        return replace(
            self,
            models=tuple(self.models[at] for at in named),
            model=model.astype(np.int64),
            step=self.step[kept],
            score=self.score[kept],
            stderr=self.stderr[kept],
            seed=tuple(self.seed[at] for at in places),
            outcome=tuple(self.outcome[at] for at in places),
            plan_hash=tuple(self.plan_hash[at] for at in places),
            cost_per_step=self.cost_per_step[used],
        )

    def per_model(self) -> PerModel:
        """Average the replicates of each (model, step).

        Every seed is tested on the same items, so the item noise is not averaged away: the variance of the mean is the
        rows' own mean squared standard error plus (variance between seeds) / (number of seeds), the latter pooled over
        the model's replicated steps. Without any standard error the second part stands alone; it is nan where a
        step has neither.
        """
        order = np.lexsort((self.score, self.step, self.model))
        key = np.stack([self.model[order].astype(np.float64), self.step[order]])
        starts = np.flatnonzero(np.r_[True, (np.diff(key, axis=1) != 0).any(axis=0)])
        count = np.diff(np.r_[starts, len(order)])
        owner, value = self.model[order][starts], self.score[order]
        mean = np.add.reduceat(value, starts) / count
        spread = np.add.reduceat((value - np.repeat(mean, count)) ** 2, starts)
        freedom = np.bincount(owner, weights=count - 1, minlength=len(self.models))
        with np.errstate(invalid="ignore"):
            between = np.bincount(owner, weights=spread, minlength=len(self.models)) / freedom
        between = np.where(freedom > 0, between, np.nan)[owner] / count
        own = np.add.reduceat(self.stderr[order] ** 2, starts) / count
        variance = np.where(np.isnan(own), np.where(count > 1, between, np.nan), own + np.nan_to_num(between))
        first = np.searchsorted(owner, np.arange(len(self.models)))
        column = np.arange(len(starts)) - first[owner]
        shape = (len(self.models), int(column.max()) + 1)

        def table(values: NDArray[Any], empty: float) -> NDArray[Any]:
            out = np.full(shape, empty, dtype=values.dtype)
            out[owner, column] = values
            return out

        return PerModel(
            step=table(self.step[order][starts], 0.0),
            score=table(mean, np.nan),
            stderr=table(np.sqrt(variance), np.nan),
            replicates=table(count, 0),
            present=table(np.ones(len(starts), dtype=np.bool_), False),
        )
