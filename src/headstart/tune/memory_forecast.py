"""Memory forecast of a plan: what every model, task and recipe needs, what its workers have, and what to change."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from headstart.tune.executors import Executor, cells_per_device
from headstart.tune.forecast import TIGHT, CellMemory
from headstart.tune.items import Generation, Task
from headstart.tune.memory import DeviceMemory, Load, Needed, device_memory, needed
from headstart.tune.plan import ModelSpec, Recipe
from headstart.tune.prepare import Prepared, Truncated


@dataclass(frozen=True, kw_only=True)
class _Look:
    """A question to a worker that has so many devices."""

    device: str
    devices: int


def forecast_memory(prepared: Prepared, executor: Executor) -> tuple[CellMemory, ...]:
    """What the cells of a plan need at most, one entry per model, task and recipe; no weights are loaded.

    What there is comes from one worker, so workers are thought to be alike.
    """
    device, plan = prepared.hardware.device, prepared.plan
    looks = [_Look(device=device, devices=count) for count in sorted({model.devices for model in plan.models})]
    there = {done.job.devices: done.reply.value for done in executor.each(_look, looks)}
    cells = cells_per_device(executor, device)
    models, recipes = {one.name: one for one in plan.models}, {one.name: one for one in plan.recipes}
    tasks = {task.name: task for task in prepared.tasks}
    found: list[CellMemory] = []
    for entry in prepared.truncated:
        model, recipe = models[entry.model], recipes[entry.recipe]
        load = load_of(tasks[entry.task], entry, batch_tokens=prepared.batch_tokens)
        found.append(_memory(entry, model, recipe, load, device=device, there=there[model.devices], cells=cells))
    return tuple(found)


def load_of(task: Task, counted: Truncated, *, batch_tokens: int) -> Load:
    """How long the items of a task are, as they were counted."""
    answers = [item.max_tokens for item in task.test if isinstance(item, Generation)]
    return Load(
        train_tokens=counted.train.longest,
        train_targets=counted.train.targets,
        test_tokens=counted.test.longest + max(answers, default=0),
        batch_tokens=batch_tokens,
        generates=bool(answers),
    )


def advice(
    model: ModelSpec,
    recipe: Recipe,
    load: Load,
    *,
    device: str,
    room: float,
    need: Callable[[ModelSpec, Recipe, Load], int],
) -> Iterator[str]:
    """What to change so that a cell needs less, each change by itself with what the cell needs then.

    Args:
        model, recipe: As they are.
        load: How long the items are.
        device: ``cpu``, ``cuda`` or ``mps``.
        room: Bytes that a cell may take of one device.
        need: Bytes that a cell needs.
    """
    rows = min(recipe.micro_batch or recipe.batch_size, recipe.batch_size)
    now = need(model, recipe, load)
    changes: list[tuple[str, ModelSpec, Recipe]] = []
    if not recipe.gradient_checkpointing:
        changes.append(("gradient_checkpointing = true", model, replace(recipe, gradient_checkpointing=True)))
    if rows > 1:
        changes.append(("micro_batch = 1", model, replace(recipe, micro_batch=1)))
    if rows > 1 and not recipe.gradient_checkpointing:
        both = replace(recipe, gradient_checkpointing=True, micro_batch=1)
        changes.append(("both of them", model, both))
    if recipe.method == "full":
        changes.append(('method = "lora"', model, replace(recipe, method="lora")))
    if model.dtype in ("float32", "float64"):
        changes.append(('dtype = "bfloat16" (it moves scores)', replace(model, dtype="bfloat16"), recipe))
    for name, other, how in changes:
        then = need(other, how, load)
        if then < 0.98 * now:
            yield f"{name}: {then / 1e9:.3g} GB"
    if load.batch_tokens > max(load.test_tokens, 1):
        # scoring needs room for its longest item
        then = need(model, recipe, replace(load, batch_tokens=max(load.test_tokens, 1)))
        if then < 0.98 * now:
            yield f"evaluation_batch_tokens = {load.test_tokens}: {then / 1e9:.3g} GB"
    if device == "cuda":
        yield f"devices = {math.ceil(now / (TIGHT * room))}: the model shared by so many GPUs"


def _memory(
    entry: Truncated,
    model: ModelSpec,
    recipe: Recipe,
    load: Load,
    *,
    device: str,
    there: DeviceMemory | None,
    cells: int,
) -> CellMemory:
    other = there.other if there else 0
    sharing = cells if model.devices == 1 else 1  # a cell of several GPUs has them whole
    available = None if there is None or there.available is None else there.available // sharing

    def parts(model: ModelSpec, recipe: Recipe, load: Load) -> Needed:
        return replace(needed(model, recipe, load, device=device), other=other)

    try:
        now = parts(model, recipe, load)
    except Exception as error:
        return CellMemory(
            model=entry.model,
            task=entry.task,
            recipe=entry.recipe,
            needed_bytes=None,
            available_bytes=available,
            reason=f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}",
        )
    found = CellMemory(
        model=entry.model,
        task=entry.task,
        recipe=entry.recipe,
        needed_bytes=now.total,
        available_bytes=available,
        parts=asdict(now),
    )
    if not found.tight or not available:
        return found
    room = available / model.devices

    def need(model: ModelSpec, recipe: Recipe, load: Load) -> int:
        return parts(model, recipe, load).total

    lines = advice(model, recipe, load, device=device, room=room, need=need)
    return replace(found, advice=tuple(lines))


def _look(look: _Look) -> DeviceMemory:
    return device_memory(look.device, devices=look.devices)
