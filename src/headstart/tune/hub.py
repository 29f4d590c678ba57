"""Models of the hub: a revision becomes a commit, and a commit a folder on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from headstart.errors import InputError
from headstart.tune.plan import ModelSpec

# What transformers may read beside the weights. Each is digested, so a change of any is a change of the model.
COMPANIONS = (
    "config.json",
    "generation_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "*.jinja",
    "*.model",
    "vocab.*",
    "merges.txt",
)


def cached(spec: ModelSpec) -> Path | None:
    """The snapshot folder of a pinned model, if it is on this machine; None if the hub is to be asked.

    Folders that an older version of the hub's library made do not say whether they are complete.
    """
    if not re.fullmatch("[0-9a-f]{40}", spec.revision or ""):
        return None
    try:
        return Path(_snapshot(spec, local_files_only=True))
    except InputError:
        return None


def fetch(spec: ModelSpec) -> Path:
    """The snapshot folder of a model, named after its commit; what is not in the local cache is fetched.

    Without a network, the revision is looked up in the local cache.

    Raises:
        InputError: If the hub has no such model or revision, or it cannot be reached and the cache has not got it.
    """
    return Path(_snapshot(spec))


def to_fetch(spec: ModelSpec) -> list[str]:
    """What is to be fetched before the model can be loaded: readable lines, with gigabytes where the hub says so."""
    from huggingface_hub.errors import DryRunError

    try:
        try:
            files = _snapshot(spec, dry_run=True)
        except DryRunError:  # the hub cannot be reached: the cache must do
            fetch(spec)
            return []
    except InputError as error:
        return [f"model {spec.name}: {error.message}"]
    size = sum(file.file_size or 0 for file in files if file.will_download)
    return [f"model {spec.name}: {max(size / 1e9, 0.01):.2f} GB of {spec.source} to fetch from the hub"] if size else []


def _snapshot(spec: ModelSpec, *, dry_run: bool = False, local_files_only: bool = False) -> Any:
    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils import tqdm  # pyright: ignore[reportUnknownVariableType]

    class LateBar(tqdm):  # pyright: ignore[reportUntypedBaseClass]
        """A progress bar for downloads that take a while; looking into the cache is not worth one."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "delay": 2})  # pyright: ignore[reportUnknownMemberType]

    at = f"{spec.source} at {spec.revision}" if spec.revision else spec.source
    weights = [spec.gguf_file] if spec.gguf_file else ["model*.safetensors", "model.safetensors.index.json"]
    try:
        # Never code and never pickles: only these patterns, and only in the repository's own folder.
        return snapshot_download(
            spec.source,
            revision=spec.revision,
            allow_patterns=[*weights, *COMPANIONS],
            ignore_patterns=["*/*"],
            tqdm_class=LateBar,
            dry_run=dry_run,
            local_files_only=local_files_only,
        )
    except HFValidationError:
        raise InputError(
            f"source must be a folder or a name on the hub (owner/name), got {spec.source!r}", field="source"
        ) from None
    except LocalEntryNotFoundError:
        raise InputError(f"{at} is not on this machine and the hub cannot be reached", field="source") from None
    except HfHubHTTPError as error:
        raise InputError(f"{at} cannot be had from the hub: {_first_line(error)}", field="source") from None


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
