"""A model on two devices of a machine that has one: tensors without content, which know a device all the same.

``cpu`` and ``meta`` stand for two GPUs. Under ``FakeTensorMode`` every operation on tensors of both is refused, as CUDA
refuses it (an index on the wrong device aside), and copies between them are allowed. Numbers there are none.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import torch
import torch._functorch.config as functorch_config
from accelerate import hooks
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from headstart.tune import heads, training
from headstart.tune.models import LoadedModel
from headstart.tune.plan import Recipe

FIRST, SECOND = "cpu", "meta"


def device_map(model) -> dict[str, str]:
    """The last layer, the norm and, where it is not tied to the embedding, the output layer on the second device."""
    layers = [f"model.layers.{index}" for index in range(len(model.model.layers))]
    tied = model.config.tie_word_embeddings
    places = dict.fromkeys(["model.embed_tokens", "model.rotary_emb", *layers[:-1]], FIRST)
    return places | {layers[-1]: SECOND, "model.norm": SECOND, "lm_head": FIRST if tied else SECOND}


class _Answers(TorchDispatchMode):
    """Answers for those who ask what a tensor holds."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            return 1.0 if args[0].dtype.is_floating_point else 1
        if func is torch.ops.aten.nonzero.default:
            return torch.zeros((3, args[0].dim()), dtype=torch.long, device=args[0].device)
        return func(*args, **(kwargs or {}))


@contextmanager
def two_devices(loaded: LoadedModel, *, recipe: Recipe | None = None) -> Iterator[LoadedModel]:
    """``loaded`` without content and on two devices; what is called inside makes tensors without content, too.

    With a ``recipe`` its adapter is injected behind the hooks, as it would be, but before the content goes: peft cannot
    move tensors that have none.
    """
    model = loaded.model
    heads._PLAIN[model] = heads.has_plain_head(model)  # asks for numbers
    places = device_map(model)
    with patch.object(hooks, "set_module_tensor_to_device"):  # everything is put in its place below
        hooks.attach_align_device_hook_on_blocks(
            model,
            execution_device={"": FIRST, **places},
            offload=dict.fromkeys(places, False),
            skip_keys="past_key_values",
        )
    injected = nullcontext()
    if recipe is not None and recipe.method == "lora":
        wrapper = training.with_adapter(model, recipe)
        injected = patch.object(training, "with_adapter", lambda *_: wrapper)
    with functorch_config.patch(fake_tensor_allow_meta=True), FakeTensorMode(allow_non_fake_inputs=True) as mode:
        for name, module in model.named_modules():
            place = next((where for part, where in places.items() if f"{name}.".startswith(f"{part}.")), FIRST)
            for own in (module._parameters, module._buffers):
                for key, tensor in own.items():
                    if tensor is not None:
                        fake = mode.from_tensor(tensor).to(place)
                        weight = own is module._parameters
                        own[key] = torch.nn.Parameter(fake, requires_grad=tensor.requires_grad) if weight else fake
        if model.config.tie_word_embeddings:
            model.lm_head.weight = model.model.embed_tokens.weight
        numpy = patch.object(torch.Tensor, "numpy", lambda self: np.zeros(self.shape))
        with _Answers(), numpy, injected:
            yield replace(loaded, device=torch.device(FIRST))
