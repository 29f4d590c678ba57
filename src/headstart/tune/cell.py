# pyright: basic
"""One cell from the first step to the last, continuing wherever it was interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
import torch

from headstart.errors import InputError, Terminated
from headstart.tune.clock import device_seconds
from headstart.tune.encode import Encoder, encoder_for
from headstart.tune.folder import CellFolder, RunFolder, Split
from headstart.tune.items import Task
from headstart.tune.metrics import item_values
from headstart.tune.model_files import FileStamp, check_unchanged
from headstart.tune.models import LoadedModel, load
from headstart.tune.outcomes import DIVERGED, Outcome, judge
from headstart.tune.overlap import unseen_validation
from headstart.tune.plan import Cell
from headstart.tune.score import ItemResult, Scorer
from headstart.tune.state import load_state, save_state
from headstart.tune.tasks import load_task
from headstart.tune.termination import at_once
from headstart.tune.training import Diverged, Tuning

_SAVE_SECONDS = 300.0  # between levels, so that a long way to the next one is not lost either
_REPORT_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class CellJob:
    """What a worker is told; everything else is read from files.

    Args:
        run_folder: Path of the run folder, on storage that every worker shares.
        plan_hash: Of the sealed plan.
        sources: For every split of the task the digest it was sealed with.
        model_files: The files of the model as they were then; empty to trust what is there.
        device: ``cpu``, ``cuda:0``, ``mps`` ...
        threads: CPU threads; part of the seal, because sums depend on how they are cut.
        batch_tokens: Tokens per forward pass when scoring.
    """

    cell: Cell
    run_folder: str
    plan_hash: str
    sources: dict[str, str] = field(default_factory=dict)
    model_files: Mapping[str, FileStamp] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    batch_tokens: int = 2048

    @property
    def folder(self) -> CellFolder:
        """Where the cell's files are."""
        from pathlib import Path

        return RunFolder(path=Path(self.run_folder)).cell(self.cell, plan_hash=self.plan_hash)


def run_cell(job: CellJob, *, alive: Callable[[], None] = lambda: None) -> None:
    """Tune and score until the cell has its outcome; a cell that has one is left alone.

    Args:
        alive: Called after every step; what it raises stops the cell, which loses nothing but the steps since its last
            saved state. On ``Terminated`` the state is saved first.

    Raises:
        ComputationError: If another process runs the cell, the disk is full or memory does not hold one item.
        InputError: If model or task are not what they were when the plan was sealed.
    """
    with job.folder.locked():
        if not has_ended(job):
            with at_once():
                run = _Run(job, alive)
            run.finish()


def has_ended(job: CellJob) -> bool:
    """Whether the cell's outcome and everything it was judged on are on disk."""
    outcome = job.folder.read_outcome()
    if outcome is None:
        return False
    return outcome["outcome"] == DIVERGED or all(
        job.folder.read_level(step, split=split) is not None for split in _scored(job.cell) for step in job.cell.levels
    )


def _scored(cell: Cell) -> tuple[Split, ...]:
    """Splits that are scored at every level; validation items first, so that a test file is the sign of both."""
    return ("validation", "test") if cell.selection is not None else ("test",)


