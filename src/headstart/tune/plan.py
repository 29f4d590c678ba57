"""A tuning plan: which models are tuned on which tasks, how, how long and how often.

Only values: reading the file is ``headstart.tune.plan_file``, running it ``headstart.tune.run``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from headstart.errors import InputError
from headstart.tune.checks import check_label, must, one_of, unique
from headstart.tune.kinds import TASK_KINDS

DType = Literal["float32", "bfloat16", "float16", "float64"]
Attention = Literal["sdpa", "eager"]
Method = Literal["lora", "full"]
Schedule = Literal["constant", "linear", "cosine"]
Loss = Literal["completion", "all"]
Truncation = Literal["error", "left"]

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
    """

    name: str
    source: str
    revision: str | None = None
    gguf_file: str | None = None
    dtype: DType = "float32"
    chat_template: bool = False
    attention: Attention = "sdpa"

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        one_of(self.dtype, get_args(DType), "dtype")
        one_of(self.attention, get_args(Attention), "attention")
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
        validation: The same for validation items; only their overlap with the test split is looked at.
        lm_eval_name: The task's name in lm-evaluation-harness.
        include_path: Folder (absolute) with task files of one's own for lm-evaluation-harness.
        fewshot: Number of examples in front of every ``lm_eval`` prompt.
        filter: Which of the task's filters a generated answer goes through; None for the first.
        metric: One of ``headstart.tune.metrics.METRICS`` that suits the kind.
        delimiter: Put between context and choice of local multiple-choice items, or prompt and answer.
        train_limit, test_limit: Take only so many items, the first of the file; None for all.
        stop: Strings that end a generated answer.
        max_tokens: Longest generated answer.
        overlap_threshold: Largest share of test items that may also be in the train split, in [0, 1].
        allow_overlap: Whether this task runs although its overlap is larger.
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
    test_limit: int | None = None
    stop: tuple[str, ...] = ("\n",)
    max_tokens: int = 32
    overlap_threshold: float = 0.01
    allow_overlap: bool = False

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        one_of(self.kind, TASK_KINDS.names(), "kind")
        kind = TASK_KINDS[self.kind]
        one_of(self.metric, kind.metrics, "metric", f" for kind {self.kind}")
        for key in kind.required:
            must(bool(getattr(self, key)), key, _REQUIRED.get(key, "given"), getattr(self, key))
        must(self.fewshot >= 0, "fewshot", ">= 0", self.fewshot)
        for name, limit in (("train_limit", self.train_limit), ("test_limit", self.test_limit)):
            must(limit is None or limit >= 1, name, ">= 1", limit)
        must(all(self.stop), "stop", "a list of non-empty texts", list(self.stop))
        must(self.max_tokens >= 1, "max_tokens", ">= 1", self.max_tokens)
        must(0 <= self.overlap_threshold <= 1, "overlap_threshold", "in [0, 1]", self.overlap_threshold)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is tuned; every contestant gets the same.

    Args:
        name: Part of the cell's name.
        method: ``lora`` or ``full``.
        rank, alpha, targets: Of the LoRA adapter; ``targets`` is ``("all-linear",)`` or names of modules.
        learning_rate: Peak learning rate, ``> 0``.
        schedule: ``constant`` makes every level a checkpoint of one run. A decaying one makes the score at a level
            depend on the whole run, so every level is then a run of its own.
        warmup_steps: Linear warm-up; it does not depend on the run's length, so a constant rate stays one.
        weight_decay: Of AdamW.
        batch_size: Items per step. Never changed by memory: that is what ``micro_batch`` is for.
        micro_batch: Items per forward pass; None for the whole batch. Halved when memory runs out.
        loss: On the ``completion`` only, or on ``all`` tokens.
        max_length: Longest sequence in tokens; None for the model's window.
        truncation: ``error`` refuses longer items before anything runs; ``left`` drops their first tokens, in tuning
            and in testing, and counts them.
        gradient_checkpointing: Trade compute for memory.
        gradient_clip: Largest gradient norm; None for no clipping.
    """

    name: str = "lora"
    method: Method = "lora"
    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ("all-linear",)
    learning_rate: float = 2e-4
    schedule: Schedule = "constant"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    batch_size: int = 8
    micro_batch: int | None = None
    loss: Loss = "completion"
    max_length: int | None = None
    truncation: Truncation = "error"
    gradient_checkpointing: bool = False
    gradient_clip: float | None = None

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
        must(self.warmup_steps >= 0, "warmup_steps", ">= 0", self.warmup_steps)
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
        clip = self.gradient_clip
        must(clip is None or 0 < clip < math.inf, "gradient_clip", "a number > 0", clip)

    def learning_rate_at(self, step: int, *, total_steps: int) -> float:
        """Learning rate of the 0-based ``step`` of a run of ``total_steps``."""
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        if self.schedule == "constant":
            return self.learning_rate * warm
        done = step / total_steps
        left = 1.0 - done if self.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
        return self.learning_rate * warm * left


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run: a model, a task, a recipe and a seed, scored at every level on the way.

    Args:
        levels: Steps at which the model is scored, ascending.
    """

    model: ModelSpec
    task: TaskSpec
    recipe: Recipe
    seed: int
    levels: tuple[int, ...]

    @property
    def id(self) -> str:
        """Name of the cell's folder: unique in its plan and safe in any file system."""
        parts = [self.model.name, self.task.name, self.recipe.name, f"seed-{self.seed}"]
        if self.recipe.schedule != "constant":
            parts.append(f"level-{self.levels[-1]}")
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
    seeds: tuple[int, ...] = (0,)
    untunable: tuple[UntunableModel, ...] = ()
    price_per_gpu_hour: float | None = None
    currency: str = "USD"
    evaluation_batch_tokens: int | None = None

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        if (
            not self.levels
            or self.levels[0] != 0
            or any(b <= a for a, b in zip(self.levels, self.levels[1:], strict=False))
        ):
            raise InputError(f"levels must ascend and start with 0, got {list(self.levels)}", field="levels")
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
        folders = [cell.id.casefold() for cell in self.cells()]
        shared = [folder for at, folder in enumerate(folders) if folder in folders[:at]]
        if shared:
            raise InputError(
                f"two cells would share the folder {shared[0]!r}: names must differ in letters, digits, . _ -"
            )

    def cells(self) -> tuple[Cell, ...]:
        """Every cell, seed by seed, so that an unfinished run has whole replicates first."""
        return tuple(
            Cell(model=model, task=task, recipe=recipe, seed=seed, levels=levels)
            for seed in self.seeds
            for recipe in self.recipes
            for task in self.tasks
            for model in self.models
            for levels in self._runs(recipe)
        )

    def _runs(self, recipe: Recipe) -> tuple[tuple[int, ...], ...]:
        return (self.levels,) if recipe.schedule == "constant" else tuple((level,) for level in self.levels)
