"""Nothing in a model's folder or repository is ever executed, and nothing but what is sealed is read."""

import json
import os
import pickle
import re
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import jinja2.exceptions
import pytest
from transformers.integrations import hub_kernels

from headstart.errors import InputError
from headstart.tune.models import describe, load, load_tokenizer, missing, pin
from headstart.tune.plan import ModelSpec
from tiny_models import tiny_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny", chat=True)


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "model"))


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """A file that exists once code of the model's folder has run."""
    return tmp_path / "ran"


def spec_of(source: Path | str, **fields: object) -> ModelSpec:
    return ModelSpec(name="suspect", source=str(source), **fields)


def edit(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def booby_trap(folder: Path, ran: Path) -> None:
    """Code and pickles that leave a trace, wherever a library may look for them."""
    code = f"open({str(ran)!r}, 'w').close()\n"
    for name in ("modeling_evil", "configuration_evil", "tokenization_evil", "__init__", "setup", "sitecustomize"):
        (folder / f"{name}.py").write_text(code)
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(code + "def generate(*args, **kwargs): pass\n")
    for name in ("pytorch_model.bin", "model.pt", "training_args.bin", "tokenizer.pkl", ".metadata"):
        (folder / name).write_bytes(bomb(ran))


class Bomb:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.ran), "w")


def bomb(ran: Path) -> bytes:
    return pickle.dumps(Bomb(ran))


def test_the_bomb_of_these_tests_is_one(ran: Path) -> None:
    pickle.loads(bomb(ran)).close()
    assert ran.exists()


def test_code_and_pickles_beside_safetensors_are_left_alone(folder: Path, ran: Path) -> None:
    booby_trap(folder, ran)
    loaded = load(spec_of(folder))
    loaded.model.generate(loaded.tokenizer("the", return_tensors="pt").input_ids, max_new_tokens=2, do_sample=False)
    assert set(describe(spec_of(folder))["files"]) == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert not ran.exists()


@pytest.mark.parametrize("suffix", [".bin", ".pt", ".pth", ".ckpt", ".pkl"])
def test_weights_that_are_pickles_are_refused_unread(folder: Path, ran: Path, suffix: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / f"pytorch_model{suffix}").write_bytes(bomb(ran))
    for act in (load, describe):
        with pytest.raises(InputError, match=rf"{re.escape(str(folder))}: .*{suffix} only.* safetensors"):
            act(spec_of(folder))
    assert not ran.exists()


REMOTE = {"AutoConfig": "configuration_evil.Config", "AutoModelForCausalLM": "modeling_evil.Model"}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("config.json", {"auto_map": REMOTE}),
        ("config.json", {"auto_map": REMOTE, "model_type": "evil"}),
        ("config.json", {"text_config": {"auto_map": REMOTE}}),
        ("config.json", {"auto_map": {"AutoModelForCausalLM": "owner/other--modeling_evil.Model"}}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["tokenization_evil.Tokenizer", None]}}),
        ("generation_config.json", {"auto_map": REMOTE}),
    ],
)
def test_a_model_that_asks_for_code_of_its_own_is_refused(
    folder: Path, ran: Path, name: str, fields: dict[str, object]
) -> None:
    booby_trap(folder, ran)
    edit(folder / name, **fields)
    for act in (load, load_tokenizer, describe, pin_as_hub_would):
        with pytest.raises(InputError, match=rf"{name}, field auto_map: asks for code of its own") as caught:
            act(spec_of(folder))
        assert caught.value.exit_status == 2
    assert not ran.exists()


def pin_as_hub_would(spec: ModelSpec) -> None:
    from headstart.tune.model_files import find_files

    find_files(spec)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantization_config", {"quant_method": "metal"}),
        ("transformers_weights", "pytorch_model.bin"),
        ("fusion_config", {"patch_embeddings": True}),
    ],
)
def test_a_configuration_that_would_load_something_else_is_refused(folder: Path, field: str, value: object) -> None:
    edit(folder / "config.json", **{field: value})
    with pytest.raises(InputError, match=rf"config.json, field {field}: "):
        load(spec_of(folder))


