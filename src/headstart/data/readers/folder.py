"""Folders of result files: which files one holds, and what their places say about them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headstart.data.folder_layout import find_files
from headstart.data.readers.reader import Given
from headstart.errors import InputError

MOST_FILES = 200_000
"""Files of a folder that are looked at."""

_ENDS = (".json", ".yaml", ".yml", ".eval")
"""Ends of the names of files that are looked at in a folder, where other files may be models of many gigabytes."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the place of a file says.

    Args:
        root: The folder that was given, or the file itself.
        parts: Names of the folders between the root and the file.
        model: Model by the layout; None without one.
        step: Step by the layout.
        task: Task by the layout.
        seed: Seed by the layout.
    """

    root: str
    parts: tuple[str, ...] = ()
    model: str | None = None
    step: float | None = None
    task: str | None = None
    seed: str | None = None


class FoundFile(Given):
    """One file of a folder that was given."""

    def __init__(self, path: Path, names: Names) -> None:
        super().__init__(path)
        self.names = names


def names_of(given: Given) -> Names:
    """What is known of a file by its place."""
    return given.names if isinstance(given, FoundFile) else Names(root=given.source)


def files_of(folder: Given, layout: str | None) -> Iterator[FoundFile]:
    """The files of a folder that may hold results, in the order of their names; links never lead out of it.

    Args:
        folder: What was given.
        layout: Where model, step, task and seed stand in the paths; None to take them from the files.

    Raises:
        InputError: If the layout is bad, or there are more files than are looked at.
    """
    root = folder.source
    for count, found in enumerate(find_files(root, layout or "*", ()), start=1):
        if count > MOST_FILES:
            raise InputError(f"must hold at most {MOST_FILES:,} files, got more", file=root)
        parts = tuple(found.relative.split("/")[:-1])
        if layout is not None:
            if found.values is not None:
                yield FoundFile(found.path, _by_layout(root, parts, found.values))
        elif _may_hold_results(found.path, parts, Path(root)):
            yield FoundFile(found.path, Names(root=root, parts=parts))


def _by_layout(root: str, parts: tuple[str, ...], values: Mapping[str, str]) -> Names:
    step = values.get("step")
    return Names(
        root=root,
        parts=parts,
        model=values.get("model"),
        step=None if step is None else float(step),
        task=values.get("task"),
        seed=values.get("seed"),
    )


def _may_hold_results(path: Path, parts: tuple[str, ...], root: Path) -> bool:
    inside = ".git" not in parts and path.name.lower().endswith(_ENDS) and path.is_file()
    return inside and path.resolve().is_relative_to(root.resolve()) and os.access(path, os.R_OK)
