# pyright: basic
"""Memory that a cell needs, before any weights are loaded, and the memory a device has.

States are counted exactly from the model's configuration. What a pass over tokens takes is found by taking the pass
with tensors that have shapes and no content, and counting what is alive at the same time.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from headstart.tune.models import empty_model
from headstart.tune.plan import ModelSpec, Recipe
from headstart.tune.score.choices import HEAD_ROWS, KEYS_PER_TOKEN, SOFTMAX_ROWS
from headstart.tune.training import SHORT, use_checkpointing, with_adapter

_LIMITS = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}
_STATE = 4  # bytes of a master weight, its gradient and each of AdamW's moments: float32
_LAYERS = 2, 4  # layers of the two passes from which those of the whole model follow


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a cell has to hold beside the model.

    Args:
        train_tokens: Longest training item, in tokens.
        train_targets: Most tokens of a training item that are learnt.
        test_tokens: Longest test item, in tokens.
        batch_tokens: Tokens per forward pass when scoring.
        generates: Whether answers are generated, with the keys of all layers kept.
    """

    train_tokens: int
    train_targets: int
    test_tokens: int
    batch_tokens: int
    generates: bool = False


@dataclass(frozen=True, kw_only=True)
class Needed:
    """Bytes that a cell needs at most, by what they are for.

    Args:
        weights: The model with its adapter and buffers.
        optimizer: Float32 copies of trained weights where the model has another dtype, and AdamW's two moments.
        gradients: Of the trained weights.
        activations: What a training pass holds beside them: activations, logits and their gradients.
        scoring: What a scoring pass holds, at most.
        saving: A copy of the trained state in the same memory while it is saved; 0 on a GPU.
        other: What the process takes before it loads anything; 0 on a GPU.
    """

    weights: int
    optimizer: int
    gradients: int
    activations: int
    scoring: int
    saving: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """Bytes at the worst moment: training, scoring and saving take turns."""
        turns = max(self.gradients + self.activations, self.scoring, self.saving)
        return self.other + self.weights + self.optimizer + turns


@dataclass(frozen=True, kw_only=True)
class DeviceMemory:
    """Memory of the device, or devices, of one cell.

    Args:
        available: Bytes that a cell may take; None where the system does not say.
        other: Bytes that its process takes before it loads anything, where they come out of the same memory.
    """

    available: int | None
    other: int = 0


def needed(spec: ModelSpec, recipe: Recipe, load: Load, *, device: str) -> Needed:
    """What a cell needs at most.

    Args:
        spec: The model; its configuration alone is read.
        recipe: How it is tuned.
        load: How long its items are.
        device: ``cpu``, ``cuda`` or ``mps``.

    Raises:
        InputError: If the model cannot be described, or the recipe does not fit it.
        Exception: Whatever an architecture raises that cannot be run without content.
    """
    rows = min(recipe.micro_batch or recipe.batch_size, recipe.batch_size)
    return _needed(replace(spec, name="model", devices=1), replace(recipe, name="recipe"), load, device, rows)


@cache  # a plan has the same model under many names, and asks for advice
def _needed(spec: ModelSpec, recipe: Recipe, load: Load, device: str, rows: int) -> Needed:
    with torch.device("meta"):
        model: Any = empty_model(spec)
        stored = _bytes([*model.parameters(), *model.buffers()])
        if recipe.method == "lora":
            with_adapter(model, recipe)
            if spec.dtype == "float64":  # peft's layers follow the model's dtype upwards, but not without content
                for weight in model.parameters():
                    weight.data = weight.data.double()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    masters = [weight for weight in trained if weight.dtype not in (torch.float32, torch.float64)]
    wide = _STATE if spec.dtype != "float64" else 8  # AdamW's moments have the dtype of what they belong to
    count = sum(weight.numel() for weight in trained)
    optimizer = _STATE * sum(weight.numel() for weight in masters) + 2 * wide * count
    if recipe.gradient_checkpointing:
        use_checkpointing(model)
    whole = recipe.batch_size <= rows
    backward = _by_layers(model, lambda: _training_peak(model, rows, load, recipe, device=device, whole=whole))
    # While the optimiser steps there are gradients in its dtype, and two tensors of the size of the largest weight.
    step = wide * count + 2 * wide * max((weight.numel() for weight in trained), default=0)
    gradients = min(_bytes(trained), backward)
    if recipe.autocast is not None:  # the float32 pass, and every weight in the lower precision beside it
        backward += 2 * sum(weight.numel() for weight in model.parameters())
    adapters = _bytes([*model.parameters(), *model.buffers()]) - stored
    return Needed(
        weights=stored + adapters,
        optimizer=optimizer,
        gradients=gradients,
        activations=max(backward, step) - gradients,
        scoring=_by_layers(model, lambda: _scoring_peak(model, load, device=device)) + _keys(model, load),
        saving=_STATE * 3 * count if device == "cpu" else 0,
    )