@pytest.mark.parametrize("part", ["pytorch_model.bin", "../model/model-1.safetensors", "/etc/passwd"])
def test_an_index_may_name_only_safetensors_of_its_folder(folder: Path, ran: Path, part: str) -> None:
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    booby_trap(folder, ran)
    index = {"metadata": {}, "weight_map": {"model.norm.weight": part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"field weight_map: must name \.safetensors files of this folder"):
        load(spec_of(folder))
    assert not ran.exists()


def test_an_adapter_is_refused_before_its_base_model_is_looked_for(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/base", "peft_type": "LORA"}')
    with pytest.raises(InputError, match="holds an adapter, not a model"):
        load(spec_of(folder))


def test_a_distributed_checkpoint_is_refused(folder: Path, ran: Path) -> None:
    booby_trap(folder, ran)
    (folder / "model.safetensors").rename(folder / "shard-00001-model-00001-of-00001.safetensors")
    with pytest.raises(InputError, match="distributed checkpoint"):
        load(spec_of(folder))
    assert not ran.exists()


@pytest.mark.parametrize("name", ["../model.gguf", "/etc/passwd", "model.bin"])
def test_a_gguf_file_is_in_its_folder_and_called_so(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"gguf_file.*must be the name of a \.gguf file"):
        load(spec_of(folder, gguf_file=name))


def test_a_pickle_called_gguf_is_refused_unread(folder: Path, ran: Path) -> None:
    (folder / "model.gguf").write_bytes(bomb(ran))
    with pytest.raises(InputError, match="is not a GGUF file"):
        load(spec_of(folder, gguf_file="model.gguf"))
    assert not ran.exists()


def test_chat_templates_run_in_a_sandbox(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{{ cycler.__init__.__globals__.os.system('true') }}")
    tokenizer = load(spec_of(folder, chat_template=True)).tokenizer
    with pytest.raises(jinja2.exceptions.SecurityError):
        tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False)


def test_kernels_of_the_hub_are_off_and_cannot_be_switched_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert os.environ["USE_HUB_KERNELS"] == "NO"
    monkeypatch.setattr(hub_kernels, "_kernels_enabled", True)
    with pytest.raises(InputError, match="set USE_HUB_KERNELS=NO"):
        load(spec_of(folder))


def test_a_local_folder_needs_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    describe(spec_of(folder))
    load(spec_of(folder))


opened: list[str] | None = None


def record(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and opened is not None and isinstance(arguments[0], str | os.PathLike):
        opened.append(os.fspath(arguments[0]))


sys.addaudithook(record)  # for good: such hooks cannot be taken away


def test_no_file_is_read_that_is_not_sealed(folder: Path, ran: Path) -> None:
    global opened
    booby_trap(folder, ran)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tools.jinja").write_text("{{ messages }}")
    (folder / "vocab.json").write_text("{}")
    opened = []
    load(spec_of(folder))
    read, opened = opened, None
    sealed = {str(folder / name) for name in describe(spec_of(folder))["files"]}
    assert str(folder / "additional_chat_templates" / "tools.jinja") in read
    assert {path for path in read if path.startswith(str(folder))} <= sealed


# ----------------------------------------------------------------------------------------------------------- the hub


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs: one repository of one commit."""

    def __init__(self, folder: Path, asked: list[str], *arguments: object) -> None:
        self.folder, self.asked = folder, asked
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(f"{self.command} {path}")
        if re.fullmatch(r"/api/models/owner/tiny/revision/(main|v1)", path):
            self.answer(json.dumps({"id": "owner/tiny", "sha": COMMIT, "siblings": []}).encode())
        elif path == f"/api/models/owner/tiny/tree/{COMMIT}":
            self.answer(json.dumps([self.entry(file) for file in self.files()]).encode())
        elif path.startswith(f"/owner/tiny/resolve/{COMMIT}/"):
            self.file(self.folder / path.split("/", 5)[5])
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_HEAD = do_GET

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def entry(self, file: Path) -> dict[str, object]:
        oid = sha1(file.read_bytes()).hexdigest()
        return {
            "type": "file",
            "path": file.relative_to(self.folder).as_posix(),
            "size": file.stat().st_size,
            "oid": oid,
        }

    def file(self, path: Path) -> None:
        content = path.read_bytes()
        etag = sha1(content).hexdigest()
        self.answer(content, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"})

    def answer(self, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(folder: Path, ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub on this machine with one booby-trapped repository; what it was asked for."""
    booby_trap(folder, ran)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.safetensors").write_bytes(b"another form of the model")
    (folder / "consolidated.safetensors").write_bytes(b"a second copy of the model")
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, folder, asked))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    address = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield asked
    server.shutdown()
    server.server_close()


def downloaded(asked: list[str]) -> set[str]:
    return {path.split("/", 5)[5] for path in asked if path.startswith("GET /owner/tiny/resolve/")}


def test_only_weights_and_plain_files_are_fetched_from_the_hub(hub: list[str], ran: Path) -> None:
    spec = spec_of("owner/tiny", revision="v1")
    assert missing(spec) == ["model suspect: 0.01 GB of owner/tiny to fetch from the hub"]
    assert downloaded(hub) == set(), "looking fetches nothing"

    pinned = pin(spec)
    assert pinned.revision == COMMIT
    assert downloaded(hub) == set(describe(pinned)["files"])
    assert not any(name.endswith((".py", ".bin", ".pt", ".pkl")) for name in downloaded(hub))
    assert load(pinned).window == 512
    assert missing(pinned) == []
    assert not ran.exists()


def test_a_pinned_model_asks_the_hub_nothing_more(hub: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    pinned = pin(spec_of("owner/tiny"))
    before = len(hub)
    capfd.readouterr()
    load(pinned)
    assert hub[before:] == []
    assert capfd.readouterr() == ("", "")


def test_a_name_the_hub_does_not_know_is_bad_input(hub: list[str]) -> None:
    with pytest.raises(InputError, match="owner/nothing cannot be had from the hub"):
        describe(spec_of("owner/nothing"))
    [line] = missing(spec_of("owner/nothing"))
    assert line.startswith("model suspect: owner/nothing cannot be had from the hub")
