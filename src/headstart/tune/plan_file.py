"""Plans of the runner, schema ``headstart.plan/1``, in TOML or JSON."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headstart.errors import InputError
from headstart.io.documents import parse_document
from headstart.io.text import STDIN, suggestion
from headstart.tune.plan import ModelSpec, Plan, Recipe, SuppliedScore, TaskKind, TaskSpec, UntunableModel
from headstart.tune.plan_paths import check_model, hub_name, item_file, lm_eval_folder, model_folder, splits_apart
from headstart.tune.plan_schema import ModelForm, PlanForm, RecipeForm, ScoreForm, TaskForm, UntunableForm, validate

_LOCAL: tuple[TaskKind, ...] = ("multiple_choice", "context_choice", "generation")
_ONLY_FOR: dict[str, tuple[TaskKind, ...]] = {
    "train": _LOCAL,
    "test": _LOCAL,
    "validation": _LOCAL,
    "delimiter": _LOCAL,
    "stop": ("generation",),
    "max_tokens": ("generation",),
    "lm_eval_name": ("lm_eval",),
    "include_path": ("lm_eval",),
    "fewshot": ("lm_eval",),
}
_OF_THE_PLAN = {"name", "levels", "seeds", "price_per_gpu_hour", "currency", "evaluation_batch_tokens"}
_LORA_ONLY = ("rank", "alpha", "targets")


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Read a plan from a ``.toml`` or ``.json`` file, or (either form) from standard input with ``"-"``.

    Paths in it are relative to its folder. Every file and folder it names is looked at; no weights and no items are
    read yet, and nothing is fetched.

    Raises:
        InputError: If the plan is bad or names what does not exist, with the file and the key (``models[2].path``).
    """
    parsed = parse_document(path)
    from_stdin = os.fspath(path) == STDIN
    folder = Path.cwd() if from_stdin else Path(path).absolute().parent
    form = validate(parsed.plain, parsed.source)
    with _located(parsed.source):
        tasks = tuple(_task(entry, f"tasks[{at}]", folder) for at, entry in enumerate(form.tasks))
        given: dict[str, Any] = {"name": "plan" if from_stdin else Path(path).stem}
        given |= {key: value for key, value in form.given().items() if key in _OF_THE_PLAN}
        return Plan(
            models=tuple(_model(form, entry, f"models[{at}]", folder) for at, entry in enumerate(form.models)),
            untunable=tuple(_untunable(entry, f"untunable[{at}]", tasks) for at, entry in enumerate(form.untunable)),
            tasks=tasks,
            recipes=_recipes(form),
            **given,
        )


def _model(form: PlanForm, entry: ModelForm, place: str, folder: Path) -> ModelSpec:
    given = {**form.model_defaults.given(), **entry.given()}
    local, hub = given.pop("path", None), given.pop("hub", None)
    with _located(place=place):
        if (local is None) == (hub is None):
            raise InputError(f"must have a path or a hub name, got {'neither' if hub is None else 'both'}")
        if local is not None:
            if "revision" in given:
                raise InputError("revision applies to models from the hub, not to a local folder", field="revision")
            source, given["gguf_file"] = model_folder(folder, local, given.get("gguf_file"))
        else:
            source = hub_name(hub)
        spec = ModelSpec(source=source, **given)
        if spec.is_local:
            check_model(spec)
        return spec


def _task(entry: TaskForm, place: str, folder: Path) -> TaskSpec:
    given = entry.given()
    with _located(place=place):
        for key in given:
            if entry.kind not in _ONLY_FOR.get(key, (entry.kind,)):
                raise InputError(f"{key} applies to kind {' and '.join(_ONLY_FOR[key])}, not {entry.kind}", field=key)
        if entry.kind == "lm_eval":
            given.setdefault("lm_eval_name", entry.name)
            if "include_path" in given:
                given["include_path"] = lm_eval_folder(folder, given["include_path"])
        else:
            for split in ("train", "test", "validation"):
                if split in given:
                    given[split] = item_file(folder, given[split], split)
            splits_apart(given)
        if entry.kind == "generation":
            given.setdefault("metric", "exact_match")
        return TaskSpec(**given)


def _untunable(entry: UntunableForm, place: str, tasks: tuple[TaskSpec, ...]) -> UntunableModel:
    with _located(place=place):
        scores = tuple(_score(score, f"scores[{at}]", tasks) for at, score in enumerate(entry.scores))
        return UntunableModel(name=entry.name, scores=scores)


def _score(entry: ScoreForm, place: str, tasks: tuple[TaskSpec, ...]) -> SuppliedScore:
    metrics = {task.name: task.metric for task in tasks}
    with _located(place=place):
        if entry.task not in metrics:
            raise InputError(
                f"task must be one of the plan's tasks ({', '.join(metrics)}), got {entry.task!r}"
                f"{suggestion(entry.task, metrics)}",
                field="task",
            )
        metric = metrics[entry.task]
        if metric == "choice_logprob":
            _must_lie(entry.score <= 0, metric, "<= 0", entry.score)
        else:
            _must_lie(0 <= entry.score <= 1, metric, "in [0, 1]", entry.score)
        return SuppliedScore(**entry.given())


def _must_lie(holds: bool, metric: str, where: str, got: float) -> None:
    if not holds:
        raise InputError(f"score must be {where}, as {metric} is, got {got!r}", field="score")


def _recipes(form: PlanForm) -> tuple[Recipe, ...]:
    shared = _tuning_keys(form.recipe, {}, "recipe")
    if form.recipes is None:
        return (_recipe(shared, "recipe"),)
    places = [(entry, f"recipes[{at}]") for at, entry in enumerate(form.recipes)]
    return tuple(_recipe(_tuning_keys(entry, shared, place), place) for entry, place in places)


def _tuning_keys(table: RecipeForm, shared: dict[str, Any], place: str) -> dict[str, Any]:
    """The keys of a table on top of those of ``[recipe]``; full tuning leaves the shared keys of LoRA behind."""
    own = table.given()
    if {**shared, **own}.get("method") != "full":
        return {**shared, **own}
    for key in _LORA_ONLY:
        if key in own:
            raise InputError(f"{key} applies to method lora, not full", field=f"{place}.{key}")
    return {**{key: value for key, value in shared.items() if key not in _LORA_ONLY}, **own}


def _recipe(given: dict[str, Any], place: str) -> Recipe:
    with _located(place=place):
        return Recipe(**{"name": given.get("method", "lora"), **given})


@contextmanager
def _located(source: str | None = None, *, place: str = "") -> Generator[None]:
    """Put the file and the full key into complaints of the values that are built inside."""
    try:
        yield
    except InputError as error:
        key = ".".join(part for part in (place, error.field) if part)
        raise InputError(error.message, file=error.file or source, row=error.row, field=key or None) from None
