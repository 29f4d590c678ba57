"""The score curves of a suite: one per model and task, with what a step costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from headstart.contest.arrays import FloatArray, IntArray, frozen, require
from headstart.contest.curves import LogitPower
from headstart.contest.tables import CurveTable
from headstart.data.trajectories import Trajectories
from headstart.errors import InputError
from headstart.fitting.fit import Fit, fit
from headstart.fitting.sample import OnForgetting
from headstart.progress import Progress


@dataclass(frozen=True, kw_only=True, eq=False)
class SuiteCurves:
    """Score curves of the same models on every task of a suite.

    Args:
        models: Names of the models.
        tasks: Names of the tasks.
        table: Curves, task by task within each model: row ``i * tasks + t`` is that of model i on task t.
        cost_per_step: Cost of one step, > 0, in ``cost_unit``.
        cost_unit: Unit of costs.
        draws: Plausible curves, fields of shape (draws, models, tasks); None where curves are known or no draws exist.
        left_out: Models that lack a curve on some task, each with the reason.
        measured_to: Largest measured step; None where curves are known.
        stderr: Typical standard error of a score (median over the measured steps), nan where unknown; None where curves
            are known.

    Raises:
        InputError: If lengths do not fit, names repeat or a cost is not a finite number > 0.
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    table: CurveTable
    cost_per_step: Float[FloatArray, "models tasks"]
    cost_unit: str = "steps"
    draws: LogitPower | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    measured_to: Float[FloatArray, "models tasks"] | None = None
    stderr: Float[FloatArray, "models tasks"] | None = None

    def __post_init__(self) -> None:
        shape = len(self.models), len(self.tasks)
        for name, known in (("models", self.models), ("tasks", self.tasks)):
            require(len(set(known)) == len(known) > 0, name, "distinct names, at least one", known)
        require(len(self.table) == shape[0] * shape[1], "table", f"{shape[0] * shape[1]} curves long", len(self.table))
        costs = frozen(np.broadcast_to(np.asarray(self.cost_per_step, dtype=np.float64), shape))
        require(bool((np.isfinite(costs) & (costs > 0)).all()), "cost_per_step", "finite and > 0", costs)
        object.__setattr__(self, "cost_per_step", costs)

    @classmethod
    def of(
        cls,
        models: Sequence[str],
        curves: Mapping[str, CurveTable],
        *,
        cost_per_step: ArrayLike = 1.0,
        unit: str = "steps",
    ) -> Self:
        """Curves that are known.

        Args:
            models: Names of the models.
            curves: For each task, the curves of the models in their order.
            cost_per_step: Broadcastable to (models, tasks).
            unit: Unit of costs.

        Raises:
            InputError: If a table is not as long as the list of models.

        >>> from headstart.contest.curves import Linear
        >>> rising = CurveTable.batch(Linear(intercept=[0.6, 0.5], slope=0.01), 2)
        >>> SuiteCurves.of(["a", "b"], {"maths": rising, "code": rising}).scores(10.0).round(2).tolist()
        [[0.7, 0.7], [0.6, 0.6]]
        """
        n, tasks = len(models), tuple(curves)
        require(bool(tasks), "curves", "of at least one task", "none")
        for task, known in curves.items():
            require(len(known) == n, f"curves of {task}", f"{n} long, one per model", len(known))
        items = [curves[task][i] for i in range(n) for task in tasks]
        costs = np.broadcast_to(np.asarray(cost_per_step, dtype=np.float64), (n, len(tasks)))
        return cls(models=tuple(models), tasks=tasks, table=CurveTable.of(items), cost_per_step=costs, cost_unit=unit)

    @classmethod
    def of_fits(cls, fits: Mapping[str, Fit]) -> Self:
        """Fitted curves with their posterior draws; models without a curve on some task are left out and named.

        Raises:
            InputError: If costs have different units, or fewer than two models have a curve on every task.
        """
        require(bool(fits), "fits", "of at least one task", "none")
        units = sorted({found.trajectories.cost_unit for found in fits.values()})
        require(len(units) == 1, "cost_unit", "the same for every task", ", ".join(units))
        named = dict.fromkeys(name for found in fits.values() for name in found.models)
        lacking = {name: [task for task, found in fits.items() if name not in found.models] for name in named}
        kept = [name for name, tasks in lacking.items() if not tasks]
        if len(kept) < 2:
            raise InputError(f"a suite must be of at least two models with a curve on every task, got {len(kept)}")
        at = {task: [found.models.index(name) for name in kept] for task, found in fits.items()}
        fields = {
            name: np.stack([getattr(fits[task].curves, name)[at[task]] for task in fits], axis=1).ravel()
            for name in ("L", "U", "alpha", "beta")
        }
        count = min(len(found.draws.L) for found in fits.values())
        drawn = {
            name: np.stack([getattr(fits[task].draws, name)[:count, at[task]] for task in fits], axis=2)
            for name in ("L", "U", "alpha", "beta")
        }
        return cls(
            models=tuple(kept),
            tasks=tuple(fits),
            table=CurveTable.batch(LogitPower(**fields), len(kept) * len(fits)),
            cost_per_step=np.stack([fits[task].cost_per_step[at[task]] for task in fits], axis=1),
            cost_unit=units[0],
            draws=LogitPower(**drawn),
            left_out=tuple((name, f"no curve on {', '.join(tasks)}") for name, tasks in lacking.items() if tasks),
            measured_to=np.stack([fits[task].max_step[at[task]] for task in fits], axis=1),
            stderr=np.stack([_typical_stderr(fits[task].trajectories, kept) for task in fits], axis=1),
        )

    @classmethod
    def fitted(
        cls,
        trajectories: Mapping[str, Trajectories],
        *,
        draws: int = 200,
        seed: int = 0,
        on_forgetting: OnForgetting = "keep",
        progress: Progress | None = None,
    ) -> Self:
        """Curves fitted to the trajectories of every task.

        Every task has a seed of its own. A fit draws a model's curve by numbers that its name and the seed decide, so
        that one seed for all would make errors of different tasks move together.

        Args:
            trajectories: By task.
            draws: Posterior draws, >= 2.
            seed: Of the draws.
            on_forgetting: See ``headstart.fitting.fit.fit``.
            progress: Called as the work proceeds.

        Raises:
            InputError: As ``fit`` and ``of_fits`` do, with the task's name.
        """
        fits: dict[str, Fit] = {}
        for place, (task, measured) in enumerate(trajectories.items()):
            own = seed + 1_000_003 * place
            fits[task] = fit(measured, draws=draws, seed=own, on_forgetting=on_forgetting, progress=progress)
        return cls.of_fits(fits)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of models and tasks."""
        return len(self.models), len(self.tasks)

    def scores(self, level: float) -> Float[FloatArray, "models tasks"]:
        """Scores of all models after ``level`` steps on every task."""
        return self.table.score(level).reshape(self.shape)

    def rows(self, model: IntArray) -> CurveTable:
        """The curves of some models, ``len(model) * tasks`` rows, task by task within each."""
        tasks = len(self.tasks)
        return self.table.take((np.asarray(model)[:, None] * tasks + np.arange(tasks)).ravel())

    def only(self, tasks: IntArray) -> SuiteCurves:
        """The suite of some of its tasks, in the order given."""
        n, count = self.shape
        rows = (np.arange(n)[:, None] * count + np.asarray(tasks)).ravel()
        drawn = None if self.draws is None else self.draws.map(lambda values: values[:, :, tasks])
        return replace(
            self,
            tasks=tuple(self.tasks[int(t)] for t in tasks),
            table=self.table.take(rows),
            cost_per_step=self.cost_per_step[:, tasks],
            draws=drawn,
            measured_to=None if self.measured_to is None else self.measured_to[:, tasks],
            stderr=None if self.stderr is None else self.stderr[:, tasks],
        )


def _typical_stderr(measured: Trajectories, models: Sequence[str]) -> FloatArray:
    """Median standard error over the measured steps of each model; nan where one is unknown."""
    table = measured.per_model()
    places = [measured.models.index(name) for name in models]
    return np.array([float(np.median(table.stderr[at][table.present[at]])) for at in places])
