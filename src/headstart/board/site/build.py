"""Writing a site: a folder of files, each whole, the same release always in the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from headstart import __version__
from headstart.board.site.pages import Site, asset
from headstart.board.site.tables import downloads
from headstart.board.site.values import Release
from headstart.errors import InputError

MANIFEST = "site.json"
"""Lists the files of a site with their digests, so that the next build knows which of them it may remove."""

SCHEMA = "headstart.site/1"

_SAFE = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)?")


@dataclass(frozen=True, kw_only=True)
class BuiltSite:
    """A site that was written.

    Args:
        path: Its folder.
        files: Paths within it, sorted, with the SHA-256 of each.
        written: Files that are new or changed.
        removed: Files of an earlier build that this one does not have.
    """

    path: Path
    files: Mapping[str, str]
    written: tuple[str, ...]
    removed: tuple[str, ...]


def site_files(release: Release) -> dict[str, bytes]:
    """Every file of a site by its path: a function of the release and of the version of headstart alone."""
    offered = downloads(release)
    found = {path: text.encode() for path, text in Site(release=release, offered=offered).pages()}
    shared = files("headstart.report").joinpath("templates", "page.css").read_text(encoding="utf-8")
    found["assets/board.css"] = (shared + "\n" + asset("board.css")).encode()
    found["assets/board.js"] = asset("board.js").encode()
    return found | {f"data/{one.name}": one.data for one in offered}


def build_site(release: Release, out: str | os.PathLike[str]) -> BuiltSite:
    """Write a site; a folder that holds an earlier build is brought up to date.

    Every file appears whole. Files that did not change are left alone, those that an earlier build wrote and this one
    does not have are removed, and files of anybody else stay.

    Args:
        release: What to show.
        out: The folder; it is made where it does not exist.

    Raises:
        InputError: If the folder holds files but no site, or cannot be written.
    """
    folder = Path(out)
    content = site_files(release)
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in sorted(content.items())}
    try:
        before = _earlier(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # What a build that is killed has written is still known to belong to a site.
        _write(folder / MANIFEST, _manifest(release, {path: "" for path in sorted({*before, *digests})}))
        written = tuple(path for path in digests if _bring(folder, path, content[path]))
        removed = tuple(path for path in before if path not in digests and _remove(folder, path))
        _write(folder / MANIFEST, _manifest(release, digests))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=str(folder)) from error
    return BuiltSite(path=folder, files=digests, written=written, removed=removed)


def check_folder(out: str | os.PathLike[str]) -> None:
    """Refuse a folder that no site can be written to, before anything is computed for it.

    Raises:
        InputError: As ``build_site``.
    """
    _earlier(Path(out))


def _earlier(folder: Path) -> tuple[str, ...]:
    """Files that an earlier build wrote."""
    if not folder.exists():
        return ()
    if not folder.is_dir():
        raise InputError("must be a folder, got a file", file=str(folder))
    manifest = folder / MANIFEST
    if not manifest.is_file():
        if any(folder.iterdir()):
            raise InputError(
                "holds files that are no site, and they are left alone: name a new folder", file=str(folder)
            )
        return ()
    try:
        document: object = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError:
        document = None
    fields = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    listed = fields.get("files")
    if fields.get("schema") != SCHEMA or not isinstance(listed, dict):
        raise InputError(f"must be a manifest of schema {SCHEMA!r}", file=str(manifest))
    # A manifest is a file like any other: nothing outside the site is removed on its word.
    return tuple(path for path in cast("dict[str, object]", listed) if _SAFE.fullmatch(path) and ".." not in path)


def _manifest(release: Release, digests: Mapping[str, str]) -> bytes:
    document = {
        "schema": SCHEMA,
        "headstart_version": __version__,
        "created_at": release.created_at,
        "title": release.title,
        "release": release.id,
        "files": dict(digests),
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _bring(folder: Path, path: str, data: bytes) -> bool:
    """Write a file unless it is there already; whether it was written."""
    target = folder / path
    if target.is_file() and not target.is_symlink() and target.read_bytes() == data:
        return False
    if target.parent.is_symlink():
        raise InputError("must be a folder of the site, got a link", file=str(target.parent))
    target.parent.mkdir(exist_ok=True)
    _write(target, data)
    return True


def _write(target: Path, data: bytes) -> None:
    """Readers see the old file or the new one. After a power cut a site is built again, so nothing is synced."""
    temporary = target.with_name(f".{target.name[:60]}.{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _remove(folder: Path, path: str) -> bool:
    target = folder / path
    if target.parent.is_symlink() or not (target.is_file() or target.is_symlink()):
        return False
    target.unlink()
    with suppress(OSError):  # a folder that still holds something stays
        target.parent.rmdir()
    return True
