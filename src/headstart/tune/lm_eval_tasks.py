# pyright: basic
"""Tasks of lm-evaluation-harness, every item asked exactly as the harness asks it.

The harness builds the prompts; nothing here writes a prompt of its own. What it scores by other means than this package
(several right choices, answers fished out by regular expressions, functions of the task's own) is refused, so that a
score always means the same as there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

from headstart.errors import InputError
from headstart.io.text import suggestion
from headstart.tune.items import ExactMatch, Item, Task
from headstart.tune.lm_eval_items import harness_items, item_notes
from headstart.tune.lm_eval_safety import as_the_harness_starts, refuse_code
from headstart.tune.plan import TaskSpec

_CHOICE_METRICS = ("acc", "acc_norm")
_EXACT_MATCH_OPTIONS = {"ignore_case", "ignore_punctuation", "ignore_numbers", "regexes_to_ignore"}
_FEWSHOT_SEED = 1234  # the harness's default


def load_lm_eval_task(spec: TaskSpec) -> Task:
    """The items of a task of lm-evaluation-harness.

    The test split is what the harness tests on: the task's test split, or its validation split if it has none. The
    training items are the train split, asked in the same way.

    Raises:
        InputError: If there is no such task, its data cannot be loaded, it has no train split, or its items or its
            metric are of a kind that is not scored here.
    """
    try:
        import lm_eval.tasks  # noqa: F401
    except ImportError:
        raise InputError('tasks of kind lm_eval need the extra: pip install "headstart[lm-eval]"') from None
    with as_the_harness_starts():
        task = _load(spec)
        _refuse(task, spec)
        exact_match, notes = _scored_as(task, spec)
        if (usual := task.config.num_fewshot or 0) != spec.fewshot:
            notes.append(f"Asked with {spec.fewshot} examples; lm-evaluation-harness asks with {usual} unless told.")
        task.set_config("num_fewshot", spec.fewshot)
        docs, split_notes = _splits(task, spec)
        splits = _asked(task, spec, docs)
        zero_shot = None
        if spec.fewshot:
            task.set_config("num_fewshot", 0)
            zero_shot = _task(spec, _asked(task, spec, docs))
    return replace(
        _task(spec, splits),
        sources={split: _digest(items) for split, items in splits.items()},
        exact_match=exact_match,
        notes=(*notes, *split_notes, *item_notes(splits, stripped=exact_match.strip)),
        zero_shot=zero_shot,
    )


def _task(spec: TaskSpec, splits: Mapping[str, tuple[Item, ...]]) -> Task:
    return Task(
        name=spec.name,
        metric=spec.metric,
        train=splits["train"],
        test=splits["test"],
        validation=splits.get("validation", ()),
    )


def _asked(task: Any, spec: TaskSpec, docs: Mapping[str, tuple[str, Any]]) -> dict[str, tuple[Item, ...]]:
    """The items of every split, with as many examples in front as the task is set to."""
    limits = {"train": spec.train_limit, "validation": None, "test": spec.test_limit}
    splits: dict[str, tuple[Item, ...]] = {}
    for split, (name, rows) in docs.items():
        task.set_fewshot_seed(_FEWSHOT_SEED)
        place = f"lm_eval task {spec.lm_eval_name}, split {name}"
        splits[split] = harness_items(task, rows, place=place, limit=limits[split], aside=split != "test")
        if not splits[split]:
            raise InputError("holds no items; a split must not be empty", file=place)
    return splits


def _load(spec: TaskSpec) -> Any:
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._index import Kind

    name = spec.lm_eval_name
    manager = _own_tasks(spec.include_path) if spec.include_path else None
    if manager is None or name not in manager.task_index:
        manager = _all_tasks()
    entry = manager.task_index.get(name)
    if entry is None:
        raise _refusal(spec, f"lm-evaluation-harness has no such task{suggestion(str(name), manager.all_subtasks)}")
    if entry.kind in (Kind.GROUP, Kind.TAG):
        raise _refusal(spec, "it is a group of tasks; name the tasks one by one")
    refuse_code(entry.yaml_path, spec)
    try:
        task = manager.load(name)["tasks"].popitem()[1]
    except Exception as error:  # of any kind: the harness, its task files and every library that loads data
        raise _refusal(spec, _why_not_loaded(error)) from error
    if not isinstance(task, ConfigurableTask):
        raise _refusal(spec, "it is a Python class of its own, which is not supported")
    return task


@lru_cache(maxsize=1)
def _all_tasks() -> Any:
    """The harness's own tasks; reading their 13,000 files takes seconds."""
    from lm_eval.tasks import TaskManager

    return TaskManager()


def _own_tasks(folder: str) -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=folder, include_defaults=False)


def _why_not_loaded(error: Exception) -> str:
    first = (str(error).strip() or repr(error)).partition("\n")[0]
    words = f"{type(error).__name__} {error}".lower()
    if any(word in words for word in ("connect", "offline", "hub", "timeout", "timed out", "resolve", "http")):
        return (
            "its data is on the hub, which cannot be reached or refuses, and is not in the local cache "
            f"(HF_DATASETS_CACHE): {first}"
        )
    return f"lm-evaluation-harness could not load it: {type(error).__name__}: {first}"


