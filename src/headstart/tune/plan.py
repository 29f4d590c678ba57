"""A tuning plan: which models are tuned on which tasks, how, how long and how often.

Only values: reading the file is ``headstart.tune.plan_file``, running it ``headstart.tune.run``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

from headstart.errors import InputError
from headstart.tune.checks import check_label, must, one_of, unique
from headstart.tune.kinds import TASK_KINDS
from headstart.tune.metrics import METRICS

DType = Literal["float32", "bfloat16", "float16", "float64"]
Attention = Literal["sdpa", "eager"]
Method = Literal["lora", "full"]
Schedule = Literal["constant", "linear", "cosine"]
Loss = Literal["completion", "all"]
Truncation = Literal["error", "left"]
Checkpoint = Literal["best", "last"]
Autocast = Literal["bfloat16"]

_REQUIRED = {
    "train": "a file of training items",
    "test": "a file of test items",
    "lm_eval_name": "the task's name in lm-evaluation-harness",
}
DEFAULT_LEVELS = (0, 5, 10, 20, 40, 80, 160, 320)
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A contestant whose weights the designer can tune.

    Args:
        name: As it appears in the trajectories.
        source: Local folder (absolute), or a name on the hub.
        revision: Branch, tag or commit on the hub; None for a local folder. Resolved to a commit before anything runs.
        gguf_file: Name of the GGUF file in ``source`` to read; None for safetensors.
        dtype: In which the model is tuned and scored: part of what is measured.
        chat_template: Whether prompts are wrapped in the tokenizer's chat template.
        attention: Attention implementation of transformers.
        template_date: Day (``2026-11-25``) that a chat template prints which asks for today's; None for the day the
            plan is sealed.
        devices: GPUs that share the model, layer by layer, ``>= 1``; for one that is larger than a GPU.
    """

    name: str
    source: str
    revision: str | None = None
    gguf_file: str | None = None
    dtype: DType = "float32"
    chat_template: bool = False
    attention: Attention = "sdpa"
    template_date: str | None = None
    devices: int = 1

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        must(self.devices >= 1, "devices", ">= 1", self.devices)
        one_of(self.dtype, get_args(DType), "dtype")
        one_of(self.attention, get_args(Attention), "attention")
        if self.template_date is not None:
            try:
                date.fromisoformat(self.template_date)
            except ValueError:
                must(False, "template_date", "a day as in 2026-11-25", self.template_date)
        if self.is_local:
            must(self.revision is None, "revision", "left out for a local folder", self.revision)

    @property
    def is_local(self) -> bool:
        """Whether ``source`` is a folder on this machine."""
        return Path(self.source).is_absolute()


@dataclass(frozen=True, kw_only=True)
class SuppliedScore:
    """A direct-evaluation score of a contestant that cannot be tuned.

    Args:
        task: Name of a task of the plan.
        score: In the task's metric.
        stderr: Standard error, ``>= 0``; None when unknown.
        n_items: Number of test items, ``> 0``; None when unknown.
    """

    task: str
    score: float
    stderr: float | None = None
    n_items: int | None = None

    def __post_init__(self) -> None:
        must(math.isfinite(self.score), "score", "a finite number", self.score)
        if self.stderr is not None:
            must(0 <= self.stderr < math.inf, "stderr", ">= 0", self.stderr)
        if self.n_items is not None:
            must(self.n_items > 0, "n_items", "a positive whole number", self.n_items)


