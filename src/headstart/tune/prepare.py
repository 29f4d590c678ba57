"""What must hold before a run starts: everything a plan names is there, fits, and is described for sealing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from headstart.errors import InputError
from headstart.tune.encode import Counts, Encoder, prints_date
from headstart.tune.executors import EXECUTORS
from headstart.tune.executors.places import refuse_devices
from headstart.tune.hardware import Hardware
from headstart.tune.items import Item, Task
from headstart.tune.kinds import TASK_KINDS
from headstart.tune.metrics import metrics_of
from headstart.tune.model_files import FileStamp, find_files
from headstart.tune.overlap import Overlap, check_overlap, measure_overlap, unseen_validation
from headstart.tune.plan import ModelSpec, Plan, Recipe, Selection, TaskSpec
from headstart.tune.seal import Seal, differences, read_seal, seal
from headstart.tune.tasks import load_task

_CPU_BATCH_TOKENS = 512  # its caches hold no more: see bench/README.md
_GPU_BATCH_TOKENS = 8192
_PACKAGES = ("torch", "transformers", "peft", "safetensors", "filelock")


@dataclass(frozen=True, kw_only=True)
class Truncated:
    """How many items of a task lose their first tokens with a model under a recipe."""

    model: str
    task: str
    recipe: str
    train: Counts
    test: Counts


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A plan that can run.

    Args:
        plan: With every revision resolved to a commit, and tokens per batch chosen.
        tasks: In the order of the plan.
        overlaps: Between the splits of every task, in the order of the plan.
        truncated: One entry per model, task and recipe.
        hardware: What the cells run on.
        seal: Everything that decides the numbers.
        stamps: For every model its files as they were when the plan was sealed.
    """

    plan: Plan
    tasks: tuple[Task, ...]
    overlaps: tuple[Overlap, ...]
    truncated: tuple[Truncated, ...]
    hardware: Hardware
    seal: Seal
    stamps: Mapping[str, Mapping[str, FileStamp]] = field(default_factory=dict[str, "Mapping[str, FileStamp]"])

    @property
    def batch_tokens(self) -> int:
        """Tokens per forward pass when scoring."""
        assert self.plan.evaluation_batch_tokens is not None
        return self.plan.evaluation_batch_tokens


def require_packages(plan: Plan, *, executor: str) -> None:
    """Raise unless the packages that a run of this plan needs are installed.

    Raises:
        InputError: Naming the extra to install.
    """
    for line in missing_packages(plan, executor=executor):
        raise InputError(line)


def missing_packages(plan: Plan, *, executor: str) -> list[str]:
    """Which extras are to be installed before the plan can run; nothing is imported."""
    kinds = [TASK_KINDS[name] for name in dict.fromkeys(task.kind for task in plan.tasks)]
    needed = {"tune": _PACKAGES, **{one.extra: one.packages for one in [*kinds, EXECUTORS[executor]] if one.extra}}
    return [
        f'headstart tune needs the extra: pip install "headstart[{extra}]"'
        for extra, packages in needed.items()
        if not all(find_spec(package) for package in packages)
    ]


def prepare(plan: Plan, *, hardware: Hardware, sealed: Seal | None = None) -> Prepared:
    """Read, check and describe everything a plan names.

    Args:
        plan: What is to run.
        hardware: What it runs on.
        sealed: Of the folder in which it was begun; chat templates go on printing the day they printed then.

    Raises:
        InputError: If something does not exist, does not fit, or the splits of a task overlap too much.
    """
    from headstart.tune.models import describe, pin

    for model in plan.models:
        _check_devices(model, hardware)
        for recipe in plan.recipes:
            if recipe.autocast is not None and model.dtype != "float32":
                raise InputError(
                    f"recipe {recipe.name}: autocast lowers the precision of float32 models, and model {model.name} is "
                    f"{model.dtype}: leave it out, or set dtype to float32",
                    field="autocast",
                )
    tasks = tuple(load_task(spec) for spec in plan.tasks)
    if plan.epochs is not None:
        counted = zip(plan.tasks, tasks, strict=True)
        plan = replace(plan, tasks=tuple(replace(spec, n_train=len(task.train)) for spec, task in counted))
    if plan.selection is not None:
        for spec, task in zip(plan.tasks, tasks, strict=True):
            _check_choice(plan.selection, spec, task)
    plan = replace(
        plan,
        models=tuple(_dated(pin(model), sealed) for model in plan.models),
        evaluation_batch_tokens=plan.evaluation_batch_tokens
        or (_CPU_BATCH_TOKENS if hardware.device == "cpu" else _GPU_BATCH_TOKENS),
    )
    described = {model.name: describe(model) for model in plan.models}
    overlaps = tuple(measure_overlap(task) for task in tasks)
    for spec, overlap in zip(plan.tasks, overlaps, strict=True):
        check_overlap(spec, overlap)
    return Prepared(
        plan=plan,
        tasks=tasks,
        overlaps=overlaps,
        truncated=tuple(_check_items(plan, tasks, described)),
        hardware=hardware,
        seal=seal(
            plan,
            tasks,
            models=described,
            hardware=hardware,
            overlaps={
                task.name: {"exact": found.test.exact, "normalised": found.test.normalised}
                for task, found in zip(tasks, overlaps, strict=True)
            },
        ),
        stamps={model.name: find_files(model).stamp() for model in plan.models},
    )


