# pyright: basic
"""Tuning one model: steps that depend on nothing but the recipe, the seed and the step's number."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import PreTrainedModel

from headstart.errors import ComputationError, InputError
from headstart.tune.batches import Batch, packed, padded, target_count, tree_of, work
from headstart.tune.encode import Encoder, Example
from headstart.tune.heads import has_plain_head, logits_at
from headstart.tune.items import Item
from headstart.tune.models import LoadedModel
from headstart.tune.plan import Recipe
from headstart.tune.score.scorer import attends_to_everything

SHORT = 128  # tokens; measured, see bench/README.md


class Diverged(Exception):  # noqa: N818 - a result, not an error
    """The loss or the weights are no longer finite numbers."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"{what} at step {step}")
        self.step = step


@dataclass(frozen=True, kw_only=True)
class TuningState:
    """Everything a run needs to continue exactly where it was.

    Args:
        tensors: Trained weights, optimiser moments and the loss of every step, by name.
        steps_done: Number of steps taken.
        micro_batch: Items per forward pass, as lowered by memory so far.
    """

    tensors: dict[str, torch.Tensor]
    steps_done: int
    micro_batch: int


def batch_indices(step: int, *, items: int, batch_size: int, seed: int) -> list[int]:
    """Which training items the 0-based ``step`` sees: a function of its arguments alone.

    Every epoch is a fresh permutation of all items; a batch may reach into the next epoch.
    """
    chosen: list[int] = []
    position = step * batch_size
    while len(chosen) < batch_size:
        epoch, offset = divmod(position + len(chosen), items)
        order = np.random.default_rng([seed, epoch]).permutation(items)
        chosen += order[offset : offset + batch_size - len(chosen)].tolist()
    return chosen


