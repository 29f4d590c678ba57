"""``lm_eval``: a task of lm-evaluation-harness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.tune.items import Task
from headstart.tune.kinds import CHOICE_METRICS, TaskKind
from headstart.tune.plan import TaskSpec
from headstart.tune.plan_paths import lm_eval_folder


def _load(spec: TaskSpec) -> Task:
    from headstart.tune.lm_eval_tasks import load_lm_eval_task  # here: the harness is an extra

    return load_lm_eval_task(spec)


def _complete(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    given = {"lm_eval_name": given["name"], **given}
    if "include_path" in given:
        given["include_path"] = lm_eval_folder(folder, given["include_path"])
    return given


KIND = TaskKind(
    # which of them is known once the task is loaded
    metrics=(*CHOICE_METRICS, "exact_match", "logprob", "byte_logprob", "word_logprob"),
    keys=frozenset({"lm_eval_name", "include_path", "fewshot", "filter"}),
    required=("lm_eval_name",),
    load=_load,
    complete=_complete,
    extra="lm-eval",
    packages=("lm_eval",),
)
