"""Tuning: the dose never changes, and a step depends on nothing but its number."""

import dataclasses
import math
from dataclasses import replace

import pytest
import torch

from headstart.errors import ComputationError, InputError
from headstart.tune import training
from headstart.tune.batches import packed, padded, tree_of
from headstart.tune.encode import encoder_for
from headstart.tune.models import load
from headstart.tune.plan import ModelSpec, Recipe
from headstart.tune.training import Diverged, Tuning, batch_indices
from tiny_models import parity_items, tiny_model

RECIPE = Recipe(learning_rate=1e-2, batch_size=4, rank=4, alpha=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def train():
    return parity_items(10)


def tuning(folder, recipe=RECIPE, *, seed=0, steps=6, dtype="float32", packs=False):
    loaded = load(ModelSpec(name="tiny", source=str(folder), dtype=dtype))
    return Tuning(loaded, encoder_for(loaded, recipe), recipe, seed=seed, total_steps=steps, packs=packs)


def run(tuned, train, steps):
    return [tuned.step_on(train) for _ in range(steps)]


def same(state, other):
    return state.tensors.keys() == other.tensors.keys() and all(
        torch.equal(state.tensors[name], other.tensors[name]) for name in state.tensors
    )


def test_every_epoch_sees_every_item_once():
    seen = [index for step in range(15) for index in batch_indices(step, items=10, batch_size=4, seed=3)]
    for epoch in range(6):
        assert sorted(seen[epoch * 10 : epoch * 10 + 10]) == list(range(10))
    assert seen[:10] != seen[10:20]


def test_a_batch_may_be_larger_than_the_train_split():
    assert sorted(batch_indices(0, items=3, batch_size=6, seed=0)) == [0, 0, 1, 1, 2, 2]


def test_another_seed_is_another_order():
    assert batch_indices(0, items=100, batch_size=8, seed=0) != batch_indices(0, items=100, batch_size=8, seed=1)


def test_tuning_lowers_the_loss(folder, train):
    losses = run(tuning(folder, Recipe(method="full", learning_rate=1e-2, batch_size=4)), train, 30)
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_before_the_first_step_the_model_is_the_one_that_was_submitted(folder, train):
    loaded = load(ModelSpec(name="tiny", source=str(folder)))
    tokens = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        before = loaded.model(tokens).logits
        Tuning(loaded, encoder_for(loaded, RECIPE), RECIPE, seed=0, total_steps=1)
        assert torch.equal(loaded.model(tokens).logits, before)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_restored_run_continues_to_the_same_bytes(folder, train, method):
    recipe = Recipe(method=method, learning_rate=1e-2, batch_size=4, weight_decay=0.1)
    straight = tuning(folder, recipe)
    run(straight, train, 6)
    interrupted = tuning(folder, recipe)
    run(interrupted, train, 3)
    resumed = tuning(folder, recipe)
    torch.rand(100)  # whatever else happened in the process
    resumed.restore(interrupted.state())
    run(resumed, train, 3)
    assert same(resumed.state(), straight.state())


def test_full_tuning_of_a_low_precision_model_keeps_small_updates(folder, train):
    recipe = Recipe(method="full", learning_rate=1e-6, batch_size=4)
    tuned = tuning(folder, recipe, dtype="bfloat16")
    before = {name: tensor for name, tensor in tuned.state().tensors.items() if name.startswith("weight.")}
    run(tuned, train, 3)
    after = tuned.state().tensors
    assert all(tensor.dtype == torch.float32 for tensor in before.values())
    assert any(not torch.equal(after[name], before[name]) for name in before)
    assert next(tuned.model.parameters()).dtype == torch.bfloat16


def test_smaller_pieces_give_the_same_gradient(folder, train):
    whole = tuning(folder)
    pieces = tuning(folder, Recipe(learning_rate=1e-2, batch_size=4, rank=4, alpha=8, micro_batch=1))
    assert run(pieces, train, 4) == pytest.approx(run(whole, train, 4), rel=1e-4)


@pytest.fixture
def gradients(folder, train):
    """The gradient of one batch by every trained weight, and how many rows were read."""

    def of(packs, **options):
        recipe = Recipe(learning_rate=1e-2, batch_size=4, **options)
        tuned = tuning(folder, recipe, dtype="float64", packs=packs)
        run(tuned, train, 2)  # an adapter's second half is zero at first, and hides the first half's gradient
        examples = tuned._batch(train)
        loss = tuned._gradients(examples)
        shape = tuple(tuned._read_as(examples[: tuned.micro_batch]).tokens.shape)
        return loss, {name: weight.grad.clone() for name, weight in tuned._weights.items()}, shape

    return of


@pytest.mark.parametrize(
    "options",
    [{}, {"method": "full"}, {"loss": "all"}, {"micro_batch": 2}, {"gradient_checkpointing": True}],
    ids=str,
)
def test_items_read_in_one_row_have_the_gradient_of_padded_rows(gradients, options):
    loss, expected, (rows, _) = gradients(False, **options)
    found_loss, found, (row, _) = gradients(True, **options)
    assert (rows, row) == (options.get("micro_batch", 4), 1)
    assert found_loss == pytest.approx(loss, rel=1e-6)
    for name, gradient in expected.items():  # the model's norms and positions are float32, whatever it is loaded in
        assert (found[name] - gradient).abs().max() <= 1e-5 * gradient.abs().max(), name


def test_what_items_begin_with_in_common_is_read_once(folder, train):
    tuned = tuning(folder)
    examples = [tuned.encoder.training_example(item) for item in (*train[:3], train[0])]
    apart = sum(len(example.tokens) - 1 for example in examples[:3])
    row = packed(tree_of(examples, "completion"))
    assert row.tokens.shape[1] <= apart  # the fourth item is the first once more
    assert len(row.wanted) == len(padded(examples, "completion").wanted)


def test_items_are_read_in_rows_where_one_row_would_be_more_work(folder, train):
    tuned = tuning(folder, packs=True)
    alike = tuned.encoder.training_example(train[0])
    long = [replace(alike, tokens=tuple(range(start, start + 100)), prompt_tokens=90) for start in (1, 101, 201, 301)]
    assert tuned._read_as(long).tokens.shape == (
        4,
        99,
    )  # no padding is saved, and every token would see four times more


def test_a_row_is_no_longer_than_the_window_of_the_model(folder, train):
    tuned = tuning(folder, packs=True)
    examples = tuned._batch(train)
    assert len(tuned._read_as(examples).tokens) == 1
    tuned._window = len(tree_of(examples, "completion")) - 1
    assert len(tuned._read_as(examples).tokens) == 4


@pytest.mark.parametrize("name", ["dropout", "layerdrop", "attention_dropout"])
def test_dropout_that_only_the_configuration_names_reads_items_apart(folder, name):
    loaded = load(ModelSpec(name="tiny", source=str(folder)))
    assert not training._draws_at_random(loaded.model)
    setattr(loaded.model.config, name, 0.1)
    assert training._draws_at_random(loaded.model)


def test_a_layer_that_drops_at_random_reads_items_apart(folder, train):
    dropping = Recipe(learning_rate=1e-2, batch_size=4, rank=4, dropout=0.5)
    tuned = tuning(folder, dropping, packs=True)
    assert len(tuned._read_as(tuned._batch(train)).tokens) == 4


def test_gradient_checkpointing_changes_nothing_but_memory(folder, train):
    checkpointed = Recipe(learning_rate=1e-2, batch_size=4, rank=4, alpha=8, gradient_checkpointing=True)
    assert run(tuning(folder, checkpointed), train, 3) == pytest.approx(run(tuning(folder), train, 3), rel=1e-5)


def test_running_out_of_memory_lowers_the_micro_batch_never_the_dose(folder, train, monkeypatch):
    reference = run(tuning(folder), train, 2)
    limited = tuning(folder)
    honest = training.logits_at

    def fails_above_one_item(model, tokens, row, column, **layout):
        if len(tokens) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return honest(model, tokens, row, column, **layout)

    monkeypatch.setattr(training, "logits_at", fails_above_one_item)
    assert run(limited, train, 2) == pytest.approx(reference, rel=1e-4)
    assert limited.micro_batch == 1
    assert limited.steps_done == 2


def test_memory_that_does_not_hold_one_item_is_an_error(folder, train, monkeypatch):
    def always_fails(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(training, "logits_at", always_fails)
    with pytest.raises(ComputationError, match="does not hold one item"):
        tuning(folder).step_on(train)


def test_another_runtime_error_is_not_taken_for_missing_memory(folder, train, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("size mismatch")

    monkeypatch.setattr(training, "logits_at", broken)
    with pytest.raises(RuntimeError, match="size mismatch"):
        tuning(folder).step_on(train)


def test_only_the_completion_is_learnt(folder, train):
    tuned = tuning(folder)
    example = tuned.encoder.training_example(train[0])
    for read_as in (padded, lambda examples, loss: packed(tree_of(examples, loss))):
        learnt = read_as([example], "completion").wanted.tolist()
        assert tuned.encoder.tokenizer.decode(learnt) == train[0].continuations[train[0].answer]
        assert read_as([example], "all").wanted.tolist() == list(example.tokens[1:])  # the first is never predicted


def test_a_batch_with_nothing_to_learn_is_refused(folder, train, monkeypatch):
    monkeypatch.setattr(training, "target_count", lambda example, loss: 0)
    with pytest.raises(InputError, match="every label is masked"):
        tuning(folder).step_on(train)


def test_a_loss_that_is_no_number_ends_the_run_with_the_weights_as_they_were(folder, train):
    tuned = tuning(folder, Recipe(learning_rate=1e30, batch_size=4))
    with pytest.raises(Diverged) as diverged:
        run(tuned, train, 20)
    assert diverged.value.step == tuned.steps_done
    assert all(math.isfinite(loss) for loss in tuned.losses)


def test_an_adapter_on_modules_that_do_not_exist_is_refused(folder):
    with pytest.raises(InputError, match="nowhere_proj"):
        tuning(folder, Recipe(targets=("nowhere_proj",)))


def test_a_constant_rate_does_not_depend_on_the_length_of_the_run_and_a_decaying_one_does():
    constant = Recipe(learning_rate=1.0, warmup_steps=4)
    assert [constant.learning_rate_at(step, total_steps=10) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert constant.learning_rate_at(3, total_steps=5) == constant.learning_rate_at(3, total_steps=500)
    linear = Recipe(learning_rate=1.0, schedule="linear")
    assert [linear.learning_rate_at(step, total_steps=4) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]
    cosine = Recipe(learning_rate=1.0, schedule="cosine")
    assert cosine.learning_rate_at(2, total_steps=4) == pytest.approx(0.5)


def test_the_merged_model_answers_as_the_tuned_one(folder, train):
    tuned = tuning(folder)
    run(tuned, train, 3)
    tokens = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        expected = tuned.model(tokens).logits
        merged = tuned.merged()
        assert torch.allclose(merged(tokens).logits, expected, atol=1e-5)
    assert not any("lora" in name for name, _ in merged.named_parameters())


@pytest.mark.parametrize("length", [8, 200])
def test_short_sequences_in_bfloat16_take_another_attention_and_learn_the_same(monkeypatch, length: int) -> None:
    from contextlib import nullcontext

    from headstart.tune import training

    query = torch.randn(2, 2, length, 16, dtype=torch.bfloat16)
    tokens = torch.zeros((2, length), dtype=torch.long)

    def attended() -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(query, query, query, is_causal=True)

    with training._fast_attention(tokens, torch.bfloat16):
        fast = attended()
    assert torch.allclose(fast.float(), attended().float(), atol=0.03)
    assert isinstance(training._fast_attention(tokens, torch.bfloat16), nullcontext) == (length > 128)
    assert isinstance(training._fast_attention(tokens, torch.float32), nullcontext)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_autocast_multiplies_in_bfloat16_and_keeps_float32_weights(folder, train, method):
    plain = Recipe(method=method, learning_rate=1e-2, batch_size=4)
    lowered = dataclasses.replace(plain, autocast="bfloat16")
    straight, other = tuning(folder, lowered), tuning(folder, lowered)
    seen = set()
    straight.model.get_output_embeddings().register_forward_hook(lambda *given: seen.add(given[2].dtype))
    losses = run(straight, train, 4)
    assert seen == {torch.bfloat16}
    assert {weight.dtype for weight in straight.model.parameters()} == {torch.float32}
    reference = run(tuning(folder, plain), train, 4)
    assert losses != reference
    assert losses == pytest.approx(reference, rel=0.02)
    run(other, train, 2)
    resumed = tuning(folder, lowered)
    resumed.restore(other.state())
    run(resumed, train, 2)
    assert same(resumed.state(), straight.state())
