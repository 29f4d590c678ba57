"""Results as files for the folder ``.eval_results`` of each model's repository on the Hugging Face hub."""

from __future__ import annotations

import re

from headstart.data.writers.published import Files, Published, PublishedScore, Writer, plain_step
from headstart.errors import InputError
from headstart.io.yaml_documents import write_yaml

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def _render(published: Published) -> Files:
    """One file for each score: the hub takes several scores of one benchmark from several files only."""
    files: dict[str, bytes] = {}
    for one in published.scores:
        dataset, part = _dataset(published, one.benchmark)
        seed = "" if one.seed is None else f"_seed-{one.seed}"
        file = _NOT_IN_NAMES.sub("_", f"{one.benchmark}_step-{plain_step(one.step)}{seed}") + ".yaml"
        folder = "/".join(_NOT_IN_NAMES.sub("_", name).strip(".") or "_" for name in one.model.split("/"))
        name = f"{folder}/.eval_results/{file}"
        if name in files:
            raise InputError(f"names of models and benchmarks must differ in file names, got {name} twice")
        entry = {
            "dataset": {"id": dataset, "task_id": part} if part else {"id": dataset},
            "value": one.score,
            "date": published.created_at,
            "notes": _notes(one),
        }
        files[name] = write_yaml([entry])
    return files


def _dataset(published: Published, benchmark: str) -> tuple[str, str]:
    """Data set on the hub and task in it.

    Raises:
        InputError: If neither the benchmark is called after one nor one was named.
    """
    name, _, part = published.datasets.get(benchmark, benchmark).partition(":")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise InputError(
            f"the data set of {benchmark} on the hub must be named as OWNER/NAME, got {name!r}; --dataset "
            f"{benchmark}=OWNER/NAME names it"
        )
    return name, part


def _notes(one: PublishedScore) -> str:
    """What the format has no field for, in the words that the reader of these files knows."""
    parts = [f"step {plain_step(one.step)}"]
    parts += [f"seed {one.seed}"] if one.seed is not None else []
    parts += [f"standard error {one.stderr!r}"] if one.stderr is not None else []
    return "; ".join(parts)


EVAL_RESULTS = Writer(title=".eval_results of models' repositories", render=_render, folder=True)
