# pyright: basic
"""LoRA adapters without what only training needs: the same arithmetic in fewer passes over memory, on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import nn
from torch.nn.functional import linear
from transformers import PreTrainedModel


@contextmanager
def cheap_adapters(model: PreTrainedModel) -> Iterator[None]:
    """Add what adapters give to the output of their layers in place, while the weights stay as they are.

    peft computes the scaled product as a tensor of its own, adds it to a copy and rounds that to the model's dtype.
    Here the second product adds to the layer's output itself. In float32 and float64 nothing else changes. In bfloat16
    a factor of the adapter is two bfloat16 numbers, which together have 16 digits of the 24, so that updates too small
    for bfloat16 are not lost. Layers of any other kind, and models on other devices, are left to peft.
    """
    replaced: list[Any] = [layer for layer in model.modules() if type(layer) is Linear and _plain(layer)]
    try:
        for layer in replaced:
            layer.forward = _forward(layer)
        yield
    finally:
        for layer in replaced:
            vars(layer).pop("forward", None)


def _plain(layer: Linear) -> bool:
    """Whether the layer is one matrix with one adapter of the kind of the paper, and nobody else replaced its work."""
    base: Any = layer.get_base_layer()
    active = [name for name in layer.active_adapters if name in layer.lora_A]
    if type(base) is not nn.Linear or base is not layer.base_layer or "forward" in vars(layer):
        return False
    if layer.disable_adapters or layer.merged or layer.lora_variant or len(active) != 1 or layer.training:
        return False
    first: Any = layer.lora_A[active[0]]
    second: Any = layer.lora_B[active[0]]
    dtypes = base.weight.dtype, first.weight.dtype, second.weight.dtype
    same = dtypes[0] in (torch.float32, torch.float64) and len(set(dtypes)) == 1
    return (
        base.weight.device.type == "cpu"
        and first.bias is None
        and second.bias is None
        and (same or dtypes == (torch.bfloat16, torch.float32, torch.float32))
    )


def _forward(layer: Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    (name,) = (name for name in layer.active_adapters if name in layer.lora_A)
    first: Any = layer.lora_A[name].weight
    base: Any = layer.base_layer
    outer: Any = layer.lora_B[name].weight
    second = (outer * layer.scaling[name]).t()
    halves = base.weight.dtype == torch.bfloat16
    if halves:
        large, small = _halves(second)
        factor = torch.cat([large, small, large]).contiguous()
    else:
        factor = second.contiguous()

    def forward(x: torch.Tensor) -> torch.Tensor:
        found = base(x)
        inner = linear(x.to(first.dtype), first).view(-1, len(first))
        if halves:
            large, small = _halves(inner)
            inner = torch.cat([large, large, small], dim=-1)
        found.view(-1, found.shape[-1]).addmm_(inner, factor)
        return found

    return forward


def _halves(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Two bfloat16 tensors that add up to ``values`` but for the last digits."""
    large = values.bfloat16()
    return large, (values - large).bfloat16()
