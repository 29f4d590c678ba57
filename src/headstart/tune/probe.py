# pyright: basic
"""A measured taste of a cell: what loading, one step and one evaluation take on the device that will run it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from headstart.errors import InputError
from headstart.tune.clock import device_seconds
from headstart.tune.encode import encoder_for
from headstart.tune.executors import Executor
from headstart.tune.forecast import Forecast, Key, Measured, Unmeasured, key_of
from headstart.tune.items import ContextChoice, Continuation, Generation, Item, MultipleChoice, Text
from headstart.tune.memory_forecast import forecast_memory
from headstart.tune.models import load
from headstart.tune.plan import Cell
from headstart.tune.prepare import Prepared
from headstart.tune.score import Scorer
from headstart.tune.tasks import load_task
from headstart.tune.training import Tuning

_STEPS = 5  # behind one that warms up
_ITEMS = 64


@dataclass(frozen=True, kw_only=True)
class ProbeJob:
    """What to measure: any cell of its model, task and recipe.

    Args:
        device: ``cpu``, ``cuda`` or ``mps``.
        threads: CPU threads.
        batch_tokens: Tokens per forward pass when scoring.
    """

    cell: Cell
    device: str
    threads: int
    batch_tokens: int

    @property
    def devices(self) -> int:
        """GPUs that the worker must see."""
        return self.cell.model.devices


def measure(job: ProbeJob) -> Measured:
    """Load, tune a few steps and score a sample of the test items, as the cell itself would; nothing is kept."""
    torch.set_num_threads(job.threads)
    _forget_peak(job.device)
    cell = job.cell

    def now() -> float:
        return device_seconds(job.device, threads=job.threads)

    started = now()
    task = load_task(cell.task)
    loaded = load(cell.model, device=job.device)
    encoder = encoder_for(loaded, cell.recipe)
    encoder.check(task.train)
    encoder.check(task.test)
    path = Scorer(loaded, encoder, batch_tokens=job.batch_tokens).prepare(task.test)
    tuning = Tuning(
        loaded,
        encoder,
        cell.recipe,
        seed=cell.seed,
        total_steps=max(cell.steps, 1 + _STEPS),
        packs=path == "tree",
    )
    load_seconds = now() - started

    scorer = Scorer(loaded, encoder, batch_tokens=job.batch_tokens)
    sample = task.test[:: max(1, len(task.test) // _ITEMS)]
    scorer.prepare(sample)
    started = now()
    scorer.score(sample)
    chosen_on = task.validation if cell.selection is not None else ()
    share = _size(sample) / (_size(task.test) + _size(chosen_on))
    evaluation_seconds = (now() - started) / share

    tuning.step_on(task.train)
    started = now()
    for _ in range(_STEPS):
        tuning.step_on(task.train)
    step_seconds = (now() - started) / _STEPS
    # Memory is what the longest batch takes: else a cell would run out of it hours later, when its turn comes.
    tuning.try_longest(task.train)
    return Measured(
        model=cell.model.name,
        task=cell.task.name,
        recipe=cell.recipe.name,
        load_seconds=load_seconds,
        step_seconds=step_seconds,
        evaluation_seconds=evaluation_seconds,
        peak_memory_bytes=_peak(job.device),
        state_bytes=sum(tensor.nbytes for tensor in tuning.state().tensors.values()),
        micro_batch=tuning.micro_batch,
    )


def measure_plan(prepared: Prepared, executor: Executor) -> Forecast:
    """Measure every model, task and recipe of a plan, on the workers that will run it.

    Raises:
        InputError: If a recipe does not fit a model.
    """
    memory = forecast_memory(prepared, executor)
    first = {key_of(cell): cell for cell in reversed(prepared.plan.cells())}
    jobs = [
        ProbeJob(
            cell=cell,
            device=prepared.hardware.device,
            threads=executor.threads,
            batch_tokens=prepared.batch_tokens,
        )
        for cell in first.values()
    ]
    found: dict[Key, Measured | Unmeasured] = {}
    for done in executor.each(measure, jobs):
        model, task, recipe = key = key_of(done.job.cell)
        reply = done.reply
        if reply.bad_input:
            raise InputError(f"model {model}, task {task}, recipe {recipe}: {reply.error}")
        reason = reply.error or "nothing was measured"
        found[key] = reply.value or Unmeasured(model=model, task=task, recipe=recipe, reason=reason)
    ordered = [found[key] for key in sorted(found)]
    return Forecast(
        plan_hash=prepared.seal.hash,
        measured=tuple(entry for entry in ordered if isinstance(entry, Measured)),
        unmeasured=tuple(entry for entry in ordered if isinstance(entry, Unmeasured)),
        memory=memory,
    )


def _size(items: Sequence[Item]) -> int:
    """Characters a model reads to score items: proportional to tokens, and known without a tokenizer."""
    total = 0
    for item in items:
        match item:
            case MultipleChoice():
                total += len(item.context) + sum(map(len, item.continuations))
            case ContextChoice():
                total += sum(map(len, item.contexts)) + len(item.contexts) * len(item.continuation)
            case Generation():
                total += len(item.prompt) + 4 * item.max_tokens  # a token is some four characters
            case Continuation():
                total += len(item.context) + len(item.continuation)
            case Text():
                total += len(item.text)
    return total


def _forget_peak(device: str) -> None:
    if device == "cuda":
        torch.cuda.init()  # asking for a device by its number does not
        for index in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(index)
    with suppress(OSError):  # Linux only
        Path("/proc/self/clear_refs").write_text("5")


def _peak(device: str) -> int | None:
    """Most memory used since ``_forget_peak``: of the GPUs, or of this process; None where the system does not say."""
    if device == "cuda":
        return sum(torch.cuda.max_memory_allocated(index) for index in range(torch.cuda.device_count()))
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
