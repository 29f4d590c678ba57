# pyright: basic
"""Tasks of lm-evaluation-harness, every item asked exactly as the harness asks it.

The harness builds the prompts; nothing here writes a prompt of its own. What it scores by other means than this package
(filters other than regular expressions, functions of the task's own) is refused, so that a score always means the same
as there. A group is one task, with the items of all its members.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from headstart.errors import InputError
from headstart.io.text import suggestion
from headstart.tune.items import ExactMatch, Extract, Item, Task, item_fields
from headstart.tune.lm_eval_items import harness_items, item_notes
from headstart.tune.lm_eval_safety import as_the_harness_starts, refuse_code
from headstart.tune.plan import TaskSpec
from headstart.tune.splits import choose_rows

# For every output type that is scored here the metrics, and under what name the task has to list them (None: any does).
_OUTPUT_TYPES: dict[str, dict[str, str | None]] = {
    "multiple_choice": {"acc": "acc", "acc_norm": "acc_norm", "mcc": "mcc", "f1": "f1", "choice_logprob": None},
    "generate_until": {"exact_match": "exact_match"},
    "loglikelihood": {"acc": "acc", "logprob": "perplexity"},
    "loglikelihood_rolling": {"byte_logprob": "byte_perplexity", "word_logprob": "word_perplexity"},
}
_FILTERS = {"take_first", "remove_whitespace", "regex"}
_AND = "remove_whitespace, regex and take_first"
_EXACT_MATCH_OPTIONS = {"ignore_case", "ignore_punctuation", "ignore_numbers", "regexes_to_ignore"}
_FEWSHOT_SEED = 1234  # the harness's default


def load_lm_eval_task(spec: TaskSpec) -> Task:
    """The items of a task of lm-evaluation-harness, or of all tasks of a group.

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
        members = [_member(task, spec) for task in _load(spec)]
    return _joined(members, spec) if len(members) > 1 else members[0]


def _member(task: Any, spec: TaskSpec) -> Task:
    """One task, asked as the plan says."""
    spec = replace(spec, lm_eval_name=task.config.task)
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


def _joined(members: list[Task], spec: TaskSpec) -> Task:
    """A group as one task: all items of its members, in their order."""
    if any(one.exact_match != members[0].exact_match for one in members):
        raise _refusal(spec, "its members compare answers in different ways; name the tasks one by one")
    zero_shots = [one.zero_shot for one in members if one.zero_shot is not None]
    joined = replace(_task(spec, _stacked(members)), exact_match=members[0].exact_match)
    return replace(
        joined,
        sources={split: _digest(getattr(joined, split)) for split in ("train", "validation", "test")},
        zero_shot=_task(spec, _stacked(zero_shots)) if zero_shots else None,
        notes=(
            f"A group of {len(members)} tasks: its score is over all their items, so larger tasks weigh more.",
            *dict.fromkeys(note for one in members for note in one.notes),
        ),
    )


def _stacked(members: Sequence[Task]) -> dict[str, tuple[Item, ...]]:
    return {
        split: tuple(item for one in members for item in getattr(one, split))
        for split in ("train", "validation", "test")
    }


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
    found = {
        split: (name, rows if hasattr(rows, "__getitem__") else list(rows)) for split, (name, rows) in docs.items()
    }
    for name, rows in found.values():
        if not len(rows):
            raise InputError(
                "holds no items; a split must not be empty", file=f"lm_eval task {spec.lm_eval_name}, split {name}"
            )
    splits: dict[str, tuple[Item, ...]] = {}
    for split, chosen in choose_rows(spec, {split: len(rows) for split, (_, rows) in found.items()}).items():
        name, rows = found[chosen.source]
        task.set_fewshot_seed(_FEWSHOT_SEED)
        place = f"lm_eval task {spec.lm_eval_name}, split {name}"
        splits[split] = harness_items(task, rows, place=place, indices=chosen.indices, aside=split != "test")
    return splits


def _load(spec: TaskSpec) -> list[Any]:
    """The task, or the members of the group, by name."""
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._index import Kind

    name = spec.lm_eval_name
    manager = _own_tasks(spec.include_path) if spec.include_path else None
    own = manager is not None and name in manager.task_index
    if manager is None or not own:
        manager = _all_tasks()
    entry = manager.task_index.get(name)
    if entry is None:
        raise _refusal(spec, f"lm-evaluation-harness has no such task{suggestion(str(name), manager.all_subtasks)}")
    grouped = entry.kind in (Kind.GROUP, Kind.TAG)
    for one in manager.task_index.values() if grouped and own else [entry]:
        if one.yaml_path is not None:
            refuse_code(one.yaml_path, spec)
    try:
        tasks = list(manager.load(name)["tasks"].values())
    except Exception as error:  # of any kind: the harness, its task files and every library that loads data
        raise _refusal(spec, _why_not_loaded(error)) from error
    for task in tasks:
        if not isinstance(task, ConfigurableTask):
            raise _refusal(spec, "it is a Python class of its own, which is not supported")
    return tasks


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
    if task.OUTPUT_TYPE not in _OUTPUT_TYPES:
        raise _refusal(spec, f"its output type {task.OUTPUT_TYPE} is not one of {', '.join(_OUTPUT_TYPES)}")
    if config.doc_to_image or config.doc_to_audio:
        raise _refusal(spec, "it asks about images or sound")
    if config.unsafe_code:
        raise _refusal(spec, "it runs code that a model wrote")
    scored_by_itself = callable(config.process_results) and task.OUTPUT_TYPE != "loglikelihood_rolling"
    if scored_by_itself or type(task).process_results is not _standard("process_results"):
        raise _refusal(spec, "it computes its scores with a function of its own")
    if type(task).construct_requests is not _standard("construct_requests"):
        raise _refusal(spec, "it asks in a way of its own")
    if task.multiple_target and task.multiple_input:
        raise _refusal(spec, "it counts several contexts as right")
    if config.num_fewshot == 0 and spec.fewshot > 0:
        raise _refusal(spec, "it must be asked without examples", field="fewshot")


