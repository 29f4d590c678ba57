"""What gpu_run.py checks on: a device, a random model that is built here, and made-up items; no hub, no data."""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from transformers import LlamaConfig, LlamaForCausalLM

from headstart.tune.encode import encoder_for
from headstart.tune.items import MultipleChoice
from headstart.tune.models import LoadedModel, load
from headstart.tune.plan import ModelSpec, Recipe
from headstart.tune.training import Tuning
from tiny_models import tiny_tokenizer, write_jsonl

# Vocabulary, width, width of the middle, layers, heads, heads of keys: of SmolLM2-135M and Llama-3.2-1B but for "tiny".
SIZES = {
    "tiny": (300, 64, 128, 3, 4, 2),
    "135m": (49152, 576, 1536, 30, 9, 3),
    "1b": (128256, 2048, 8192, 16, 32, 8),
}
# Words of an item's context and of what all contexts begin with; items per step; items scored for their speed.
WORDS = {"tiny": (8, 10, 4, 16), "135m": (60, 60, 16, 256), "1b": (60, 60, 8, 256)}
LORA = Recipe(name="lora", learning_rate=1e-3)
FULL = Recipe(name="full", method="full", learning_rate=1e-5)


@dataclass(frozen=True, kw_only=True)
class Rig:
    """What is checked, and on what.

    Args:
        device: ``cuda`` or ``cpu``.
        size: One of ``SIZES``.
        folder: Where the model and the items are.
        quick: Whether float32 and LoRA stand for all: to test the checks themselves.
    """

    device: str
    size: str
    folder: Path
    quick: bool = False

    @property
    def dtypes(self) -> tuple[str, ...]:
        return ("float32",) if self.quick else ("float32", "bfloat16")

    @property
    def bases(self) -> tuple[Recipe, ...]:
        return (LORA,) if self.quick else (LORA, FULL)

    @property
    def batch(self) -> int:
        return WORDS[self.size][2]

    def spec(self, dtype: str = "float32", **more: Any) -> ModelSpec:
        return ModelSpec(name="model", source=str(self.folder / "model"), dtype=dtype, **more)

    def load(self, dtype: str = "float32", *, device: str | None = None, **more: Any) -> LoadedModel:
        return load(self.spec(dtype, **more), device=device or self.device)

    def items(self, count: int, *, short: bool = False) -> tuple[MultipleChoice, ...]:
        """Items with four choices that all begin alike, of slightly different length."""
        words, shared, *_ = (4, 4) if short else WORDS[self.size]
        return tuple(
            MultipleChoice(
                context="the answer is in the tree. " * (shared // 5)
                + "is the " * (words // 2 + at % 5)
                + str(7919 * at),
                continuations=tuple(f" {choice} {at % 3}" for choice in ("in the", "is the one", "a tree", "here")),
                answer=at % 4,
                choices=("in the", "is the one", "a tree", "here"),
            )
            for at in range(count)
        )

    def recipe(self, base: Recipe, **more: Any) -> Recipe:
        return replace(base, batch_size=self.batch, **more)

    def tuning(self, recipe: Recipe, dtype: str = "float32", *, device: str | None = None, **more: Any) -> Tuning:
        loaded = self.load(dtype, device=device, **more)
        return Tuning(loaded, encoder_for(loaded, recipe), recipe, seed=0, total_steps=100)

    def free(self) -> None:
        gc.collect()
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def now(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def build(device: str, size: str, folder: Path, *, quick: bool = False) -> Rig:
    """Save a random model of a size, the same for everybody, and files of items."""
    vocabulary, width, middle, layers, heads, key_heads = SIZES[size]
    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=middle, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=key_heads, max_position_embeddings=2048,
        tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    with torch.device(device):  # random numbers for a billion weights take a CPU half a minute
        model = LlamaForCausalLM(config)
    model.to(torch.float32 if size == "tiny" else torch.bfloat16).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    rig = Rig(device=device, size=size, folder=folder, quick=quick)
    records = [
        {"context": item.context, "choices": [one.strip() for one in item.continuations], "answer": item.answer}
        for item in rig.items(80)
    ]
    write_jsonl(folder / "train.jsonl", records[:48])
    write_jsonl(folder / "test.jsonl", records[48:])
    return rig


@contextmanager
def rig_of(device: str, size: str, *, quick: bool = False) -> Iterator[Rig]:
    """A rig in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield build(device, size, Path(folder), quick=quick)
