# pyright: basic
"""Training items as a model reads them in one forward pass: padded rows, or one row without padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedModel

from headstart.tune.encode import Example
from headstart.tune.plan import Loss
from headstart.tune.score.tree import Tree


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is read in one forward pass, and what is to be predicted from it.

    Args:
        tokens: Shape (rows, length).
        row, column, wanted: Shape (targets,): after the token at ``(row, column)`` comes ``wanted``.
        positions: Shape (rows, length); None where every row counts from 0.
        sees: Shape (length, length): which token attends to which; None for all before it.
    """

    tokens: torch.Tensor
    row: torch.Tensor
    column: torch.Tensor
    wanted: torch.Tensor
    positions: torch.Tensor | None = None
    sees: torch.Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **moved)

    def layout(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """Positions and attention mask for a model of ``dtype``; empty where it needs none."""
        if self.positions is None or self.sees is None:
            return {}
        mask = torch.zeros_like(self.sees, dtype=dtype).masked_fill_(~self.sees, torch.finfo(dtype).min)
        return {"position_ids": self.positions, "attention_mask": mask[None, None]}


def work(model: PreTrainedModel, rows: int, length: int) -> int:
    """Multiplications of a forward pass, but for the output layer: in the weights, and among the tokens."""
    config = model.config.get_text_config()
    weights = 12 * config.num_hidden_layers * config.hidden_size**2
    return rows * length * (weights + 2 * config.num_hidden_layers * config.hidden_size * length)


def padded(examples: Sequence[Example], loss: Loss) -> Batch:
    """One row per example, padded on the right, where causal attention never looks, so that no mask is needed."""
    width = max(len(example.tokens) for example in examples) - 1  # the last token is predicted, never read
    tokens = torch.zeros((len(examples), width), dtype=torch.long)
    targets: list[tuple[int, int, int]] = []
    for row, example in enumerate(examples):
        read = example.tokens[:-1]
        tokens[row, : len(read)] = torch.tensor(read)
        first = len(read) - target_count(example, loss)
        targets += [(row, column, example.tokens[column + 1]) for column in range(first, len(read))]
    row, column, wanted = torch.tensor(targets, dtype=torch.long).reshape(-1, 3).unbind(1)
    return Batch(tokens=tokens, row=row, column=column, wanted=wanted)


def tree_of(examples: Sequence[Example], loss: Loss) -> Tree:
    """All examples as one token tree: no padding, and what they begin with in common only once."""
    return Tree.of([replace(one, prompt_tokens=len(one.tokens) - target_count(one, loss)) for one in examples])


def packed(tree: Tree) -> Batch:
    """A token tree as one row, in which every token sees those that it follows."""
    targets = torch.tensor([(0, node, token) for node, token, _ in tree.targets], dtype=torch.long)
    row, column, wanted = targets.reshape(-1, 3).unbind(1)
    return Batch(
        tokens=torch.tensor([tree.tokens]),
        row=row,
        column=column,
        wanted=wanted,
        positions=torch.tensor([tree.positions]),
        sees=torch.from_numpy(tree.sees()),
    )


def target_count(example: Example, loss: Loss) -> int:
    """Tokens of an example that are learnt; the very first token of a sequence never is."""
    first = max(example.prompt_tokens, 1) if loss == "completion" else 1
    return max(len(example.tokens) - first, 0)