class Tuning:
    """A model being tuned.

    The effective batch never changes: when memory runs out the step is repeated with half the items per forward pass
    and the gradients added up. The loss is the mean over all target tokens of the whole batch, so that it does not
    depend on how the batch was cut.

    Args:
        loaded: The model; LoRA layers are injected into it in place.
        encoder: Turns items into tokens.
        recipe: How to tune.
        seed: Decides the adapter's first weights, the order of the data and whatever is random inside a step.
        total_steps: Length of the run; only decaying learning rates look at it.
        packs: Whether the model takes token trees (``headstart.tune.score.Scorer.path``): then the items of a forward
            pass may be read in one row without padding, which changes a step's result only by rounding.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        encoder: Encoder,
        recipe: Recipe,
        *,
        seed: int,
        total_steps: int,
        packs: bool = False,
    ) -> None:
        self.model = loaded.model
        self.encoder, self.recipe, self.seed, self.total_steps = encoder, recipe, seed, total_steps
        self.device = loaded.device
        self._window = loaded.window
        self.steps_done = 0
        self.micro_batch = min(recipe.micro_batch or recipe.batch_size, recipe.batch_size)
        self.losses: list[float] = []
        self._examples: dict[int, Example] = {}
        has_plain_head(self.model)  # tried on the weights as they came, so that a resumed run decides alike
        torch.manual_seed(_step_seed(seed, -1))
        self._adapted = with_adapter(self.model, recipe) if recipe.method == "lora" else None
        trained = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        # The optimiser works in float32 even where the model does not: small updates would be rounded away.
        self._weights = trained
        self._masters = {
            name: weight if weight.dtype in (torch.float32, torch.float64) else weight.detach().float()
            for name, weight in trained.items()
        }
        # One kernel for all weights where there is one: a loop over an adapter's many small ones costs 3 % of a step.
        fused = all(master.device.type == "cpu" for master in self._masters.values())
        self._optimizer = torch.optim.AdamW(
            self._masters.values(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            foreach=False,
            fused=fused,
        )
        self._packs = packs and self.device.type == "cpu" and not _draws_at_random(self.model)
        if recipe.gradient_checkpointing:
            use_checkpointing(self.model)

    @property
    def trained_parameters(self) -> int:
        """Number of weights that are tuned."""
        return sum(weight.numel() for weight in self._weights.values())

    def step_on(self, train: Sequence[Item]) -> float:
        """Take one step on the batch that this step's number selects from ``train``; returns its loss.

        Raises:
            Diverged: If the loss or the gradient is not finite; the weights are as before.
            InputError: If the batch has no token to learn.
            ComputationError: If a single item does not fit into memory.
        """
        return self._take(self._batch(train))

    def try_longest(self, train: Sequence[Item]) -> float:
        """Take one step on the items that need most memory, of all batches there can be; the run ends with it.

        Raises:
            Diverged, InputError, ComputationError: As ``step_on``.
        """
        # Characters tell roughly which items have most tokens.
        long = sorted(train, key=lambda item: len(str(item)), reverse=True)[: 4 * self.recipe.batch_size]
        examples = [self.encoder.training_example(item) for item in long]
        examples.sort(key=lambda example: len(example.tokens), reverse=True)
        batch = examples[: self.recipe.batch_size]
        return self._take(batch + batch[:1] * (self.recipe.batch_size - len(batch)))

    def _take(self, examples: list[Example]) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate_at(self.steps_done, total_steps=self.total_steps)
        self.model.train()
        try:
            loss = self._gradients(examples)
        finally:
            self.model.eval()
        self._apply(loss)
        self.steps_done += 1
        self.losses.append(loss)
        return loss

    def state(self) -> TuningState:
        """A copy of all that changes while tuning."""
        tensors = {"losses": torch.tensor(self.losses, dtype=torch.float64)}
        for name, weight in self._masters.items():
            tensors[f"weight.{name}"] = weight.detach().clone().cpu().contiguous()
            for key, value in self._optimizer.state.get(weight, {}).items():
                tensors[f"{key}.{name}"] = value.detach().clone().cpu().contiguous()
        return TuningState(tensors=tensors, steps_done=self.steps_done, micro_batch=self.micro_batch)

    def restore(self, state: TuningState) -> None:
        """Continue from ``state``, which a run of the same model, recipe and seed has left."""
        self.steps_done, self.micro_batch = state.steps_done, state.micro_batch
        self.losses = state.tensors["losses"].tolist()
        with torch.no_grad():
            for name, weight in self._masters.items():
                weight.copy_(state.tensors[f"weight.{name}"])
                self._optimizer.state[weight] = {
                    key: state.tensors[f"{key}.{name}"].clone().to("cpu" if key == "step" else weight.device)
                    for key in ("step", "exp_avg", "exp_avg_sq")
                    if f"{key}.{name}" in state.tensors
                }
        self._publish()

    def merged(self) -> torch.nn.Module:
        """The tuned model without adapters, as a developer would submit it; tuning cannot go on afterwards."""
        return self.model if self._adapted is None else self._adapted.merge_and_unload()

    def _batch(self, train: Sequence[Item]) -> list[Example]:
        indices = batch_indices(self.steps_done, items=len(train), batch_size=self.recipe.batch_size, seed=self.seed)
        for index in indices:
            if index not in self._examples:
                self._examples[index] = self.encoder.training_example(train[index])
        return [self._examples[index] for index in indices]

    def _gradients(self, examples: list[Example]) -> float:
        """Leave the gradient of the batch's loss in the weights; repeat in smaller pieces while memory runs out."""
        while True:
            torch.manual_seed(_step_seed(self.seed, self.steps_done))  # dropout, where a model has any
            self._clear_gradients()
            try:
                with self._autocast():
                    return self._accumulate(examples)
            except RuntimeError as error:
                if not _out_of_memory(error):
                    raise
                failed = str(error).splitlines()[0]
            self._clear_gradients()
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            if self.micro_batch == 1:
                raise ComputationError(f"memory does not hold one item of a training batch: {failed}")
            self.micro_batch = (self.micro_batch + 1) // 2

    def _autocast(self) -> AbstractContextManager[object]:
        kind = self.recipe.autocast
        return torch.autocast(self.device.type, getattr(torch, kind)) if kind else nullcontext()

    def _accumulate(self, examples: list[Example]) -> float:
        targets = sum(target_count(example, self.recipe.loss) for example in examples)
        if targets == 0:
            raise InputError("a training batch has no token to learn: every label is masked")
        total = 0.0
        for at in range(0, len(examples), self.micro_batch):
            batch = self._read_as(examples[at : at + self.micro_batch])
            if not len(batch.wanted):
                continue
            batch = batch.to(self.device)
            with _fast_attention(batch.tokens, self.model.dtype):
                logits = logits_at(self.model, batch.tokens, batch.row, batch.column, **batch.layout(self.model.dtype))
                wanted = batch.wanted.to(logits.device)
                loss = functional.cross_entropy(logits.float(), wanted, reduction="sum") / targets
                loss.backward()
            total += loss.item()
        return total

    def _read_as(self, examples: list[Example]) -> Batch:
        """The examples in rows, or in one row where that is less work."""
        rows = padded(examples, self.recipe.loss)
        if not self._packs:
            return rows
        tree = tree_of(examples, self.recipe.loss)
        if work(self.model, 1, len(tree)) >= work(self.model, *rows.tokens.shape):
            return rows
        # Some models look back over so many places of a row, whatever the tokens there follow.
        fits = len(tree) <= self._window and attends_to_everything(self.model, len(tree))
        return packed(tree) if fits else rows

    def _apply(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Diverged(self.steps_done, f"the loss is {loss}")
        for name, weight in self._weights.items():
            master = self._masters[name]
            if master is not weight and weight.grad is not None:
                master.grad = weight.grad.float()
                weight.grad = None
        norm = torch.nn.utils.get_total_norm([w.grad for w in self._masters.values() if w.grad is not None])
        if not torch.isfinite(norm):
            raise Diverged(self.steps_done, f"the gradient's norm is {norm.item()}")
        if self.recipe.gradient_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self._masters.values(), self.recipe.gradient_clip, norm)
        self._optimizer.step()
        self._publish()
        self._clear_gradients()

    def _publish(self) -> None:
        """Put the optimiser's float32 weights into the model, rounded to its dtype."""
        with torch.no_grad():
            for name, weight in self._weights.items():
                if self._masters[name] is not weight:
                    weight.copy_(self._masters[name])

    def _clear_gradients(self) -> None:
        for weight in (*self._weights.values(), *self._masters.values()):
            weight.grad = None