def _dated(model: ModelSpec, sealed: Seal | None) -> ModelSpec:
    """The model with the day its chat template prints: the plan's, that of the sealed run, or today."""
    from headstart.tune.models import load_tokenizer

    if model.template_date is not None or not model.chat_template or not prints_date(load_tokenizer(model)):
        return model
    models: Mapping[str, Any] = cast("dict[str, Any]", sealed.resolution.get("models") or {}) if sealed else {}
    day = models.get(model.name, {}).get("template_date") or date.today().isoformat()
    return replace(model, template_date=day)


def _check_devices(model: ModelSpec, hardware: Hardware) -> None:
    try:
        refuse_devices(model.devices, kind=hardware.device, there=model.devices)  # workers know how many there are
    except InputError as error:
        raise InputError(f"model {model.name}: {error.message}", field=error.field) from None


def _check_choice(selection: Selection, spec: TaskSpec, task: Task) -> None:
    """Raise unless something can be chosen on the validation items of a task without looking at its test items."""
    if not task.validation:
        raise InputError(
            f"task {spec.name} has no validation items to choose on: give it a validation file, or hold_out (a "
            "share of its training items)",
            field="selection",
        )
    if not unseen_validation(task):
        raise InputError(
            f"task {spec.name}: all of its validation items stand in the test split, so a choice would be made on test "
            "items; use hold_out",
            file=spec.validation,
            field="selection",
        )
    metric = selection.metric or spec.metric
    if metric not in metrics_of(replace(task, metric=metric)):
        raise InputError(f"task {spec.name} has no metric {metric} to choose by", field="selection.metric")


def refuse_other(path: Path, now: Seal) -> None:
    """Raise if a folder was sealed for other numbers than those of ``now``.

    Raises:
        InputError: With what differs, or if the seal was tampered with.
    """
    if not path.exists():
        return
    sealed = read_seal(path)
    if sealed.hash != now.hash:
        lines = differences(sealed.resolution, now.resolution)
        raise InputError(
            "the folder holds a run of another plan; give this one a folder of its own, or undo what "
            "changed:\n  " + "\n  ".join(lines),
            file=str(path.parent),
        )


def _check_items(plan: Plan, tasks: Sequence[Task], described: Mapping[str, Mapping[str, Any]]) -> Iterator[Truncated]:
    from headstart.tune.models import load_tokenizer

    known: dict[object, tuple[Counts, Counts]] = {}  # contestants made from one model share its tokenizer
    for model in plan.models:
        tokenizer, window = load_tokenizer(model), int(described[model.name]["window"])
        for recipe in plan.recipes:
            encoder = Encoder(
                tokenizer=tokenizer,
                chat_template=model.chat_template,
                max_length=min(window, recipe.max_length or window),
                truncation=recipe.truncation,
                template_date=model.template_date,
            )
            for spec, task in zip(plan.tasks, tasks, strict=True):
                same = (
                    _tokenizer_files(described[model.name]),
                    encoder.chat_template,
                    encoder.max_length,
                    encoder.truncation,
                    encoder.template_date,
                    task.name,
                )
                if same not in known:
                    known[same] = (
                        _check_split(encoder, task.train, spec, "train", model.name, recipe),
                        _check_split(encoder, task.test, spec, "test", model.name, recipe),
                    )
                    if plan.selection is not None:
                        _check_split(encoder, task.validation, spec, "validation", model.name, recipe)
                train, test = known[same]
                yield Truncated(model=model.name, task=task.name, recipe=recipe.name, train=train, test=test)


def _tokenizer_files(description: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Names and digests of the files that decide a model's tokens."""
    return tuple(
        (name, digest)
        for name, digest in sorted(description["files"].items())
        if name not in ("config.json", "generation_config.json", "model.safetensors.index.json")
        and not name.endswith(".safetensors")
    )


def _check_split(
    encoder: Encoder, items: Sequence[Item], spec: TaskSpec, split: str, model: str, recipe: Recipe
) -> Counts:
    try:
        return encoder.check(items)
    except InputError as error:
        file: str | None = getattr(spec, split) if spec.hold_out is None and spec.sample_seed is None else None
        place = "" if file else f", item {error.row} of the {split} split"
        raise InputError(
            f"task {spec.name}{place}, model {model}, recipe {recipe.name}: {error.message}",
            file=file,
            row=error.row if file else None,
        ) from None
