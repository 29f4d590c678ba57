"""A plan for tiny models, as a file."""

import pickle
from pathlib import Path

from headstart.tune.executors import Done, attempt, attempt_here
from headstart.tune.hardware import this_machine
from tiny_models import parity_records, tiny_model, write_jsonl


def tiny_plan(folder: Path, *, models: int = 2, seeds: int = 1, levels: str = "[0, 2]", more: str = "") -> Path:
    """Write models, items and ``plan.toml`` to ``folder``; ``more`` stands above the tables of the plan."""
    for number in range(models):
        tiny_model(folder / f"m{number}", seed=number)
    write_jsonl(folder / "train.jsonl", parity_records(32))
    write_jsonl(folder / "test.jsonl", parity_records(12, start=32))
    plan = folder / "plan.toml"
    plan.write_text(
        f"""
schema = "headstart.plan/1"
name = "tiny"
levels = {levels}
seeds = {list(range(seeds))}
{more}
[[tasks]]
name = "parity"
kind = "multiple_choice"
train = "train.jsonl"
test = "test.jsonl"
"""
        + "".join(f'[[models]]\nname = "m{number}"\npath = "m{number}"\n' for number in range(models))
    )
    return plan


class Here:
    """An executor without processes: importing torch anew takes longer than all these runs."""

    name, threads, workers = "local", 1, 1

    def hardware(self):
        return this_machine("cpu", 1)

    def each(self, function, jobs):
        for job in jobs:
            yield Done(job=job, reply=attempt(pickle.dumps((function, job))))

    def everywhere(self, function, job):
        return attempt_here(function, job)
