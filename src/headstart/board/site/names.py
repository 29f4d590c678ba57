"""File names for models and benchmarks, whatever they are called."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping

LONGEST = 48
"""Characters of a name that its file name keeps."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index)")
_NOT_KEPT = re.compile(r"[^a-z0-9]+")


def slug(name: str) -> str:
    """A file name without its ending: lower-case letters, digits and hyphens, never empty, never a path.

    A name that is not its own file name gets eight digits of its hash, so that two names never share one and a name
    has the same address in every release.

    >>> slug("gemma-2b"), slug("../../etc/passwd")
    ('gemma-2b', 'etc-passwd-3754d6cb')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    kept = _NOT_KEPT.sub("-", plain)[:LONGEST].strip("-")
    if kept and kept == name and not _RESERVED.fullmatch(kept):
        return kept
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{kept}-{digits}" if kept else digits


def slugs(names: Iterable[str]) -> Mapping[str, str]:
    """A file name for each name, all different.

    >>> slugs(["a", "A"])
    {'A': 'a-559aead0', 'a': 'a'}
    """
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in sorted(set(names)):
        chosen = slug(name)
        while chosen in taken:  # a name that looks like the file name of another
            chosen = f"{chosen}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
        found[name] = taken[chosen] = chosen
    return found