def _standard(method: str) -> Any:
    from lm_eval.api.task import ConfigurableTask

    return getattr(ConfigurableTask, method)


def _scored_as(task: Any, spec: TaskSpec) -> tuple[ExactMatch, list[str]]:
    """How generated answers are compared, and what to know about the metric; raises if the task has no such metric."""
    from lm_eval.api.metrics import exact_match_fn

    listed = list(task._metric_fn_list)
    theirs = {ours: name for ours, name in _OUTPUT_TYPES[task.OUTPUT_TYPE].items() if name is None or name in listed}
    if spec.metric not in theirs:
        scored = f"here by {' or '.join(theirs)}" if theirs else "by nothing that is computed here"
        raise _refusal(spec, f"lists {', '.join(listed)} and can be scored {scored}, got {spec.metric}", field="metric")
    name = theirs[spec.metric]
    if name is not None and task._aggregation_list[name] is not _aggregation(name):
        how = "average" if _aggregation(name) is _aggregation("acc") else "aggregate"
        raise _refusal(spec, f"does not {how} {name} over its items as lm-evaluation-harness does", field="metric")
    if task.OUTPUT_TYPE != "generate_until":
        if spec.filter is not None:
            raise _refusal(spec, "filter applies to generated answers only", field="filter")
        return ExactMatch(), _reading(spec.metric, name)
    options = dict(task._metric_fn_kwargs["exact_match"])
    if task._metric_fn_list["exact_match"] is not exact_match_fn or options.keys() - _EXACT_MATCH_OPTIONS:
        raise _refusal(spec, "it has a definition of exact_match of its own", field="metric")
    (stripped, extract), notes = _filter(task, spec)
    patterns = tuple(options.pop("regexes_to_ignore", None) or ())
    return ExactMatch(**options, regexes_to_ignore=patterns, strip=stripped, extract=extract), notes


def _aggregation(name: str) -> Any:
    """How the harness makes one number of a metric's values."""
    from lm_eval.api import metrics

    kinds = {
        "mcc": metrics.matthews_corrcoef,
        "f1": metrics.f1_score,
        "perplexity": metrics.perplexity,
        "word_perplexity": metrics.weighted_perplexity,
        "byte_perplexity": metrics.weighted_perplexity,
        "bits_per_byte": metrics.bits_per_byte,
    }
    return kinds.get(name, metrics.mean)


def _reading(metric: str, name: str | None) -> list[str]:
    if name is None or name == metric:
        return []
    theirs = "-score / log 2" if name == "bits_per_byte" else "exp(-score)"
    return [f"lm-evaluation-harness reports {name}, where less is better: it is {theirs}."]


def _filter(task: Any, spec: TaskSpec) -> tuple[tuple[bool, tuple[Extract, ...]], list[str]]:
    """What is done to an answer before it is compared; raises if that is more than stripping and regular expressions.

    A pipeline is the same as: drop white space around the answer if it is asked for before the first expression, then
    apply the expressions, whose matches have no white space around them any more.
    """
    pipelines: dict[str, list[dict[str, Any]]] = {
        pipeline["name"]: pipeline["filter"]
        for pipeline in task.config.filter_list or [{"name": "none", "filter": [{"function": "take_first"}]}]
    }
    if spec.filter is not None and spec.filter not in pipelines:
        raise _refusal(spec, f"filter must be one of {', '.join(pipelines)}, got {spec.filter!r}", field="filter")
    wanted = {spec.filter: pipelines[spec.filter]} if spec.filter else pipelines
    known = {name: steps for name, steps in wanted.items() if {step["function"] for step in steps} <= _FILTERS}
    if not known:
        steps = sorted({step["function"] for steps in wanted.values() for step in steps})
        raise _refusal(spec, f"its answers are filtered by {', '.join(steps)}; only {_AND} are supported", "filter")
    name, steps = next(iter(known.items()))
    notes = [f"Scored as by the filter {name!r} of {', '.join(pipelines)}."] if len(pipelines) > 1 else []
    strip, extract = False, list[Extract]()
    for step in steps:
        if step["function"] == "regex":
            extract.append(_extract(step, spec))
        elif step["function"] == "remove_whitespace" and extract:
            extract[-1] = replace(extract[-1], fallback=extract[-1].fallback.strip())
        elif step["function"] == "remove_whitespace":
            strip = True
    return (strip, tuple(extract)), notes


def _extract(step: dict[str, Any], spec: TaskSpec) -> Extract:
    """A filter ``regex`` with the harness's defaults."""
    odd = step.keys() - {"function", "regex_pattern", "group_select", "fallback"}
    if odd:
        raise _refusal(spec, f"its filter regex has {', '.join(sorted(odd))}, which is not supported", field="filter")
    pattern = str(step.get("regex_pattern", r"#### (\-?[0-9\.\,]+)"))
    try:
        re.compile(pattern)
    except re.error as error:
        raise _refusal(spec, f"its filter has a bad regular expression {pattern!r}: {error}", "filter") from None
    return Extract(
        pattern=pattern, select=int(step.get("group_select", 0)), fallback=str(step.get("fallback", "[invalid]"))
    )


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
    plain = [item_fields(item) for item in items]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _refusal(spec: TaskSpec, why: str, field: str = "lm_eval_name") -> InputError:
    return InputError(f"task {spec.name} ({spec.lm_eval_name} of lm-evaluation-harness): {why}", field=field)