def device_memory(device: str, *, devices: int = 1) -> DeviceMemory:
    """The memory that this process may take of its device; called before it takes any.

    Of a CPU it is what the system has left, or what the control group of the process may still take.

    Args:
        device: ``cpu``, ``cuda`` or ``mps``.
        devices: Number of GPUs that it may take.
    """
    if device.startswith("cuda"):
        gpus = range(min(devices, torch.cuda.device_count()))
        free = sum(torch.cuda.mem_get_info(index)[0] + torch.cuda.memory_reserved(index) for index in gpus)
        return DeviceMemory(available=free)
    if device == "mps":
        return DeviceMemory(available=torch.mps.recommended_max_memory())
    own = _proc("/proc/self/status", "VmRSS") or 0
    rooms = [_proc("/proc/meminfo", "MemAvailable"), _control_group()]
    known = [room for room in rooms if room is not None]
    return DeviceMemory(available=min(known) + own if known else None, other=own)


def _training_peak(model: Any, rows: int, load: Load, recipe: Recipe, *, device: str, whole: bool) -> int:
    """Most bytes a training pass holds at once, gradients included; the second pass of a step where there is one."""
    model.train()
    length = max(load.train_tokens - 1, 1)  # the last token is predicted, never read
    targets = rows * (length if recipe.loss == "all" else max(load.train_targets, 1))
    with _counting(device=device, dtype=model.dtype, length=length) as count, torch.device("meta"):
        for _ in range(1 if whole else 2):
            count.restart()
            read, column = torch.zeros((rows, length), dtype=torch.long), torch.zeros(targets, dtype=torch.long)
            hidden = model.get_decoder()(input_ids=read, use_cache=False).last_hidden_state
            logits = model.get_output_embeddings()(hidden[column, column])
            functional.cross_entropy(logits.float(), column, reduction="sum").backward()
            del hidden, logits
    for weight in model.parameters():
        weight.grad = None
    return count.peak


@torch.no_grad()
def _scoring_peak(model: Any, load: Load, *, device: str) -> int:
    """Most bytes a forward pass of trees holds at once, with the logits that reading every choice by itself takes."""
    model.eval()
    length = max(min(load.test_tokens, load.batch_tokens), 1)
    rows = max(load.batch_tokens // length, 1)
    length = max(load.test_tokens, length)
    with _counting(device=device, dtype=model.dtype, length=length) as count, torch.device("meta"):
        read = torch.zeros((rows, length), dtype=torch.long)
        model.get_decoder()(
            input_ids=read,
            position_ids=torch.zeros((rows, length), dtype=torch.long),
            attention_mask=torch.zeros((rows, 1, length, length), dtype=model.dtype),
            use_cache=False,
        )
    width, size = model.get_output_embeddings().weight.shape[0], model.dtype.itemsize
    softmax = HEAD_ROWS * width * size + 2 * SOFTMAX_ROWS * width * max(size, 4)
    return count.peak + (0 if load.generates else max(softmax, rows * length * width * size))


def _keys(model: Any, load: Load) -> int:
    """Keys and values: of one layer in front of every row of a batch, or of all layers where answers are generated."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    size = (getattr(config, "head_dim", None) or config.hidden_size // heads) * model.dtype.itemsize
    kept = (getattr(config, "num_key_value_heads", None) or heads) * size
    if load.generates:
        return 2 * config.num_hidden_layers * kept * max(load.batch_tokens, load.test_tokens)
    # Behind a mask, keys are repeated for all heads.
    return 2 * (kept + heads * size) * max(KEYS_PER_TOKEN * load.batch_tokens, load.test_tokens)


def _by_layers(model: Any, measure: Callable[[], int]) -> int:
    """``measure`` of the whole model from what it is of few layers: every layer adds the same."""
    found = _layers(model)
    if found is None:
        return measure()
    parent, name, layers = found
    few = []
    try:
        for count in _LAYERS:
            setattr(parent, name, layers[:count])
            few.append(measure())
    finally:
        setattr(parent, name, layers)
    low, high = _LAYERS
    return few[0] + (few[1] - few[0]) * (len(layers) - low) // (high - low)


def _layers(model: Any) -> tuple[Any, str, torch.nn.ModuleList] | None:
    """Where the list of the decoder's layers is; None when there is none that is long enough to be cut."""
    number = model.config.get_text_config().num_hidden_layers
    for module in model.get_decoder().modules():
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ModuleList) and len(child) == number > max(_LAYERS):
                return module, name, child
    return None


