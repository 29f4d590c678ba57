"""A model on several devices: everything is where it is needed, and hooks change no number."""

import json

import pytest
import torch
from accelerate import dispatch_model
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

import two_devices
from headstart.errors import InputError
from headstart.tune.encode import encoder_for
from headstart.tune.hardware import Hardware
from headstart.tune.heads import logits_at
from headstart.tune.models import load
from headstart.tune.plan import ModelSpec, Recipe
from headstart.tune.plan_file import read_plan
from headstart.tune.prepare import prepare
from headstart.tune.score import Scorer
from headstart.tune.score.choices import plan_trees, score_plainly, score_trees
from headstart.tune.seal import protocol_part
from headstart.tune.training import Tuning
from tiny_models import parity_items, tiny_model
from tiny_plan import Here, tiny_plan

ITEMS = parity_items(8)
RECIPES = {
    "full": Recipe(method="full", batch_size=4, gradient_clip=1.0),
    "lora": Recipe(batch_size=4, micro_batch=2, gradient_checkpointing=True),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Models of three layers whose output layer is the embedding, or one of its own."""
    tied, untied = (tiny_model(tmp_path_factory.mktemp("model") / name, layers=3) for name in ("tied", "untied"))
    config = json.loads((untied / "config.json").read_text()) | {"tie_word_embeddings": False}
    LlamaForCausalLM(LlamaConfig(**config)).save_pretrained(untied)
    return {"tied": tied, "untied": untied}


@pytest.fixture(scope="module")
def folder(folders):
    return folders["untied"]


@pytest.mark.parametrize(("head", "name"), [("tied", "full"), ("untied", "full"), ("untied", "lora")])
def test_a_step_finds_every_tensor_on_the_device_where_it_is_needed(folders, head, name):
    loaded, recipe = load(ModelSpec(name="m", source=str(folders[head]))), RECIPES[name]
    with two_devices.two_devices(loaded, recipe=recipe) as two:
        tuning = Tuning(two, encoder_for(two, recipe), recipe, seed=0, total_steps=3)
        tuning.step_on(ITEMS)
        tuning.restore(tuning.state())
        where = {weight.device.type for weight in tuning._masters.values()}
        moments = {moment.device.type for state in tuning._optimizer.state.values() for moment in (state["exp_avg"],)}
    assert where == moments == {two_devices.FIRST, two_devices.SECOND}


def test_scoring_finds_every_tensor_on_the_device_where_it_is_needed(folder):
    loaded = load(ModelSpec(name="m", source=str(folder)))
    examples = encoder_for(loaded, Recipe()).choices(ITEMS[:3])
    with two_devices.two_devices(loaded) as two, torch.no_grad():
        grown = score_trees(two.model, plan_trees(examples, batch_tokens=64), items=3, ask_greedy=True)
        plain = score_plainly(two.model, examples, batch_tokens=64, ask_greedy=True)
    assert [len(lls) for lls in grown.loglikelihoods] == [len(lls) for lls in plain.loglikelihoods] == [3] * 3


def test_a_tensor_on_the_wrong_device_is_seen(folder):
    with two_devices.two_devices(load(ModelSpec(name="m", source=str(folder)))) as two:
        hidden = two.model.get_decoder()(input_ids=torch.zeros((1, 4), dtype=torch.long)).last_hidden_state
        assert hidden.device.type == two_devices.SECOND
        with pytest.raises(RuntimeError, match="same device"):
            hidden @ torch.zeros(hidden.shape[-1], 2)


def test_hooks_that_fetch_weights_layer_by_layer_change_no_number(folder, tmp_path):
    plain = load(ModelSpec(name="m", source=str(folder)))
    encoder = encoder_for(plain, Recipe())
    expected = Scorer(plain, encoder, batch_tokens=64).score(ITEMS)
    hooked = load(ModelSpec(name="m", source=str(folder)))
    places = {name: "disk" if where == two_devices.SECOND else where for name, where in _map(hooked.model).items()}
    dispatch_model(hooked.model, places, offload_dir=str(tmp_path), main_device="cpu", force_hooks=True)
    assert next(hooked.model.model.norm.parameters()).device.type == "meta"  # nothing there between passes
    assert Scorer(hooked, encoder, batch_tokens=64).score(ITEMS) == expected


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_hooks_change_no_step(folder, recipe):
    losses = []
    for hooks in (False, True):
        loaded = load(ModelSpec(name="m", source=str(folder)))
        if hooks:
            dispatch_model(loaded.model, dict.fromkeys(_map(loaded.model), "cpu"), main_device="cpu", force_hooks=True)
            assert hasattr(loaded.model, "_hf_hook")
        tuning = Tuning(loaded, encoder_for(loaded, recipe), recipe, seed=0, total_steps=3)
        losses.append([tuning.step_on(ITEMS) for _ in range(3)])
    assert losses[0] == losses[1]


def test_a_balanced_map_is_asked_for(folder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (10**9 * (index + 1), 0))
    from headstart.tune.models import _places

    spec = ModelSpec(name="m", source=str(folder), devices=2)
    assert _places(spec, "cuda") == {"device_map": "balanced", "max_memory": {0: 10**9, 1: 2 * 10**9}}
    with pytest.raises(InputError, match="at most 2, the GPUs a worker can see, got 3"):
        _places(ModelSpec(name="m", source=str(folder), devices=3), "cuda")


def test_a_model_that_does_not_fit_into_its_gpus_is_refused(folder, monkeypatch):
    places = {"device_map": {"": "cpu"}}  # what a balanced map comes to where GPUs are too small
    monkeypatch.setattr("headstart.tune.models._places", lambda *_: places)
    with pytest.raises(InputError, match="model m does not fit into 2 GPUs"):
        load(ModelSpec(name="m", source=str(folder), devices=2), device="cuda")


def test_only_gpus_share_a_model(tmp_path):
    path = tiny_plan(tmp_path, models=1)
    path.write_text(path.read_text() + "devices = 2\n")
    plan = read_plan(path)
    with pytest.raises(InputError, match="model m0: devices must be 1 on cpu, got 2"):
        prepare(plan, hardware=Here().hardware())
    with pytest.raises(InputError, match="devices must be 1 on cpu"):
        load(plan.models[0])


def test_the_number_of_devices_is_sealed_with_the_model_not_with_the_protocol(tmp_path):
    path = tiny_plan(tmp_path, models=1)
    gpu = Hardware(device="cuda", name="a card", threads=1)
    one = prepare(read_plan(path), hardware=gpu).seal
    path.write_text(path.read_text() + "devices = 2\n")
    two = prepare(read_plan(path), hardware=gpu).seal
    assert two.resolution["models"]["m0"]["devices"] == 2
    assert "devices" not in one.resolution["models"]["m0"]  # plans from before keep their hash
    assert one.hash != two.hash
    assert protocol_part(one.resolution) == protocol_part(two.resolution)


def test_attention_is_asked_for_in_the_form_that_fused_kernels_take(folder, monkeypatch):
    loaded = load(ModelSpec(name="m", source=str(folder)))
    encoder, real, asked = encoder_for(loaded, Recipe()), functional.scaled_dot_product_attention, []

    def spy(query, key, value, attn_mask=None, is_causal=False, **rest):
        asked.append((query, attn_mask, is_causal))
        return real(query, key, value, attn_mask=attn_mask, is_causal=is_causal, **rest)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", spy)
    row = torch.tensor([0, 1])
    logits_at(loaded.model, torch.ones((2, 9), dtype=torch.long), row, row)
    assert {(mask, causal) for _, mask, causal in asked} == {(None, True)}  # flash takes no mask
    asked.clear()
    examples = encoder.choices(ITEMS)
    with torch.no_grad():
        score_trees(loaded.model, plan_trees(examples, batch_tokens=64), items=len(ITEMS))
    masks = [(query, mask) for query, mask, _ in asked if mask is not None]
    assert masks
    for query, mask in masks:  # the memory-efficient kernel wants the queries' dtype, and rows at multiples of 16
        assert mask.dtype == query.dtype
        assert all(stride % 16 == 0 for stride in mask.stride()[:-1])


def test_autocast_is_for_float32_models_and_sealed_where_it_is_said(tmp_path):
    path = tiny_plan(tmp_path, models=1)
    gpu = Hardware(device="cuda", name="a card", threads=1)
    without = prepare(read_plan(path), hardware=gpu).seal.resolution["recipes"]["lora"]
    text = path.read_text()
    path.write_text(text + '[recipe]\nautocast = "bfloat16"\n')
    assert prepare(read_plan(path), hardware=gpu).seal.resolution["recipes"]["lora"] == without | {
        "autocast": "bfloat16"
    }
    path.write_text(text + 'dtype = "bfloat16"\n[recipe]\nautocast = "bfloat16"\n')
    with pytest.raises(InputError, match="model m0 is bfloat16"):
        prepare(read_plan(path), hardware=gpu)


def _map(model) -> dict[str, str]:
    return two_devices.device_map(model)
