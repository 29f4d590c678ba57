"""The memory forecast: states to the byte, passes as real steps take them, advice where it does not fit."""

import pytest
import torch

from headstart.report.console import stdout
from headstart.report.tuning import print_memory
from headstart.tune import memory, memory_forecast
from headstart.tune.encode import encoder_for
from headstart.tune.forecast import CellMemory, Forecast, Measured
from headstart.tune.items import MultipleChoice
from headstart.tune.memory import DeviceMemory, Load, device_memory, needed
from headstart.tune.models import load
from headstart.tune.plan import ModelSpec, Recipe
from headstart.tune.plan_file import read_plan
from headstart.tune.prepare import prepare
from headstart.tune.training import Tuning
from tiny_models import parity_records, tiny_model
from tiny_plan import Here, tiny_plan

FULL = Recipe(method="full", batch_size=4)
LORA = Recipe(batch_size=4, rank=4, alpha=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny", layers=5)


def items(words: int = 30) -> tuple[MultipleChoice, ...]:
    return tuple(
        MultipleChoice(
            context=f"{record['context']} {'the tree ' * (words if 4 <= at < 8 else 1)}",
            continuations=tuple(" " + choice for choice in record["choices"]),
            answer=record["answer"],
            choices=tuple(record["choices"]),
        )
        for at, record in enumerate(parity_records(12))
    )


def tuned(folder, recipe, dtype) -> tuple[Tuning, Load]:
    loaded = load(ModelSpec(name="tiny", source=str(folder), dtype=dtype))
    encoder = encoder_for(loaded, recipe)
    counts = encoder.check(items())
    tuning = Tuning(loaded, encoder, recipe, seed=0, total_steps=4)
    tuning.step_on(items())
    return tuning, Load(
        train_tokens=counts.longest, train_targets=counts.targets, test_tokens=counts.longest, batch_tokens=512
    )


def size(tensors) -> int:
    return sum(tensor.nbytes for tensor in {id(one): one for one in tensors}.values())


@pytest.mark.parametrize(
    ("recipe", "dtype"), [(FULL, "float32"), (FULL, "bfloat16"), (LORA, "bfloat16"), (LORA, "float64")]
)
def test_states_are_counted_to_the_byte(folder, recipe, dtype):
    tuning, load = tuned(folder, recipe, dtype)
    found = needed(ModelSpec(name="m", source=str(folder), dtype=dtype), recipe, load, device="cpu")
    assert found.weights == size([*tuning.model.parameters(), *tuning.model.buffers()])
    state = tuning.state().tensors
    moments = size(tensor for name, tensor in state.items() if name.startswith("exp_avg"))
    trained = [weight for weight in tuning.model.parameters() if weight.requires_grad]
    copies = size(t for name, t in state.items() if name.startswith("weight.")) if dtype == "bfloat16" else 0
    copies *= recipe.method == "full"  # adapters are float32 in every model
    assert found.optimizer == moments + copies
    assert found.gradients == size(trained)


@pytest.mark.parametrize(
    "recipe",
    [FULL, LORA, Recipe(batch_size=4, gradient_checkpointing=True), Recipe(batch_size=4, micro_batch=2, loss="all")],
    ids=["full", "lora", "checkpointing", "pieces"],
)
def test_a_pass_takes_what_a_real_step_takes(folder, recipe):
    tuning, load = tuned(folder, recipe, "float32")
    with memory._Count() as count:  # of real tensors with content, all layers
        tuning.try_longest(items())
    found = needed(ModelSpec(name="m", source=str(folder)), recipe, load, device="cpu")
    assert found.gradients + found.activations == pytest.approx(count.peak, rel=0.15)


def test_the_longest_batch_is_the_one_that_is_tried(folder, monkeypatch):
    tuning, load = tuned(folder, LORA, "float32")
    seen = []
    monkeypatch.setattr(tuning, "_gradients", lambda examples: seen.extend(examples) or float("nan"))
    with pytest.raises(Exception, match="the loss is nan"):
        tuning.try_longest(items())
    assert load.train_tokens - 5 < min(len(example.tokens) for example in seen)  # of the right choice
    assert len(seen) == LORA.batch_size


def test_checkpointing_and_smaller_pieces_need_less(folder):
    spec = ModelSpec(name="m", source=str(folder))
    load = Load(train_tokens=300, train_targets=4, test_tokens=300, batch_tokens=512)
    plain = needed(spec, LORA, load, device="cuda")
    for change in ({"gradient_checkpointing": True}, {"micro_batch": 1}):
        assert needed(spec, Recipe(batch_size=4, rank=4, **change), load, device="cuda").total < 0.7 * plain.total


def test_gpus_say_what_they_have_left(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (100 + index, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda index: 7)
    assert device_memory("cuda") == DeviceMemory(available=107)
    assert device_memory("cuda", devices=2) == DeviceMemory(available=107 + 108)


def test_this_machine_says_what_it_has_left():
    found = device_memory("cpu")
    assert found.available is None or 0 < found.other < found.available


def test_a_plan_that_does_not_fit_is_told_what_to_change(tmp_path, monkeypatch, capsys):
    plan = read_plan(tiny_plan(tmp_path, models=2, more="evaluation_batch_tokens = 64"))
    executor = Here()
    prepared = prepare(plan, hardware=executor.hardware())
    monkeypatch.setattr(memory_forecast, "device_memory", lambda *_args, **_kwargs: DeviceMemory(available=1_000_000))
    one, other = memory_forecast.forecast_memory(prepared, executor)
    assert one.tight
    assert one.needed_bytes > 1_000_000 == one.available_bytes
    assert one.advice[0].startswith("gradient_checkpointing = true: 0.")
    assert any(line.startswith("dtype = ") for line in one.advice)
    measured = Measured(
        model=one.model, task=one.task, recipe=one.recipe, load_seconds=0, step_seconds=0, evaluation_seconds=0,
        peak_memory_bytes=2_000_000, state_bytes=0, micro_batch=8,
    )  # fmt: skip
    print_memory(stdout(), Forecast(plan_hash="h", measured=(measured,), memory=(one, other)))
    text = capsys.readouterr().out
    assert "m0, parity, lora: needs at most about" in text
    assert "of 1.0 MB" in text
    assert "2.0 MB were measured with 8 items a pass" in text
    assert "gradient_checkpointing = true" in text


def test_more_gpus_are_advised_where_the_model_is_too_large(folder):
    spec, load = (
        ModelSpec(name="m", source=str(folder)),
        Load(train_tokens=9, train_targets=2, test_tokens=9, batch_tokens=9),
    )
    lines = memory_forecast.advice(spec, FULL, load, device="cuda", room=1e9, need=lambda *_: int(4e9))
    assert list(lines) == ["devices = 5: the model shared by so many GPUs"]


def test_an_architecture_that_cannot_be_counted_says_why(tmp_path, monkeypatch):
    prepared = prepare(read_plan(tiny_plan(tmp_path, models=1)), hardware=Here().hardware())

    def fail(*_args, **_kwargs):
        raise NotImplementedError("no shapes without content")

    monkeypatch.setattr(memory_forecast, "needed", fail)
    (found,) = memory_forecast.forecast_memory(prepared, Here())
    assert found.needed_bytes is None
    assert not found.tight
    assert found.reason == "NotImplementedError: no shapes without content"


def test_a_share_is_unknown_where_one_side_is():
    assert CellMemory(model="m", task="t", recipe="r", needed_bytes=5, available_bytes=None).share is None
    assert torch.float32.itemsize == memory._STATE


@pytest.mark.parametrize("version", [1, 2])
def test_the_tightest_control_group_around_the_process_is_what_there_is(tmp_path, version):
    limit, used, idle = memory._LIMITS[version]
    top = tmp_path / "memory" if version == 1 else tmp_path
    for group, values in {"": ("max", 900, 0), "job": (1000, 600, 100), "job/step": ("max", 50, 0)}.items():
        folder = top / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / limit).write_text(f"{values[0]}\n")
        (folder / used).write_text(f"{values[1]}\n")
        (folder / "memory.stat").write_text(f"anon 7\n{idle} {values[2]}\n")
    groups = tmp_path / "cgroup"
    groups.write_text("4:cpu:/elsewhere\n3:memory:/job/step\n" if version == 1 else "0::/job/step\n")
    assert memory._control_group(groups, tmp_path) == 500  # what is remembered of files makes room
    (top / "job" / limit).write_text("max\n")
    assert memory._control_group(groups, tmp_path) is None
    assert memory._control_group(tmp_path / "none", tmp_path) is None
