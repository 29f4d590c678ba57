# pyright: basic
"""Loading contestants: weights from safetensors or GGUF, never code from the model's folder."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Read when transformers is imported: kernels fetched from the hub are code too.
os.environ.setdefault("USE_HUB_KERNELS", "NO")

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.integrations import hub_kernels
from transformers.utils import logging as transformers_logging

from headstart.errors import InputError
from headstart.tune.executors.places import refuse_devices
from headstart.tune.model_files import ModelFiles, find_files, missing
from headstart.tune.plan import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from headstart.io.atomic import JsonValue

__all__ = ["LoadedModel", "describe", "load", "load_tokenizer", "missing", "pin"]


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A contestant in memory.

    Args:
        spec: What was asked for.
        model: Causal language model in evaluation mode, in the dtype of ``spec``: on ``device``, or on several
            GPUs, where hooks of accelerate take what a layer reads to where the layer is.
        tokenizer: Of the model; nothing was added to it, so it may have no padding token.
        device: Where the model reads its tokens.
        window: Longest sequence in tokens.
    """

    spec: ModelSpec
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    window: int


def load(spec: ModelSpec, *, device: str = "cpu") -> LoadedModel:
    """Load a contestant.

    Raises:
        InputError: If the model is not there, is not in safetensors or GGUF, would need code of its own, lacks weights,
            has no chat template although the plan wants one, or wants more devices than this process sees.
    """
    places = _places(spec, device)
    if hub_kernels._kernels_enabled:
        raise InputError("transformers may run kernels from the hub in this process: set USE_HUB_KERNELS=NO")
    files = find_files(spec)
    _check_template(spec, files)
    with _quiet(spec):
        config = _config(spec, files)
        tokenizer = _load_tokenizer(spec, files)
        model: Any = _load_weights(spec, files, config, places)
    if not places:
        model.to(device=torch.device(device))
    elif any(weight.device.type in ("cpu", "meta") for weight in model.parameters()):  # meta: left on the disk
        raise InputError(f"model {spec.name} does not fit into {spec.devices} GPUs: give it more", field="devices")
    return LoadedModel(
        spec=spec,
        model=model.eval(),
        tokenizer=tokenizer,
        device=model.device,
        window=_window(config, files),
    )


def describe(spec: ModelSpec) -> dict[str, JsonValue]:
    """What decides a contestant's numbers, for sealing: no weights are loaded.

    ``source`` alone is information: a folder that moved is the same model as long as the digests are.

    Raises:
        InputError: As ``load``.
    """
    files = find_files(spec)
    template = _check_template(spec, files)
    with _quiet(spec):
        config = _config(spec, files)
        with _reading("model", files), torch.device("meta"):  # no memory: is there such a language model at all?
            AutoModelForCausalLM.from_config(config, attn_implementation=spec.attention, trust_remote_code=False)
    stored = _gguf_header(files.weights[0]) if spec.gguf_file else _safetensors_header(files.weights)
    return {
        "source": spec.source,
        "commit": files.commit,
        "files": files.digests(),
        "architecture": (config.architectures or [None])[0] or config.model_type,
        "layers": config.get_text_config().num_hidden_layers,
        "parameters": stored.parameters,
        "window": _window(config, files),
        "stored_dtypes": list(stored.dtypes),
        "has_chat_template": template,
    }


def empty_model(spec: ModelSpec) -> PreTrainedModel:
    """The model without weights, on whatever device is torch's default; for counting on ``meta``.

    Raises:
        InputError: As ``load``.
    """
    files = find_files(spec)
    with _quiet(spec):
        config = _config(spec, files)
        with _reading("model", files):
            return AutoModelForCausalLM.from_config(
                config,
                dtype=getattr(torch, spec.dtype),
                attn_implementation=spec.attention,
                trust_remote_code=False,
            )


def load_tokenizer(spec: ModelSpec) -> PreTrainedTokenizerBase:
    """The tokenizer alone, so that items can be checked before any weights are loaded.

    Raises:
        InputError: As ``load``.
    """
    with _quiet(spec):
        return _load_tokenizer(spec, find_files(spec))


def pin(spec: ModelSpec) -> ModelSpec:
    """The same contestant with its revision resolved to a commit: what every process of a run must be handed."""
    return spec if spec.is_local else replace(spec, revision=find_files(spec).commit)


def _config(spec: ModelSpec, files: ModelFiles) -> PreTrainedConfig:
    with _reading("configuration", files):
        return AutoConfig.from_pretrained(
            files.folder, gguf_file=spec.gguf_file, local_files_only=True, trust_remote_code=False
        )


def _load_tokenizer(spec: ModelSpec, files: ModelFiles) -> PreTrainedTokenizerBase:
    source = {"gguf_file": spec.gguf_file} if spec.gguf_file else {}
    with _reading("tokenizer", files):
        tokenizer = AutoTokenizer.from_pretrained(
            files.folder, local_files_only=True, trust_remote_code=False, **source
        )
    if not tokenizer.is_fast:
        raise InputError("the tokenizer must be one of the tokenizers library", file=str(files.folder))
    return tokenizer