def _refuse(task: Any, spec: TaskSpec) -> None:
    """Raise if the task is of a kind that is not scored here."""
    config = task.config
    if task.OUTPUT_TYPE not in ("multiple_choice", "generate_until"):
        raise _refusal(spec, f"its output type {task.OUTPUT_TYPE} is not multiple_choice or generate_until")
    if config.doc_to_image or config.doc_to_audio:
        raise _refusal(spec, "it asks about images or sound")
    if config.unsafe_code:
        raise _refusal(spec, "it runs code that a model wrote")
    if callable(config.process_results) or type(task).process_results is not _standard("process_results"):
        raise _refusal(spec, "it computes its scores with a function of its own")
    if type(task).construct_requests is not _standard("construct_requests"):
        raise _refusal(spec, "it asks in a way of its own")
    if task.multiple_target and task.OUTPUT_TYPE == "multiple_choice":
        raise _refusal(spec, "it counts several choices as right")
    if config.num_fewshot == 0 and spec.fewshot > 0:
        raise _refusal(spec, "it must be asked without examples", field="fewshot")


def _standard(method: str) -> Any:
    from lm_eval.api.task import ConfigurableTask

    return getattr(ConfigurableTask, method)


def _scored_as(task: Any, spec: TaskSpec) -> tuple[ExactMatch, list[str]]:
    """How generated answers are compared, and what to know about the metric; raises if the task has no such metric."""
    from lm_eval.api.metrics import exact_match_fn
    from lm_eval.api.metrics import mean as harness_mean

    listed = list(task._metric_fn_list)
    possible = [name for name in _CHOICE_METRICS if name in listed] + ["choice_logprob"]
    if task.OUTPUT_TYPE == "generate_until":
        possible = [name for name in listed if name == "exact_match"]
    if spec.metric not in possible:
        scored = f"here by {' or '.join(possible)}" if possible else "by nothing that is computed here"
        raise _refusal(spec, f"lists {', '.join(listed)} and can be scored {scored}, got {spec.metric}", field="metric")
    if spec.metric in listed and task._aggregation_list[spec.metric] is not harness_mean:
        raise _refusal(spec, f"does not average {spec.metric} over its items", field="metric")
    if task.OUTPUT_TYPE == "multiple_choice":
        return ExactMatch(), []
    options = dict(task._metric_fn_kwargs["exact_match"])
    if task._metric_fn_list["exact_match"] is not exact_match_fn or options.keys() - _EXACT_MATCH_OPTIONS:
        raise _refusal(spec, "it has a definition of exact_match of its own", field="metric")
    stripped, notes = _filter(task, spec)
    patterns = tuple(options.pop("regexes_to_ignore", None) or ())
    return ExactMatch(**options, regexes_to_ignore=patterns, strip=stripped), notes


def _filter(task: Any, spec: TaskSpec) -> tuple[bool, list[str]]:
    """Whether white space around an answer is dropped before it is compared; raises if anything else is done to it."""
    pipelines = {
        pipeline["name"]: [step["function"] for step in pipeline["filter"]]
        for pipeline in task.config.filter_list or [{"name": "none", "filter": [{"function": "take_first"}]}]
    }
    plain = {name: steps for name, steps in pipelines.items() if set(steps) <= {"take_first", "remove_whitespace"}}
    if not plain:
        steps = sorted({step for steps in pipelines.values() for step in steps})
        raise _refusal(spec, f"its answers are filtered by {', '.join(steps)}; only remove_whitespace is supported")
    name, steps = next(iter(plain.items()))
    notes = [f"Scored as by the filter {name!r} of {', '.join(pipelines)}."] if len(pipelines) > 1 else []
    return "remove_whitespace" in steps, notes


def _splits(task: Any, spec: TaskSpec) -> tuple[dict[str, tuple[str, Any]], list[str]]:
    """Name and rows of each split, and what to know about the choice."""
    config = task.config
    tested = config.test_split or config.validation_split
    if not task.has_training_docs():
        raise _refusal(spec, "it has no train split, so nobody can be tuned on it")
    if config.training_split == tested:
        raise _refusal(spec, f"its train split {tested!r} is also what it is tested on")
    found = {"train": (config.training_split, task.training_docs()), "test": (tested, task.eval_docs)}
    notes: list[str] = []
    if not config.test_split:
        notes.append(f"There is no test split with answers; tested on {tested!r}, as lm-evaluation-harness does.")
    elif config.validation_split not in (None, tested, config.training_split):
        found["validation"] = (config.validation_split, task.validation_docs())
    return found, notes


def _digest(items: tuple[Item, ...]) -> str:
    """SHA-256 over the items as canonical JSON: the same data and the same prompts."""
    plain = [{"kind": type(item).__name__, **asdict(item)} for item in items]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _refusal(spec: TaskSpec, why: str, field: str = "lm_eval_name") -> InputError:
    return InputError(f"task {spec.name} ({spec.lm_eval_name} of lm-evaluation-harness): {why}", field=field)
