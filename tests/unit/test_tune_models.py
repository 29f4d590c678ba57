import json
import math
import os
import shutil
from hashlib import sha256
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from safetensors.torch import load_file, save_file
from transformers import BloomConfig, BloomForCausalLM, GPT2Config, GPT2LMHeadModel

from headstart.errors import InputError
from headstart.tune.models import describe, load, load_tokenizer, missing, pin
from headstart.tune.plan import ModelSpec
from tiny_models import tiny_model, tiny_tokenizer

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "model"))


def spec_of(source: Path | str, **fields: object) -> ModelSpec:
    return ModelSpec(name="tiny", source=str(source), **fields)


def edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.arange(20)[None]).logits


# ------------------------------------------------------------------------------------------------------------ loading


def test_a_model_is_loaded_as_the_plan_says_and_ready_to_be_scored(original: Path) -> None:
    loaded = load(spec_of(original, attention="eager"))
    assert loaded.window == 512
    assert loaded.device == torch.device("cpu")
    assert not loaded.model.training
    assert all(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.model.config._attn_implementation == "eager"
    assert loaded.tokenizer("the").input_ids == tiny_tokenizer()("the").input_ids


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_dtype_is_the_plans_whatever_the_file_holds(tmp_path: Path, dtype: str) -> None:
    source = tiny_model(tmp_path / "half", dtype="bfloat16")
    loaded = load(spec_of(source, dtype=dtype))
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {getattr(torch, dtype)}
    assert describe(spec_of(source, dtype=dtype))["stored_dtypes"] == ["BF16"]


def test_loading_draws_no_random_numbers_and_prints_nothing(original: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()
    load(spec_of(original))
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_weights_in_several_files_are_the_same_model(folder: Path, original: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    parts = {"model-00001-of-00002.safetensors": names[:5], "model-00002-of-00002.safetensors": names[5:]}
    for part, of_part in parts.items():
        save_file({name: weights[name] for name in of_part}, folder / part, metadata={"format": "pt"})
    weight_map = {name: part for part, of_part in parts.items() for name in of_part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))

    assert torch.equal(logits(load(spec_of(folder)).model), logits(load(spec_of(original)).model))
    described = describe(spec_of(folder))
    assert {*parts, "model.safetensors.index.json"} <= set(described["files"])
    assert described["parameters"] == describe(spec_of(original))["parameters"]

    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match=r"field weight_map: names model-00002-of-00002.safetensors, which is not"):
        describe(spec_of(folder))


def test_a_folder_may_be_made_of_links(original: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    for file in original.iterdir():
        (linked / file.name).symlink_to(file)
    assert describe(spec_of(linked))["files"] == describe(spec_of(original))["files"]
    assert torch.equal(logits(load(spec_of(linked)).model), logits(load(spec_of(original)).model))


def test_a_tokenizer_without_a_padding_token_stays_as_it_is(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["pad_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_tokenizer(spec_of(folder))
    assert tokenizer.pad_token is None
    assert len(tokenizer) == len(tiny_tokenizer())


# ------------------------------------------------------------------------------------------------------- the window


def test_a_model_that_calls_its_window_otherwise_has_one(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=64, n_embd=16, n_layer=1, n_head=2)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert load(spec_of(tmp_path)).window == 64


def test_without_positions_the_tokenizers_length_is_the_window(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    config = BloomConfig(vocab_size=len(tokenizer), hidden_size=16, n_layer=1, n_head=2)
    BloomForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    spec = spec_of(tmp_path, attention="eager")
    with pytest.raises(InputError, match="the model names no window: set max_position_embeddings"):
        describe(spec)
    edit(tmp_path / "tokenizer_config.json", model_max_length=256)
    assert describe(spec)["window"] == load(spec).window == 256
    with pytest.raises(InputError, match="does not support an attention implementation"):
        describe(spec_of(tmp_path))  # before any weights are loaded


# -------------------------------------------------------------------------------------------------------- descriptions


def test_a_description_needs_no_weights_and_names_every_file(original: Path) -> None:
    described = describe(spec_of(original))
    tensors = load_file(original / "model.safetensors")
    assert described == {
        "source": str(original),
        "commit": None,
        "files": {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(original.iterdir())},
        "architecture": "LlamaForCausalLM",
        "layers": 2,
        "parameters": sum(math.prod(tensor.shape) for tensor in tensors.values()),
        "window": 512,
        "stored_dtypes": ["F32"],
        "has_chat_template": False,
    }
    assert list(described["files"]) == sorted(described["files"])


def test_a_changed_file_changes_its_digest_in_the_same_process(folder: Path) -> None:
    before = describe(spec_of(folder))["files"]
    edit(folder / "config.json", rope_theta=123.0)
    after = describe(spec_of(folder))["files"]
    assert {name for name in after if after[name] != before[name]} == {"config.json"}


@pytest.mark.parametrize("place", ["file", "tokenizer_config", "named"])
def test_a_chat_template_is_found_wherever_it_is_kept(folder: Path, place: str) -> None:
    with pytest.raises(InputError, match="field chat_template: model tiny has no chat template"):
        describe(spec_of(folder, chat_template=True))
    with pytest.raises(InputError, match="field chat_template: model tiny has no chat template"):
        load(spec_of(folder, chat_template=True))
    template = "{% for m in messages %}<|user|>{{ m.content }}{% endfor %}"
    if place == "file":
        (folder / "chat_template.jinja").write_text(template)
    else:
        named = [{"name": "default", "template": template}, {"name": "tools", "template": ""}]
        edit(folder / "tokenizer_config.json", chat_template=template if place == "tokenizer_config" else named)
    assert describe(spec_of(folder, chat_template=True))["has_chat_template"] is True
    tokenizer = load(spec_of(folder, chat_template=True)).tokenizer
    assert tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False) == "<|user|>x"


def test_a_template_for_tools_alone_is_no_chat_template(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", chat_template=[{"name": "tools", "template": "x"}])
    assert describe(spec_of(folder))["has_chat_template"] is False


# ----------------------------------------------------------------------------------------------------------- bad input


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "nowhere")
    assert missing(spec) == [f"model tiny: no folder {tmp_path / 'nowhere'}"]
    for act in (load, describe, load_tokenizer):
        with pytest.raises(InputError, match="nowhere: model tiny: no such folder"):
            act(spec)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_without_a_needed_file_says_which(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"the folder has no {name}"):
        describe(spec_of(folder))


def test_gguf_beside_no_safetensors_must_be_asked_for(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.gguf")
    with pytest.raises(InputError, match="to read its GGUF file, name it as gguf_file"):
        describe(spec_of(folder))


def test_truncated_weights_are_bad_input(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model\.safetensors: is not a safetensors file"):
        describe(spec_of(folder))
    with pytest.raises(InputError, match="the model cannot be loaded"):
        load(spec_of(folder))


def test_a_weight_that_is_not_there_is_never_made_up(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"1 weights are not in the files, the first is model\.layers\.1\.mlp"):
        load(spec_of(folder))


def test_weights_of_another_shape_are_bad_input(folder: Path) -> None:
    edit(folder / "config.json", intermediate_size=32)
    with pytest.raises(InputError, match="the model cannot be loaded"):
        load(spec_of(folder))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", r"config\.json: is not JSON"),
        ("config.json", "[]", r"config\.json: must hold a JSON object"),
        ("config.json", "[" * 100_000, r"config\.json: is not JSON"),
        ("config.json", '{"model_type": "unheard-of"}', "the configuration cannot be loaded: .*unheard-of"),
        ("config.json", '{"model_type": "llama", "hidden_size": "wide"}', "the configuration cannot be loaded"),
        ("tokenizer.json", "{}", "the tokenizer cannot be loaded"),
    ],
)
def test_malformed_files_are_bad_input(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=message):
        load(spec_of(folder))


# ----------------------------------------------------------------------------------------------------------- GGUF

GGUF_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def as_gguf(folder: Path, target: Path) -> Path:
    """A tiny model as llama.cpp would write it."""
    config = json.loads((folder / "config.json").read_text())
    bpe = json.loads((folder / "tokenizer.json").read_text())["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].get)
    target.mkdir()
    writer = GGUFWriter(target / "tiny.gguf", "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges([" ".join(merge) for merge in bpe["merges"]])
    for add in (writer.add_bos_token_id, writer.add_eos_token_id, writer.add_pad_token_id, writer.add_unk_token_id):
        add(0)
    for name, tensor in load_file(folder / "model.safetensors").items():
        writer.add_tensor(*as_gguf_tensor(name.removesuffix(".weight"), tensor.numpy(), config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def as_gguf_tensor(name: str, array: np.ndarray, config: dict[str, int]) -> tuple[str, np.ndarray]:
    if name in GGUF_NAMES:
        return f"{GGUF_NAMES[name]}.weight", array
    _, _, layer, part = name.split(".", 3)
    if part in ("self_attn.q_proj", "self_attn.k_proj"):  # llama.cpp interleaves the halves that are rotated
        heads = config["num_attention_heads" if "q_" in part else "num_key_value_heads"]
        halves = array.reshape(heads, 2, array.shape[0] // heads // 2, -1)
        array = np.ascontiguousarray(halves.swapaxes(1, 2).reshape(array.shape))
    return f"blk.{layer}.{GGUF_NAMES[part]}.weight", array


def test_a_gguf_file_is_the_same_model(original: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = spec_of(as_gguf(original, tmp_path / "gguf"), gguf_file="tiny.gguf")
    expected = load(spec_of(original))
    capfd.readouterr()
    loaded = load(spec)
    assert capfd.readouterr() == ("", "")
    assert torch.equal(logits(loaded.model), logits(expected.model))
    assert loaded.tokenizer("the tree is").input_ids == expected.tokenizer("the tree is").input_ids
    assert not loaded.model.training

    described = describe(spec)
    assert list(described["files"]) == ["tiny.gguf"]
    assert described["window"] == 512
    assert described["layers"] == 2
    assert described["parameters"] == describe(spec_of(original))["parameters"]
    with pytest.raises(InputError, match="has no chat template"):
        describe(spec_of(tmp_path / "gguf", gguf_file="tiny.gguf", chat_template=True))


def test_a_truncated_gguf_file_is_bad_input(original: Path, tmp_path: Path) -> None:
    folder = as_gguf(original, tmp_path / "gguf")
    content = (folder / "tiny.gguf").read_bytes()
    (folder / "tiny.gguf").write_bytes(content[: len(content) // 50])
    for act in (load, describe, load_tokenizer):
        with pytest.raises(InputError):
            act(spec_of(folder, gguf_file="tiny.gguf"))


# -------------------------------------------------------------------------------------------------------------- the hub


@pytest.fixture
def cached(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model in the hub's cache on this machine, and no hub to be reached."""
    repository = tmp_path / "cache" / "models--owner--tiny"
    blobs, snapshot = repository / "blobs", repository / "snapshots" / COMMIT
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for file in original.iterdir():
        blob = blobs / sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        (snapshot / file.name).symlink_to(os.path.relpath(blob, snapshot))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    return "owner/tiny"


@pytest.fixture(params=["hub down", "offline asked for"])
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", request.param == "offline asked for")


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_a_cached_model_of_the_hub_is_the_folder_at_its_commit(
    cached: str, original: Path, revision: str | None
) -> None:
    spec = spec_of(cached, revision=revision)
    assert missing(spec) == []
    assert pin(spec).revision == COMMIT
    described = describe(spec)
    assert described["commit"] == COMMIT
    assert described["files"] == describe(spec_of(original))["files"]
    assert load(spec).window == 512


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(("source", "revision"), [("owner/other", None), ("owner/tiny", "v2")])
def test_what_is_neither_cached_nor_reachable_is_named(cached: str, source: str, revision: str | None) -> None:
    shown = f"{source} at {revision}" if revision else source
    message = f"{shown} is not on this machine and the hub cannot be reached"
    assert missing(spec_of(source, revision=revision)) == [f"model tiny: {message}"]
    for act in (load, describe, pin):
        with pytest.raises(InputError, match=message):
            act(spec_of(source, revision=revision))


@pytest.mark.parametrize("source", ["a b", "owner/name/more", "../up", ""])
def test_a_source_that_is_no_name_is_bad_input(cached: str, source: str) -> None:
    with pytest.raises(InputError, match=r"field source: source must be a folder or a name on the hub \(owner/name\)"):
        describe(spec_of(source))


def test_a_cached_commit_that_is_not_whole_is_no_model(
    cached: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    next((tmp_path / "cache").rglob("snapshots/*/model.safetensors")).unlink()
    with pytest.raises(InputError, match=f"{COMMIT}: the folder has no model.safetensors"):
        describe(spec_of(cached, revision=COMMIT))


def test_pinning_leaves_a_folder_as_it_is(folder: Path) -> None:
    assert pin(spec_of(folder)) == spec_of(folder)
