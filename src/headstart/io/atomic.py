"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from headstart.errors import InputError
from headstart.io.run import Run, now

STDOUT = "-"

ABANDONED_SECONDS = 3600.0
"""Age from which a temporary file is taken to be left by a write that was killed."""

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path``: readers see the old content or all of the new, never a part.

    The bytes go to a new file in the same folder, reach the disk, and then take the place of ``path``;
    until that moment an existing file is untouched. A link is followed, and devices and pipes are written
    directly because they cannot be replaced.

    Raises:
        InputError: If the folder does not exist or cannot be written, or ``path`` is a folder.
    """
    shown = os.fspath(path)
    try:
        _write(Path(os.path.realpath(shown)), data)
    except FileNotFoundError:
        folder = os.path.dirname(os.path.realpath(shown))
        raise InputError(f"cannot be written: the folder {folder} does not exist", file=shown) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be written: {reason}", file=shown) from error


def write_folder(path: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    """Write a new folder with all of its files; nobody ever sees a part of them.

    The files are written into a folder beside it, which then takes its name. An empty folder is replaced.

    Args:
        path: The folder; there must be none, or an empty one.
        files: Bytes by path below it, with forward slashes.

    Raises:
        InputError: If the folder holds something, it cannot be written, or a path leads out of it.
    """
    shown, target = os.fspath(path), Path(os.path.realpath(path))
    for name in files:
        if name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
            raise InputError(f"files must lie below the folder, got {name!r}", file=shown)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError("must be a new or an empty folder", file=shown)
        temporary = target.with_name(f"{_temporary_start(target)}{secrets.token_hex(6)}.tmp")
        temporary.mkdir()
        try:
            for name, data in files.items():
                file = temporary / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            os.replace(temporary, target)
        except BaseException:  # an interrupt too must leave nothing behind
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except FileNotFoundError:
        raise InputError(f"cannot be written: the folder {target.parent} does not exist", file=shown) from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be written: {reason}", file=shown) from error
    sync_folder(target.parent)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 with its line ends as they are; otherwise as ``write_bytes``."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], data: JsonValue) -> None:
    """Write ``data`` as indented JSON to a file, or to standard output when ``path`` is ``"-"``.

    Nothing is added; ``envelope`` gives the fields that every document of this package starts with.

    Raises:
        InputError: As ``write_bytes``.
        ValueError: If a number is not finite: a number that does not exist is None beside a reason.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if os.fspath(path) == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_text(path, text)


def envelope(schema: str, run: Run | None = None) -> dict[str, JsonValue]:
    """The fields every JSON document starts with: schema, version of headstart and time (UTC); and the run, if given.

    >>> list(envelope("headstart.audit/1"))
    ['schema', 'headstart_version', 'created_at']
    """
    from headstart import __version__  # here, because the package itself imports this module

    start: dict[str, JsonValue] = {"schema": schema, "headstart_version": __version__}
    if run is None:
        return start | {"created_at": now()}
    return start | {"created_at": run.created_at, "run_id": run.id}


def _write(target: Path, data: bytes) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder of that name exists")
    if target.exists() and not target.is_file():
        target.write_bytes(data)
    else:
        _replace(target, data)


def _replace(target: Path, data: bytes) -> None:
    _remove_abandoned(target)
    temporary = target.with_name(f"{_temporary_start(target)}{secrets.token_hex(6)}.tmp")
    # O_EXCL: never write into somebody else's file. Mode 0o666 lets the umask decide, as for any new file.
    binary = getattr(os, "O_BINARY", 0)  # Windows would otherwise change line ends
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:  # an interrupt too must leave nothing behind
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(target.parent)


def _temporary_start(target: Path) -> str:
    return f".{target.name[:100]}."


def _remove_abandoned(target: Path) -> None:
    """Remove what earlier writes of the same file left when they were killed; a young one may still be written."""
    before = time.time() - ABANDONED_SECONDS
    form = re.compile(re.escape(_temporary_start(target)) + r"[0-9a-f]{12}\.tmp")
    with suppress(OSError):
        for path in target.parent.iterdir():
            if form.fullmatch(path.name) and path.is_file() and path.stat().st_mtime < before:
                with suppress(OSError):
                    path.unlink()


def sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the system can do that for folders."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