def _places(spec: ModelSpec, device: str) -> dict[str, Any]:
    """How transformers is told to put a model on several devices; nothing for one."""
    if spec.devices == 1:
        return {}
    there = torch.cuda.device_count() if device.startswith("cuda") else 1
    refuse_devices(spec.devices, kind=torch.device(device).type, there=there)
    # As many layers on each as memory is the same on all: what tuning adds is where the weights are.
    free = {index: torch.cuda.mem_get_info(index)[0] for index in range(spec.devices)}
    return {"device_map": "balanced", "max_memory": free}


def _load_weights(
    spec: ModelSpec, files: ModelFiles, config: PreTrainedConfig, places: dict[str, Any]
) -> PreTrainedModel:
    gguf = {"gguf_file": spec.gguf_file, "quantization_config": GgufConfig(dequantize=True)} if spec.gguf_file else {}
    with _reading("model", files):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            files.folder,
            config=config,
            dtype=getattr(torch, spec.dtype),  # explicit: the default is whatever the file says
            attn_implementation=spec.attention,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **gguf,
            **places,
        )
    model, report = loaded
    absent = sorted(report["missing_keys"])
    if absent:  # transformers would fill them with random numbers
        raise InputError(
            f"{len(absent)} weights are not in the files, the first is {absent[0]}", file=str(files.folder)
        )
    return model


@contextmanager
def _reading(what: str, files: ModelFiles) -> Iterator[None]:
    """Whatever transformers raises about a folder's content is bad input; a missing package or memory is not."""
    try:
        yield
    except (ImportError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(f"the {what} cannot be loaded: {line}", file=str(files.folder)) from error


def _window(config: PreTrainedConfig, files: ModelFiles) -> int:
    """Positions of the model; without such a limit, the length its tokenizer was made for."""
    window = getattr(config.get_text_config(), "max_position_embeddings", None)
    if window is None:
        window = files.json("tokenizer_config.json").get("model_max_length")
    # The tokenizers' way to say "unlimited" is a very large number.
    if not isinstance(window, int | float) or not 0 < window < 1e9:
        raise InputError(
            "the model names no window: set max_position_embeddings in config.json or model_max_length in "
            "tokenizer_config.json",
            file=str(files.folder),
        )
    return int(window)


def _check_template(spec: ModelSpec, files: ModelFiles) -> bool:
    """Whether the model has a chat template; an error if the plan wants one and there is none."""
    written = files.json("tokenizer_config.json").get("chat_template")
    named = {entry.get("name") for entry in written} if isinstance(written, list) else set()
    found = (
        files.folder / "chat_template.jinja" in files.companions
        or (isinstance(written, str) and bool(written.strip()))
        or "default" in named
        or (spec.gguf_file is not None and _gguf_header(files.weights[0]).has_template)
    )
    if spec.chat_template and not found:
        raise InputError(f"model {spec.name} has no chat template", file=str(files.folder), field="chat_template")
    return found


@dataclass(frozen=True, kw_only=True)
class _Header:
    """What the weight files say about themselves."""

    parameters: int
    dtypes: tuple[str, ...]
    has_template: bool = False


def _safetensors_header(weights: tuple[Path, ...]) -> _Header:
    parameters = 0
    dtypes: set[str] = set()
    for path in weights:
        if path.suffix != ".safetensors":  # the index
            continue
        try:
            with safe_open(path, framework="pt") as stored:
                for name in stored.keys():  # noqa: SIM118 - not a mapping
                    tensor = stored.get_slice(name)
                    parameters += math.prod(tensor.get_shape())
                    dtypes.add(tensor.get_dtype())
        except SafetensorError as error:
            raise InputError(f"is not a safetensors file: {error}", file=str(path)) from None
    return _Header(parameters=parameters, dtypes=tuple(sorted(dtypes)))


def _gguf_header(path: Path) -> _Header:
    status = path.stat()
    return _read_gguf_header(path, status.st_size, status.st_mtime_ns)


@cache  # walking through a vocabulary takes seconds
def _read_gguf_header(path: Path, size: int, mtime_ns: int) -> _Header:
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(f"is not a GGUF file: {error}", file=str(path)) from None
    return _Header(
        parameters=sum(int(tensor.n_elements) for tensor in reader.tensors),
        dtypes=tuple(sorted({tensor.tensor_type.name for tensor in reader.tensors})),
        has_template=reader.get_field("tokenizer.chat_template") is not None,
    )


@contextmanager
def _quiet(spec: ModelSpec) -> Iterator[None]:
    """Errors of transformers are raised; its progress bars and advice are not for whoever runs a plan."""
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    # Its reader of GGUF files draws a bar that no setting turns off.
    silence = redirect_stderr(StringIO()) if spec.gguf_file else nullcontext()
    try:
        with silence:
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
