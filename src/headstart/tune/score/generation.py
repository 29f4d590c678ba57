# pyright: basic
"""Greedy answers to generation items, ended where lm-evaluation-harness ends them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from headstart.errors import InputError
from headstart.tune.encode import Encoder, Example
from headstart.tune.items import Generation
from headstart.tune.metrics import ItemResult


class _Ended(StoppingCriteria):
    """Ends a row as soon as what it generated contains a stop string."""

    def __init__(self, tokenizer: Any, start: int, stop: Sequence[str]) -> None:
        self._tokenizer, self._start, self._stop = tokenizer, start, stop

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **_kwargs: object) -> torch.BoolTensor:
        texts = self._tokenizer.batch_decode(input_ids[:, self._start :])
        ended = [any(string in text for string in self._stop) for text in texts]
        return torch.tensor(ended, device=input_ids.device)  # pyright: ignore[reportReturnType]


def generate(
    model: PreTrainedModel, encoder: Encoder, items: Sequence[Generation], *, batch_tokens: int
) -> list[ItemResult]:
    """The text a model gives for every item, up to its first stop string.

    Args:
        batch_tokens: Tokens, generated ones included, that are held at a time.

    Raises:
        InputError: If a prompt is too long or empty, or the attention gives nothing for padded prompts.
    """
    if model.dtype == torch.float64 and model.config._attn_implementation == "eager":
        # Its softmax is one of float32, in which the padding's mask overflows: no number comes out.
        raise InputError("generation in float64 needs attention sdpa, got eager", field="attention")
    prompts = encoder.prompts(items)
    texts = [""] * len(items)
    for batch in _batches(items, prompts, batch_tokens):
        item = items[batch[0]]
        found = _continue(model, encoder.tokenizer, [prompts[index].tokens for index in batch], item)
        for index, text in zip(batch, found, strict=True):
            texts[index] = text
    return [
        ItemResult(loglikelihoods=(), token_counts=(), text=text, truncated=prompt.truncated)
        for text, prompt in zip(texts, prompts, strict=True)
    ]


def _batches(items: Sequence[Generation], prompts: Sequence[Example], batch_tokens: int) -> Iterator[list[int]]:
    """Items that end alike, longest prompt first."""
    alike: dict[tuple[tuple[str, ...], int], list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        alike[item.stop, item.max_tokens].append(index)
    for (_, max_tokens), indices in alike.items():
        indices.sort(key=lambda index: (-len(prompts[index].tokens), index))
        while indices:
            rows = max(1, batch_tokens // (len(prompts[indices[0]].tokens) + max_tokens))
            yield indices[:rows]
            del indices[:rows]


def _continue(model: Any, tokenizer: Any, prompts: list[tuple[int, ...]], item: Generation) -> list[str]:
    """Greedy continuations of prompts that end like ``item``."""
    width = max(len(prompt) for prompt in prompts)
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    tokens = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    end = tokenizer.decode([tokenizer.eos_token_id])
    stop = [string for string in (*item.stop, end) if string]
    generated = model.generate(
        input_ids=tokens.to(model.device),
        attention_mask=mask.to(model.device),
        max_length=width + item.max_tokens,
        do_sample=False,
        stopping_criteria=StoppingCriteriaList([_Ended(tokenizer, width, stop)]),
        pad_token_id=pad,
        use_cache=True,
    )
    texts = tokenizer.batch_decode(generated[:, width:], skip_special_tokens=True)
    return [_before_stop(text, stop) for text in texts]


def _before_stop(text: str, stop: Sequence[str]) -> str:
    for string in stop:
        text = text.split(string)[0]
    return text
