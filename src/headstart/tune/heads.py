# pyright: basic
"""Logits at chosen positions only: a vocabulary is wide, and most positions are never asked."""

from __future__ import annotations

import weakref

import torch
from transformers import PreTrainedModel

_PLAIN: weakref.WeakKeyDictionary[PreTrainedModel, bool] = weakref.WeakKeyDictionary()


def logits_at(
    model: PreTrainedModel, tokens: torch.Tensor, row: torch.Tensor, column: torch.Tensor, **layout: torch.Tensor
) -> torch.Tensor:
    """The model's next-token logits at ``(row, column)`` of ``tokens``.

    Args:
        model: A causal language model.
        tokens: Shape (sequences, length), padded on the right.
        row, column: Shape (positions,).
        layout: Positions and attention mask, as the model calls them; none for rows that count from 0.

    Returns:
        Shape (positions, vocabulary), where the output layer is: on several devices not where the tokens are.
    """
    head = model.get_output_embeddings()
    if head is not None and has_plain_head(model):
        hidden = model.get_decoder()(input_ids=tokens, use_cache=False, **layout).last_hidden_state
        return head(hidden[row.to(hidden.device), column.to(hidden.device)])
    logits = model(input_ids=tokens, use_cache=False, **layout).logits
    return logits[row.to(logits.device), column.to(logits.device)]


def has_plain_head(model: PreTrainedModel) -> bool:
    """Whether the logits are just the output layer on the decoder's last states; tried once per model.

    Some architectures scale or cap them afterwards, and then only the whole model gives them.
    """
    if model not in _PLAIN:
        _PLAIN[model] = _try_plain_head(model)
    return _PLAIN[model]


@torch.no_grad()
def _try_plain_head(model: PreTrainedModel) -> bool:
    training = model.training
    model.eval()
    try:
        tokens = torch.tensor([[1, 2, 3, 4]], device=model.device)
        decoder, head = model.get_decoder(), model.get_output_embeddings()
        if decoder is None or head is None or decoder is model:
            return False
        plain = head(decoder(input_ids=tokens, use_cache=False).last_hidden_state)
        whole = model(input_ids=tokens, use_cache=False).logits.to(plain.device)
        return torch.allclose(plain.float(), whole.float(), rtol=1e-3, atol=1e-3)
    except (AttributeError, NotImplementedError):
        return False
    finally:
        model.train(training)