class _Run:
    def __init__(self, job: CellJob, alive: Callable[[], None]) -> None:
        self.job, self.cell, self.folder, self.alive = job, job.cell, job.folder, alive
        torch.set_num_threads(job.threads)
        started = self._now()
        self.spent = _spent_before(self.folder)
        self.reported = 0.0
        self.task = _sealed_task(job)
        self._check_model()
        self.loaded: LoadedModel = load(self.cell.model, device=job.device)
        self._check_model()  # again, for what was written while it was read
        self.encoder: Encoder = encoder_for(self.loaded, self.cell.recipe)
        self.truncated = {
            "train_items_truncated": self.encoder.check(self.task.train).truncated,
            "test_items_truncated": self.encoder.check(self.task.test).truncated,
        }
        self.splits: dict[Split, Task] = {"test": self.task}
        if self.cell.selection is not None:
            metric = self.cell.selection.metric or self.task.metric
            self.splits["validation"] = replace(self.task, metric=metric, test=unseen_validation(self.task))
            self.encoder.check(self.splits["validation"].test)
        self.scorers: dict[Split, Scorer] = {
            split: Scorer(self.loaded, self.encoder, batch_tokens=job.batch_tokens) for split in _scored(self.cell)
        }
        for split, scorer in self.scorers.items():
            scorer.prepare(self.splits[split].test)  # on the weights as they came, so that a resumed run decides alike
        self.tuning = Tuning(
            self.loaded,
            self.encoder,
            self.cell.recipe,
            seed=self.cell.seed,
            total_steps=self.cell.steps,
            packs=self.scorers["test"].path == "tree",
        )
        self.spent["load_seconds"] += self._now() - started

    def _now(self) -> float:
        return device_seconds(self.job.device, threads=self.job.threads)

    def _check_model(self) -> None:
        if self.job.model_files:
            check_unchanged(self.cell.model, self.job.model_files)

    def finish(self) -> None:
        """Go through all levels that are not on disk yet, then say how it ended."""
        levels = self.cell.levels
        splits = _scored(self.cell)
        frames = {step: frame for step in levels if (frame := self.folder.read_level(step)) is not None}
        missing = [step for step in levels if any(self.folder.read_level(step, split=one) is None for one in splits)]
        if missing:
            state = load_state(self.folder, at_most=missing[0])
            if state is not None:
                self.tuning.restore(state)
        try:
            for step in missing:
                self._tune_to(step)
                for split in splits:
                    frames[step] = self._score(step, split)
                    self.folder.write_level(step, frames[step], split=split)
        except Diverged as diverged:
            self._end(Outcome(name=DIVERGED, reason=str(diverged)))
            return
        metric = self.task.metric
        self._end(judge({step: frames[step][metric].to_numpy() for step in levels}))

    def _tune_to(self, step: int) -> None:
        """Take the steps up to ``step`` and keep the state there, so that scoring can be repeated."""
        saved = time.monotonic()
        moved = self.tuning.steps_done < step
        while self.tuning.steps_done < step:
            started = self._now()
            self._step()
            self.spent["train_seconds"] += self._now() - started
            try:
                self._report("tuning")
            except Terminated:
                save_state(self.folder, self.tuning.state())
                raise
            if time.monotonic() - saved > _SAVE_SECONDS:
                save_state(self.folder, self.tuning.state())
                saved = time.monotonic()
        if moved:
            save_state(self.folder, self.tuning.state())
            self._report("scoring", force=True)

    def _step(self) -> None:
        try:
            self.tuning.step_on(self.task.train)
        except InputError as error:
            raise InputError(f"task {self.task.name}, recipe {self.cell.recipe.name}: {error.message}") from None

    def _score(self, step: int, split: Split) -> pl.DataFrame:
        if step:
            return self._score_now(step, split)
        kept = self.folder.untuned(self._untuned_key())
        frame = kept.read_level(0, split=split)
        if frame is None:
            frame = self._score_now(step, split)
            kept.write_level(0, frame, split=split)
        own = {"recipe": pl.lit(self.cell.recipe.name), "seed": pl.lit(self.cell.seed, dtype=pl.Int64)}
        return frame.with_columns(**own)

    def _untuned_key(self) -> str:
        """The same for cells whose untuned scores are the same to the last bit: recipes and seeds have no part in them.

        An adapter adds exact zeros before its first step. What a recipe says of lengths has a part.
        """
        recipe, selection = self.cell.recipe, self.cell.selection
        parts = [self.cell.model.name, self.cell.task.name, self.encoder.max_length, recipe.truncation]
        parts += [recipe.method, selection.metric if selection else None]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    def _score_now(self, step: int, split: Split) -> pl.DataFrame:
        started = self._now()
        with at_once():
            results = self.scorers[split].score(self.splits[split].test)
        if not all(np.isfinite(result.loglikelihoods).all() for result in results):
            raise Diverged(step, f"a {split} item's log-likelihood is not finite")
        frame = self._items(step, self.splits[split], results)
        self.spent["evaluation_seconds"] += self._now() - started
        self._report("scored", force=True)
        return frame

    def _items(self, step: int, task: Task, results: list[ItemResult]) -> pl.DataFrame:
        values = item_values(task, results)
        cell = self.cell
        same = {
            "benchmark": cell.task.name,
            "model": cell.model.name,
            "recipe": cell.recipe.name,
            "seed": cell.seed,
            "step": step,
        }
        frame = pl.DataFrame(
            {
                "item": np.arange(len(results), dtype=np.int64),
                **values,
                "loglikelihoods": pl.Series([list(r.loglikelihoods) for r in results], dtype=pl.List(pl.Float64)),
                "token_counts": pl.Series([list(r.token_counts) for r in results], dtype=pl.List(pl.Int64)),
                "text": pl.Series([r.text for r in results], dtype=pl.String),
                "truncated": pl.Series([r.truncated for r in results], dtype=pl.Boolean),
            }
        )
        return frame.select(
            *(
                pl.lit(value, dtype=pl.String if isinstance(value, str) else pl.Int64).alias(key)
                for key, value in same.items()
            ),
            pl.all(),
            pl.lit(self.job.plan_hash).alias("plan_hash"),
        )

    def _report(self, phase: str, *, force: bool = False) -> None:
        """Say where the cell is, at most once a second."""
        self.alive()
        now = time.monotonic()
        if force or now - self.reported > _REPORT_SECONDS:
            self.reported = now
            self.folder.write_progress(
                {"phase": phase, "step": self.tuning.steps_done, "steps": self.cell.steps}
                | {"pid": os.getpid(), "host": platform.node()}
                | {key: round(value, 3) for key, value in self.spent.items()}
            )

    def _end(self, outcome: Outcome) -> None:
        losses = self.tuning.losses
        self.folder.write_outcome(
            {
                "cell": self.cell.id,
                "outcome": outcome.name,
                "reason": outcome.reason,
                "steps_done": self.tuning.steps_done,
                "micro_batch": self.tuning.micro_batch,
                "trained_parameters": self.tuning.trained_parameters,
                "scoring": self.scorers["test"].path,
                "last_loss": losses[-1] if losses else None,
                "host": platform.node(),
            }
            | self.truncated
            | {key: round(value, 3) for key, value in self.spent.items()}
        )
        for state in self.folder.state_paths():  # nothing is left to continue
            state.unlink()


def _spent_before(folder: CellFolder) -> dict[str, float]:
    """Device seconds that earlier attempts at the cell took; what they did in vain is part of what the cell cost."""
    progress = folder.read_progress()
    found = {key: progress.get(key) for key in ("load_seconds", "train_seconds", "evaluation_seconds")}
    return {key: float(value) if isinstance(value, int | float) else 0.0 for key, value in found.items()}


def _sealed_task(job: CellJob) -> Task:
    task = load_task(job.cell.task)
    if job.sources and task.sources != job.sources:
        changed = [split for split in task.sources if task.sources[split] != job.sources.get(split)]
        raise InputError(f"task {task.name}: {', '.join(changed)} changed since the plan was sealed")
    return task