@dataclass(frozen=True, kw_only=True)
class UntunableModel:
    """A contestant reachable only through an API: its scores are supplied, and it cannot be tuned."""

    name: str
    scores: tuple[SuppliedScore, ...]

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        must(bool(self.scores), "scores", "a non-empty list", list(self.scores))
        unique([score.task for score in self.scores], "scores")


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A benchmark to tune on and test on.

    Args:
        name: As it appears in the trajectories (column ``benchmark``).
        kind: Name of a kind of task (``headstart.tune.kinds``): what the rows of its files mean.
        train: JSON lines or Parquet file of training items (absolute path); None for ``lm_eval``.
        test: The same for the test items.
        validation: The same for validation items, on which a ``Selection`` chooses.
        lm_eval_name: The task's name in lm-evaluation-harness.
        include_path: Folder (absolute) with task files of one's own for lm-evaluation-harness.
        fewshot: Number of examples in front of every ``lm_eval`` prompt.
        filter: Which of the task's filters a generated answer goes through; None for the first.
        metric: One of ``headstart.tune.metrics.METRICS`` that suits the kind.
        delimiter: Put between context and choice of local multiple-choice items, or prompt and answer.
        train_limit, validation_limit, test_limit: Take only so many items; None for all.
        hold_out: Share of the training items that become validation items, for a task without such a split.
        sample_seed: Draws the items that limits and ``hold_out`` take; None for the first of the file.
        stop: Strings that end a generated answer.
        max_tokens: Longest generated answer.
        overlap_threshold: Largest share of test items that may also be in the train split, in [0, 1].
        allow_overlap: Whether this task runs although its overlap is larger.
        n_train: Number of training items, known once they were read; what the length of an epoch follows from.
    """

    name: str
    kind: str
    train: str | None = None
    test: str | None = None
    validation: str | None = None
    lm_eval_name: str | None = None
    include_path: str | None = None
    fewshot: int = 0
    filter: str | None = None
    metric: str = "acc"
    delimiter: str = " "
    train_limit: int | None = None
    validation_limit: int | None = None
    test_limit: int | None = None
    hold_out: float | None = None
    sample_seed: int | None = None
    stop: tuple[str, ...] = ("\n",)
    max_tokens: int = 32
    overlap_threshold: float = 0.01
    allow_overlap: bool = False
    n_train: int | None = None

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        one_of(self.kind, TASK_KINDS.names(), "kind")
        kind = TASK_KINDS[self.kind]
        one_of(self.metric, kind.metrics, "metric", f" for kind {self.kind}")
        for key in kind.required:
            must(bool(getattr(self, key)), key, _REQUIRED.get(key, "given"), getattr(self, key))
        must(self.fewshot >= 0, "fewshot", ">= 0", self.fewshot)
        for name in ("train_limit", "validation_limit", "test_limit"):
            limit = getattr(self, name)
            must(limit is None or limit >= 1, name, ">= 1", limit)
        held = self.hold_out
        must(held is None or 0 < held < 1, "hold_out", "a share between 0 and 1", held)
        must(held is None or self.validation is None, "hold_out", "left out where validation is given", held)
        seed = self.sample_seed
        must(seed is None or 0 <= seed <= LARGEST_SEED, "sample_seed", f"in 0..{LARGEST_SEED}", seed)
        must(all(self.stop), "stop", "a list of non-empty texts", list(self.stop))
        must(self.max_tokens >= 1, "max_tokens", ">= 1", self.max_tokens)
        must(0 <= self.overlap_threshold <= 1, "overlap_threshold", "in [0, 1]", self.overlap_threshold)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is tuned; every contestant gets the same.

    Args:
        name: Part of the cell's name.
        method: ``lora`` or ``full``.
        rank, alpha, targets: Of the LoRA adapter; ``targets`` is ``("all-linear",)``, ``("default",)`` for those that
            peft gives the architecture, or names of modules.
        dropout: Of the LoRA adapter's input, in [0, 1).
        learning_rate: Peak learning rate, ``> 0``.
        schedule: ``constant`` makes every level a checkpoint of one run. A decaying one makes the score at a level
            depend on the whole run, so every level is then a run of its own.
        warmup_steps: Linear warm-up; it does not depend on the run's length, so a constant rate stays one.
        warmup_ratio: The same as a share of the run's steps, for rates that decay.
        weight_decay: Of AdamW.
        batch_size: Items per step. Never changed by memory: that is what ``micro_batch`` is for.
        micro_batch: Items per forward pass; None for the whole batch. Halved when memory runs out.
        loss: On the ``completion`` only, or on ``all`` tokens.
        max_length: Longest sequence in tokens; None for the model's window.
        truncation: ``error`` refuses longer items before anything runs; ``left`` drops their first tokens, in tuning
            and in testing, and counts them.
        gradient_checkpointing: Trade compute for memory.
        gradient_clip: Largest gradient norm; None for no clipping.
        autocast: Lower precision of matrix products while a float32 model is tuned; None for that of the model. Scores
            are those of the model's own precision all the same.
    """

    name: str = "lora"
    method: Method = "lora"
    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ("all-linear",)
    dropout: float = 0.0
    learning_rate: float = 2e-4
    schedule: Schedule = "constant"
    warmup_steps: int = 0
    warmup_ratio: float = 0.0
    weight_decay: float = 0.0
    batch_size: int = 8
    micro_batch: int | None = None
    loss: Loss = "completion"
    max_length: int | None = None
    truncation: Truncation = "error"
    gradient_checkpointing: bool = False
    gradient_clip: float | None = None
    autocast: Autocast | None = None

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        one_of(self.method, get_args(Method), "method")
        one_of(self.schedule, get_args(Schedule), "schedule")
        one_of(self.loss, get_args(Loss), "loss")
        one_of(self.truncation, get_args(Truncation), "truncation")
        must(self.rank >= 1, "rank", ">= 1", self.rank)
        must(0 < self.alpha < math.inf, "alpha", "a number > 0", self.alpha)
        must(bool(self.targets) and all(self.targets), "targets", "a list of names of modules", list(self.targets))
        must(0 < self.learning_rate < math.inf, "learning_rate", "a number > 0", self.learning_rate)
        must(0 <= self.dropout < 1, "dropout", "in [0, 1)", self.dropout)
        must(self.warmup_steps >= 0, "warmup_steps", ">= 0", self.warmup_steps)
        must(0 <= self.warmup_ratio < 1, "warmup_ratio", "in [0, 1)", self.warmup_ratio)
        if self.warmup_ratio:
            must(not self.warmup_steps, "warmup_ratio", "left out where warmup_steps is given", self.warmup_ratio)
            must(self.schedule != "constant", "warmup_ratio", "left out where the rate is constant", self.warmup_ratio)
        must(0 <= self.weight_decay < math.inf, "weight_decay", "a number >= 0", self.weight_decay)
        must(self.batch_size >= 1, "batch_size", ">= 1", self.batch_size)
        micro = self.micro_batch
        must(
            micro is None or 1 <= micro <= self.batch_size,
            "micro_batch",
            f"in 1..{self.batch_size} (batch_size)",
            micro,
        )
        must(self.max_length is None or self.max_length >= 2, "max_length", ">= 2", self.max_length)
        if self.autocast is not None:
            one_of(self.autocast, get_args(Autocast), "autocast")
        clip = self.gradient_clip
        must(clip is None or 0 < clip < math.inf, "gradient_clip", "a number > 0", clip)

    def learning_rate_at(self, step: int, *, total_steps: int) -> float:
        """Learning rate of the 0-based ``step`` of a run of ``total_steps``."""
        warm_steps = self.warmup_steps or math.ceil(self.warmup_ratio * total_steps)
        warm = min(1.0, (step + 1) / warm_steps) if warm_steps else 1.0
        if self.schedule == "constant":
            return self.learning_rate * warm
        done = step / total_steps
        left = 1.0 - done if self.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
        return self.learning_rate * warm * left


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Every run is one of the whole length, and what is reported is chosen on validation items.

    A level then means: tune up to there, with every recipe, and hand in the best of all. The test items are scored on
    the way and have no part in the choice.

    Args:
        metric: By which it is chosen, on validation items; None for the task's own.
        checkpoint: ``best`` chooses among all levels on the way; ``last`` among the recipes alone.
    """

    metric: str | None = None
    checkpoint: Checkpoint = "best"

    def __post_init__(self) -> None:
        if self.metric is not None:
            one_of(self.metric, METRICS, "metric")
        one_of(self.checkpoint, get_args(Checkpoint), "checkpoint")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run: a model, a task, a recipe and a seed, scored at every level on the way.

    Args:
        levels: Steps at which the model is scored, ascending.
        selection: How one of the levels is chosen; None where every level is reported.
        mark: Tells runs of different length apart; None where there is one.
    """

    model: ModelSpec
    task: TaskSpec
    recipe: Recipe
    seed: int
    levels: tuple[int, ...]
    selection: Selection | None = None
    mark: str | None = None

    @property
    def id(self) -> str:
        """Name of the cell's folder: unique in its plan and safe in any file system."""
        parts = [self.model.name, self.task.name, self.recipe.name, f"seed-{self.seed}"]
        parts += [self.mark] if self.mark else []
        return "--".join(re.sub(r"[^A-Za-z0-9._-]", "_", part).lstrip(".") or "_" for part in parts)

    @property
    def steps(self) -> int:
        """Length of the run."""
        return self.levels[-1]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A grid of cells and what to charge for it.

    Args:
        name: Of the run folder, and nothing else.
        levels: Steps at which every contestant is scored, ascending, 0 included.
        epochs: The same in passes over a task's training items, in place of ``levels``; None for steps.
        selection: What is chosen on validation items; None for nothing.
        price_per_gpu_hour: What one hour of one device costs, in ``currency``; None when nobody said.
        evaluation_batch_tokens: Tokens per forward pass when scoring, ``>= 1``; None for what suits the device.

    Raises:
        InputError: If a name occurs twice, two cells would share a folder, or a number is out of range.
    """

    name: str
    models: tuple[ModelSpec, ...]
    tasks: tuple[TaskSpec, ...]
    recipes: tuple[Recipe, ...]
    levels: tuple[int, ...] = DEFAULT_LEVELS
    epochs: tuple[float, ...] | None = None
    selection: Selection | None = None
    seeds: tuple[int, ...] = (0,)
    untunable: tuple[UntunableModel, ...] = ()
    price_per_gpu_hour: float | None = None
    currency: str = "USD"
    evaluation_batch_tokens: int | None = None

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        for name, points in (("levels", self.levels), ("epochs", self.epochs or (0,))):
            if not points or points[0] != 0 or not _ascends(points):
                raise InputError(f"{name} must ascend and start with 0, got {list(points)}", field=name)
        for what, names in (
            ("models", [m.name for m in self.models] + [m.name for m in self.untunable]),
            ("tasks", [t.name for t in self.tasks]),
            ("recipes", [r.name for r in self.recipes]),
            ("seeds", list(self.seeds)),
        ):
            unique(names, what)
            if not names:
                raise InputError(f"{what} must not be empty", field=what)
        for seed in self.seeds:
            must(0 <= seed <= LARGEST_SEED, "seeds", f"whole numbers in 0..{LARGEST_SEED}", seed)
        price = self.price_per_gpu_hour
        must(price is None or 0 <= price < math.inf, "price_per_gpu_hour", "a number >= 0", price)
        tokens = self.evaluation_batch_tokens
        must(tokens is None or tokens >= 1, "evaluation_batch_tokens", ">= 1", tokens)
        if self.epochs is not None and self.selection is not None:
            sizes = sorted({recipe.batch_size for recipe in self.recipes})
            must(len(sizes) == 1, "batch_size", "the same in all recipes that are chosen among by epochs", sizes)
        folders = [cell.id.casefold() for cell in self.cells()]
        shared = [folder for at, folder in enumerate(folders) if folder in folders[:at]]
        if shared:
            raise InputError(
                f"two cells would share the folder {shared[0]!r}: names must differ in letters, digits, . _ -"
            )

    def cells(self) -> tuple[Cell, ...]:
        """Every cell, seed by seed, so that an unfinished run has whole replicates first."""
        return tuple(
            Cell(model=model, task=task, recipe=recipe, seed=seed, levels=levels, selection=self.selection, mark=mark)
            for seed in self.seeds
            for recipe in self.recipes
            for task in self.tasks
            for model in self.models
            for levels, mark in self._runs(task, recipe)
        )

    def levels_of(self, task: TaskSpec, recipe: Recipe) -> tuple[int, ...]:
        """Steps at which contestants are scored on a task.

        Epochs become steps once the task's training items were counted (``TaskSpec.n_train``); until then they are
        counted themselves. A batch may reach into the next epoch, so an epoch ends with the batch that ends it.

        Raises:
            InputError: If two epochs end with the same step.
        """
        if self.epochs is None:
            return self.levels
        if task.n_train is None:
            return tuple(range(len(self.epochs)))
        steps = tuple(math.ceil(round(epoch * task.n_train / recipe.batch_size, 6)) for epoch in self.epochs)
        if not _ascends(steps):
            raise InputError(
                f"epochs must end with different steps, got {list(self.epochs)}, which are steps {list(steps)} of task "
                f"{task.name}",
                field="epochs",
            )
        return steps

    def _runs(self, task: TaskSpec, recipe: Recipe) -> tuple[tuple[tuple[int, ...], str | None], ...]:
        """Levels and mark of every run of a recipe on a task."""
        levels = self.levels_of(task, recipe)
        if recipe.schedule == "constant" or self.selection is not None:
            return ((levels, None),)
        if self.epochs is None:
            return tuple(((level,), f"level-{level}") for level in levels)
        return tuple(((level,), f"epoch-{epoch:g}") for level, epoch in zip(levels, self.epochs, strict=True))


def _ascends(points: Sequence[float]) -> bool:
    return all(math.isfinite(b) and a < b for a, b in pairwise(points))
