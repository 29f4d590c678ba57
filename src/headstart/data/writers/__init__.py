"""Writers of results: one registry of the formats in which scores and ranks are published.

A format is one ``Writer``. ``write_published`` writes a file, or a folder of files, whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from headstart.data.writers.published import Published, PublishedScore, Writer
from headstart.errors import InputError
from headstart.io.atomic import write_bytes, write_folder
from headstart.registry import Registry


def _complaint(found: object) -> str | None:
    return None if isinstance(found, Writer) else f"must be a Writer, got {type(found).__name__}"


_HERE = "headstart.data.writers"

WRITERS: Registry[Writer] = Registry(
    "format of published results",
    group="headstart.writers",
    lazy={
        "every-eval-ever": f"{_HERE}.every_eval_ever:EVERY_EVAL_EVER",
        "eval-results": f"{_HERE}.eval_results:EVAL_RESULTS",
        "csv": f"{_HERE}.tables:CSV",
        "parquet": f"{_HERE}.tables:PARQUET",
        "markdown": f"{_HERE}.markdown:MARKDOWN",
        "junit": f"{_HERE}.junit:JUNIT",
    },
    complaint=_complaint,
)
"""Formats by name. Packages add theirs under the entry-point group ``headstart.writers``."""


def write_published(published: Published, name: str, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Write results in a format, whole or not at all; returns the paths of the files.

    Args:
        published: What is published.
        name: One of ``WRITERS``.
        path: A file, or a new folder for a format of many files.

    Raises:
        InputError: If there is no such format, it cannot hold these results, or the path cannot be written.
    """
    writer = WRITERS[name]
    content = writer.render(published)
    if isinstance(content, Mapping):
        write_folder(path, content)
        return tuple(os.path.join(os.fspath(path), *name.split("/")) for name in content)
    if writer.folder:
        raise InputError(f"the writer {name!r} must give files of a folder, got {type(content).__name__}")
    write_bytes(path, content)
    return (os.fspath(path),)


__all__ = ["WRITERS", "Published", "PublishedScore", "Writer", "write_published"]
