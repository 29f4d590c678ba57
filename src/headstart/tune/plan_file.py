"""Plans of the runner, schema ``headstart.plan/1``, in TOML or JSON."""

from __future__ import annotations

import math
import os
from dataclasses import fields, replace
from pathlib import Path

from headstart.errors import InputError
from headstart.io.documents import parse_document
from headstart.io.forms import Given, checked, located
from headstart.io.text import STDIN, suggestion
from headstart.tune.checks import one_of
from headstart.tune.kinds import TASK_KINDS
from headstart.tune.metrics import range_of
from headstart.tune.plan import ModelSpec, Plan, Recipe, Selection, SuppliedScore, TaskSpec, UntunableModel
from headstart.tune.plan_paths import check_model, hub_name, item_file, model_folder, splits_apart
from headstart.tune.plan_schema import PlanForm, UntunableForm

_OF_THE_PLAN = {"name", "levels", "epochs", "seeds", "price_per_gpu_hour", "currency", "evaluation_batch_tokens"}
_OF_EVERY_KIND = (
    {field.name for field in fields(TaskSpec)}
    - {"n_train"}
    - {key for name in TASK_KINDS.own for key in TASK_KINDS[name].keys}
)
SPLITS = ("train", "test", "validation")
_LORA_ONLY = ("rank", "alpha", "targets", "dropout")


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
    form = checked(PlanForm, parsed.plain, parsed.source)
    with located(parsed.source):
        tasks = tuple(_task(entry, f"tasks[{at}]", folder) for at, entry in enumerate(form.tasks))
        given: Given = {"name": "plan" if from_stdin else Path(path).stem}
        given |= {key: value for key, value in form.given().items() if key in _OF_THE_PLAN}
        if "levels" in given and "epochs" in given:
            raise InputError("a plan must have levels (steps) or epochs, got both", field="epochs")
        return Plan(
            models=tuple(_model(form, entry, f"models[{at}]", folder) for at, entry in enumerate(form.models)),
            untunable=tuple(_untunable(entry, f"untunable[{at}]", tasks) for at, entry in enumerate(form.untunable)),
            tasks=tasks,
            recipes=_recipes(form),
            selection=_selection(form),
            **given,
        )


def _model(form: PlanForm, entry: Given, place: str, folder: Path) -> ModelSpec:
    given = {**form.model_defaults, **entry}
    local, hub = given.pop("path", None), given.pop("hub", None)
    with located(place=place):
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


def _task(given: Given, place: str, folder: Path) -> TaskSpec:
    with located(place=place):
        one_of(given["kind"], TASK_KINDS.names(), "kind")
        kind = TASK_KINDS[given["kind"]]
        for key in given:
            if key not in kind.keys and key not in _OF_EVERY_KIND:
                raise InputError(f"{key} applies to kind {_kinds_with(key)}, not {given['kind']}", field=key)
        if kind.complete is not None:
            given = kind.complete(given, folder)
        files = {split: item_file(folder, given[split], split) for split in SPLITS if split in given}
        splits_apart(files)
        complete: Given = {"metric": kind.metrics[0], **given, **files}
        return TaskSpec(**complete)


def _kinds_with(key: str) -> str:
    return " and ".join(name for name in TASK_KINDS.own if key in TASK_KINDS[name].keys)


def _untunable(entry: UntunableForm, place: str, tasks: tuple[TaskSpec, ...]) -> UntunableModel:
    with located(place=place):
        scores = tuple(_score(score, f"scores[{at}]", tasks) for at, score in enumerate(entry.scores))
        return UntunableModel(name=entry.name, scores=scores)


def _score(given: Given, place: str, tasks: tuple[TaskSpec, ...]) -> SuppliedScore:
    metrics = {task.name: task.metric for task in tasks}
    with located(place=place):
        task, score = given["task"], given["score"]
        if task not in metrics:
            raise InputError(
                f"task must be one of the plan's tasks ({', '.join(metrics)}), got {task!r}{suggestion(task, metrics)}",
                field="task",
            )
        low, high = range_of(metrics[task])
        where = f"<= {high:g}" if math.isinf(low) else f"in [{low:g}, {high:g}]"
        _must_lie(low <= score <= high, metrics[task], where, score)
        return SuppliedScore(**given)


def _must_lie(holds: bool, metric: str, where: str, got: float) -> None:
    if not holds:
        raise InputError(f"score must be {where}, as {metric} is, got {got!r}", field="score")


def _selection(form: PlanForm) -> Selection | None:
    if form.selection is None:
        return None
    with located(place="selection"):
        return Selection(**{key: value for key, value in form.selection.items() if key != "learning_rates"})


def _recipes(form: PlanForm) -> tuple[Recipe, ...]:
    """The recipes of a plan; a grid of learning rates to choose from makes several of each."""
    rates = (form.selection or {}).get("learning_rates")
    if rates is None:
        return _listed_recipes(form)
    if not rates:
        raise InputError("learning_rates must not be empty", field="selection.learning_rates")
    with located(place="selection.learning_rates"):
        return tuple(
            replace(recipe, name=f"{recipe.name}-lr-{rate:g}", learning_rate=rate)
            for recipe in _listed_recipes(form)
            for rate in rates
        )


def _listed_recipes(form: PlanForm) -> tuple[Recipe, ...]:
    shared = _tuning_keys(form.recipe, {}, "recipe")
    if form.recipes is None:
        return (_recipe(shared, "recipe"),)
    places = [(entry, f"recipes[{at}]") for at, entry in enumerate(form.recipes)]
    return tuple(_recipe(_tuning_keys(entry, shared, place), place) for entry, place in places)


def _tuning_keys(own: Given, shared: Given, place: str) -> Given:
    """The keys of a table on top of those of ``[recipe]``; full tuning leaves the shared keys of LoRA behind."""
    if {**shared, **own}.get("method") != "full":
        return {**shared, **own}
    for key in _LORA_ONLY:
        if key in own:
            raise InputError(f"{key} applies to method lora, not full", field=f"{place}.{key}")
    return {**{key: value for key, value in shared.items() if key not in _LORA_ONLY}, **own}


def _recipe(given: Given, place: str) -> Recipe:
    with located(place=place):
        return Recipe(**{"name": given.get("method", "lora"), **given})