class _Count(TorchDispatchMode):
    """Bytes of all tensors that are alive at once; tensors have no content, so whoever asks for one is told yes."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._now = 0
        self._known: weakref.WeakKeyDictionary[torch.UntypedStorage, int] = weakref.WeakKeyDictionary()

    def restart(self) -> None:
        """Forget the peak so far; what is alive now counts on."""
        self.peak = self._now

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # "Are these rows free of packed sequences?" is all that models ask of the content of their input.
        if func is torch.ops.aten._local_scalar_dense.default:
            return True
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage not in self._known:
                    self._known[storage] = size = storage.nbytes()
                    self._now += size
                    weakref.finalize(storage, self._freed, size)
        self.peak = max(self.peak, self._now)
        return result

    def _freed(self, size: int) -> None:
        self._now -= size


def _fused(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_args: Any, **_kwargs: Any) -> torch.Tensor:
    """Attention as a fused kernel: inputs, output and one number per row are kept for the gradient."""
    groups = query.shape[1] // key.shape[1]
    key, value = (
        one[:, :, None].expand(-1, -1, groups, -1, -1).flatten(1, 2) if groups > 1 else one for one in (key, value)
    )
    return torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[0]


@contextmanager
def _counting(*, device: str, dtype: torch.dtype, length: int) -> Iterator[_Count]:
    # Tensors without content would take the plain way everywhere, and keep all scores.
    plain = dtype == torch.float64 if device == "cuda" else dtype == torch.bfloat16 and length <= SHORT
    fused = nullcontext() if plain else patch.object(functional, "scaled_dot_product_attention", _fused)
    with fused, _Count() as count:
        yield count


def _bytes(tensors: list[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.dtype.itemsize for tensor in {id(one): one for one in tensors}.values())


def _proc(path: str, name: str) -> int | None:
    """A line of kilobytes in a file of the system, in bytes."""
    with suppress(OSError):
        for line in Path(path).read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return None


def _control_group(groups: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that the control groups of this process, of version 1 or 2, have left; None where none has a limit."""
    rooms: list[int] = []
    with suppress(OSError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            names = _LIMITS[1 if controllers else 2]
            top = mounted / "memory" if controllers else mounted
            # The limits of all groups around it hold as well; in a container its own may be the top.
            folder = top / path.lstrip("/")
            around = [one for one in (folder, *folder.parents) if one.is_relative_to(top)]
            rooms += [room for one in around if (room := _left(one, *names)) is not None]
    return min(rooms, default=None)


def _left(group: Path, limit: str, used: str, idle: str) -> int | None:
    with suppress(OSError, ValueError):  # "max" is no number: no limit
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # What the system remembers of files counts as used, and makes room when it is needed.
        return int((group / limit).read_text()) - int((group / used).read_text()) + int(counts.get(idle, 0))
    return None
