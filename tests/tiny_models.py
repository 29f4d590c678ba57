"""A tiny random language model with its own tokenizer, built from a configuration: nothing is downloaded."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from headstart.tune.items import MultipleChoice

CHAT_TEMPLATE = (
    "{% for message in messages %}<|user|>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|model|>{% endif %}"
)


def tiny_tokenizer(*, chat: bool = False) -> PreTrainedTokenizerFast:
    """Bytes as tokens, a few merges so that some words are one token, an end-of-text token and no start token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<|end|>", "<|user|>", "<|model|>", *alphabet])}
    merges = []
    for pair in (("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("Ġ", "a"), ("e", "r"), ("Ġ", "is")):
        if all(part in vocabulary for part in pair):
            merges.append(pair)
            vocabulary["".join(pair)] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",
        pad_token="<|end|>",
        additional_special_tokens=["<|user|>", "<|model|>"],
        clean_up_tokenization_spaces=False,
    )
    if chat:
        fast.chat_template = CHAT_TEMPLATE
    return fast


def tiny_model(
    folder: Path, *, seed: int = 0, layers: int = 2, window: int = 512, chat: bool = False, dtype: str = "float32"
) -> Path:
    """Save a random Llama of some 30,000 parameters to ``folder`` as safetensors; the same bytes for a seed."""
    tokenizer = tiny_tokenizer(chat=chat)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=window,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config).to(getattr(torch, dtype))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_jsonl(path: Path, records: list[dict]) -> Path:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def parity_records(count: int, *, start: int = 0) -> list[dict]:
    """A multiple-choice skill a tiny model can learn: is the last digit of a number even or odd?"""
    return [
        {"context": f"the number {number} is", "choices": ["even", "odd", "in the tree"], "answer": number % 2}
        for number in (1000 + 7 * index for index in range(start, start + count))
    ]


def parity_items(count: int) -> tuple[MultipleChoice, ...]:
    """The same skill as items in memory."""
    return tuple(
        MultipleChoice(
            context=record["context"],
            continuations=tuple(" " + choice for choice in record["choices"]),
            answer=record["answer"],
            choices=tuple(record["choices"]),
        )
        for record in parity_records(count)
    )
