"""Patterns that say where, below a folder, the results of each model and step lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import InputError

_PLACEHOLDERS = {"model": r"[^/]+", "step": r"\d+", "task": r"[^/]+", "seed": r"[^/]+"}
_TOKEN = re.compile(r"\{(\w*)\}|(\*+)")


@dataclass(frozen=True, kw_only=True)
class Found:
    """One file of a folder.

    Args:
        path: Where it is.
        relative: The same below the folder, with forward slashes.
        values: What each placeholder of the layout stands for; None when the file is not to be read.
        skipped: Why it is not to be read; None when it is.
    """

    path: Path
    relative: str
    values: Mapping[str, str] | None
    skipped: str | None


def compile_layout(layout: str, needed: Sequence[str] = ("model", "step")) -> re.Pattern[str]:
    """The layout as a pattern for whole relative paths.

    Args:
        layout: A relative path with forward slashes in which ``{model}``, ``{step}`` (digits), ``{task}`` and
            ``{seed}`` stand for parts of a name, each at most once, and ``*`` for any part of a name.
        needed: Placeholders that must be there.

    Raises:
        InputError: If one that is needed is missing, a placeholder is unknown or repeated, or it leads out.

    >>> compile_layout("{model}/step_{step}/*.json").fullmatch("a/step_10/mmlu.json").groupdict()
    {'model': 'a', 'step': '10'}
    """
    if layout.startswith("/") or "\\" in layout or any(part in ("..", ".", "") for part in layout.split("/")):
        raise InputError(
            f"layout must be a path below the folder, with forward slashes and without '..', got {layout!r}",
            field="layout",
        )
    pattern, seen, end = "", set[str](), 0
    for token in _TOKEN.finditer(layout):
        pattern += re.escape(layout[end : token.start()])
        end = token.end()
        name = token.group(1)
        if token.group(2):
            pattern += "[^/]*"
            continue
        if name not in _PLACEHOLDERS or name in seen:
            known = ", ".join(f"{{{key}}}" for key in _PLACEHOLDERS)
            raise InputError(f"layout must use each of {known} at most once, got {layout!r}", field="layout")
        seen.add(name)
        pattern += f"(?P<{name}>{_PLACEHOLDERS[name]})"
    for name in needed:
        if name not in seen:
            raise InputError(f"layout must say where the {name} is, with {{{name}}}, got {layout!r}", field="layout")
    return re.compile(pattern + re.escape(layout[end:]))


def find_files(
    folder: str | os.PathLike[str], layout: str, needed: Sequence[str] = ("model", "step")
) -> Iterator[Found]:
    """Every file below ``folder``, in the order of the names; links never lead out of the folder.

    Args:
        folder: Where to look.
        layout: See ``compile_layout``.
        needed: See there.

    Raises:
        InputError: If the folder does not exist or the layout is bad.
    """
    pattern = compile_layout(layout, needed)
    root = Path(folder)
    if not root.is_dir():
        raise InputError("must be a folder that exists", file=os.fspath(folder))
    inside = root.resolve()
    for parent, folders, files in os.walk(root, followlinks=False):
        folders.sort()
        for name in sorted([*files, *(name for name in folders if (Path(parent) / name).is_symlink())]):
            path = Path(parent) / name
            relative = path.relative_to(root).as_posix()
            match = pattern.fullmatch(relative)
            reason = None
            if path.is_dir():
                reason = "a link to a folder, which is not followed"
            elif match is None:
                reason = "not of the layout"
            elif not path.resolve().is_relative_to(inside):
                reason = "a link that leads out of the folder"
            yield Found(
                path=path, relative=relative, values=match.groupdict() if match and not reason else None, skipped=reason
            )
