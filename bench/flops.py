"""How near a measurement is to what the machine could do at best: operations that are needed, over the measured rate.

What is counted are the products of activations and weight matrices, two operations per weight and token: all matrices
of the decoder for every token that headstart reads (the prefix of a group once, a token that choices share once, no
padding), the output layer at positions whose next token is scored or learnt, and the two small matrices of every
adapter. A training step on a frozen model computes them forward and once more for the gradient of activations; those of
adapters a third time, for their own gradient. Not counted: attention between tokens, norms, activation functions, the
softmax over the vocabulary, rotary embeddings, casts, the optimiser, padding, tokenizing, imports. So the share is
below one even for a perfect program, and shares of both dtypes say how much of the time is not spent in products.

The rate is that of ``torch.nn.functional.linear`` on one thread, at the shapes of the model's own layers with as many
rows as a forward pass has tokens, in processor seconds, best of several repeats.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import torch
from torch.nn.functional import linear

from headstart.tune.encode import Example
from headstart.tune.models import LoadedModel
from headstart.tune.score import Scorer


def matrix_shapes(loaded: LoadedModel) -> Counter[tuple[int, int]]:
    """Shapes (outputs, inputs) of the decoder's weight matrices, without adapters and output layer, and how many."""
    head = loaded.model.get_output_embeddings()
    layers = [
        (name, module)
        for name, module in loaded.model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    ]
    return Counter(tuple(layer.weight.shape) for name, layer in layers if "lora_" not in name)


def matrix_rate(loaded: LoadedModel, *, rows: int, repeats: int = 5) -> float:
    """Operations per processor second of the decoder's matrix products on one thread."""
    operations = seconds = 0.0
    for (outputs, inputs), count in matrix_shapes(loaded).items():
        weight = torch.randn(outputs, inputs).to(loaded.model.dtype)
        read = torch.randn(rows, inputs).to(loaded.model.dtype)
        once = 2 * rows * weight.numel()
        calls = max(1, int(2e9 / once))
        best = float("inf")
        with torch.no_grad():
            linear(read, weight)
            for _ in range(repeats):
                began = time.process_time()
                for _ in range(calls):
                    linear(read, weight)
                best = min(best, (time.process_time() - began) / calls)
        operations += count * once
        seconds += count * best
    return operations / seconds


def per_token(loaded: LoadedModel, *, rank: int) -> dict[str, int]:
    """Operations per token of the decoder's matrices and of adapters of ``rank`` on all, per position of the head."""
    shapes = matrix_shapes(loaded)
    return {
        "decoder": 2 * sum(count * outputs * inputs for (outputs, inputs), count in shapes.items()),
        "adapters": 2 * rank * sum(count * (outputs + inputs) for (outputs, inputs), count in shapes.items()),
        "head": 2 * loaded.model.get_output_embeddings().weight.numel(),
    }


def scoring_operations(loaded: LoadedModel, scorer: Scorer, *, rank: int = 0) -> int:
    """Operations of one evaluation as ``scorer`` has planned it; its items must be read as trees."""
    prepared = scorer._prepared
    if prepared is None or prepared.path != "tree":
        raise ValueError("the scorer must have items that it reads as trees")
    batches = [batch for group in prepared.groups for batch in group.batches]
    trees = [tree for batch in batches for tree in batch.trees]
    tokens = sum(len(group.prefix) for group in prepared.groups) + sum(map(len, trees))
    asked = sum(len({node for node, _, _ in tree.targets}) for tree in trees)
    each = per_token(loaded, rank=rank)
    return tokens * (each["decoder"] + each["adapters"]) + asked * each["head"]


def training_operations(loaded: LoadedModel, examples: Sequence[Example], *, rank: int) -> int:
    """Operations of training an adapter on ``examples``, with loss on their completions."""
    tokens = sum(len(example.tokens) - 1 for example in examples)
    learnt = sum(len(example.tokens) - example.prompt_tokens for example in examples)
    each = per_token(loaded, rank=rank)
    return tokens * (2 * each["decoder"] + 3 * each["adapters"]) + learnt * 2 * each["head"]