def _fast_attention(tokens: torch.Tensor, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Plain matrix products for short sequences in bfloat16 on a CPU, where torch's fused attention is slower."""
    short = tokens.shape[1] <= SHORT and tokens.device.type == "cpu" and dtype == torch.bfloat16
    return sdpa_kernel(SDPBackend.MATH) if short else nullcontext()


def use_checkpointing(model) -> None:
    """Compute activations again for the gradient instead of keeping them."""
    # transformers renamed it within version 5; both take the options first
    enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
    enable({"use_reentrant": False})


def with_adapter(model, recipe: Recipe):
    """Inject the recipe's LoRA layers into ``model`` in place; returns peft's wrapper of it.

    Raises:
        InputError: If they cannot be put on the modules that the recipe names.
    """
    named: dict[tuple[str, ...], str | None] = {("all-linear",): "all-linear", ("default",): None}
    targets = named.get(recipe.targets, list(recipe.targets))
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,  # pyright: ignore[reportArgumentType] - only ever divided by the rank
        lora_dropout=recipe.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    try:
        with warnings.catch_warnings():  # peft asks transformers under a name that it is giving up
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            return get_peft_model(model, config)
    except ValueError as error:
        raise InputError(f"LoRA cannot be put on the modules {targets!r}: {error}", field="targets") from None


def _step_seed(seed: int, step: int) -> int:
    """A 63-bit seed for one step, unrelated between steps and between runs."""
    return int(np.random.SeedSequence([seed, step + 1]).generate_state(1, np.uint64)[0] >> 1)


def _draws_at_random(model: PreTrainedModel) -> bool:
    """Whether a layer may drop anything while it is trained: items read together would then share what is dropped."""
    named = model.config.get_text_config().to_dict()
    rates = [rate for name, rate in named.items() if "drop" in name or name.endswith("jitter_noise")]
    rates += [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    return any(isinstance(rate, int | float) and rate > 0 for rate in rates)


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(
        text in str(error) for text in ("out of memory", "can't allocate memory", "not enough memory")
    )
